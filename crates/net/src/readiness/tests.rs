//! A descriptor is waited for in both directions, and no event is lost between a full device and the wait.

use super::*;
use bytes::Bytes;
use lastack_device::{Capabilities, Link, Received};
use lastack_wire::{Offload, Payload};
use std::future::poll_fn;
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;

/// One packet is one datagram.
struct Datagrams(UnixDatagram);

impl Device for Datagrams {
    fn name(&self) -> &str {
        "datagrams"
    }

    fn mtu(&self) -> u16 {
        1500
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn readiness(&self) -> Readiness<'_> {
        Readiness::Descriptor(self.0.as_fd())
    }

    fn link(&self) -> Link {
        Link::Up
    }

    fn receive(&mut self, frames_max: usize, sink: &mut dyn FnMut(Frame)) -> Result<Received, Error> {
        let mut buffer = [0; 2048];
        for frames in 0..frames_max {
            match self.0.recv(&mut buffer) {
                Ok(len) => sink(Frame::plain(buffer[..len].to_vec())),
                Err(_) => return Ok(Received { frames, drained: true }),
            }
        }
        Ok(Received { frames: frames_max, drained: false })
    }

    fn send(&mut self, packet: &Packet) -> Result<Sent, Error> {
        match self.0.send(&packet.to_frame().data) {
            Ok(_) => Ok(Sent::Done),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Sent::Full),
            Err(error) => panic!("the other end is open: {error}"),
        }
    }
}

fn packet(number: u16) -> Packet {
    let payload = Payload::from(Bytes::copy_from_slice(&number.to_be_bytes()));
    Packet { head: Default::default(), payload, offload: Offload::default() }
}

#[tokio::test]
async fn a_thousand_packets_pass_a_device_that_is_often_full() {
    let (left, right) = UnixDatagram::pair().unwrap();
    left.set_nonblocking(true).unwrap();
    right.set_nonblocking(true).unwrap();
    let (mut left, mut right) = (Datagrams(left), Datagrams(right));
    let (left_watch, right_watch) = (Watch::new(&left).unwrap(), Watch::new(&right).unwrap());
    let sender = tokio::spawn(async move {
        let mut waited = 0;
        for number in 0..1000 {
            let packet = packet(number);
            poll_fn(|cx| match left_watch.send(&mut left, cx, &packet).unwrap() {
                Sent::Done => Poll::Ready(()),
                Sent::Full => {
                    waited += 1;
                    Poll::Pending
                }
            })
            .await;
        }
        waited
    });
    let mut numbers = Vec::new();
    while numbers.len() < 1000 {
        // A small budget: a device that is not drained is ready at once.
        poll_fn(|cx| {
            let mut sink = |frame: Frame| numbers.push(u16::from_be_bytes([frame.data[0], frame.data[1]]));
            match right_watch.receive(&mut right, cx, 3, false, &mut sink).unwrap() {
                Some(_) => Poll::Ready(()),
                None => Poll::Pending,
            }
        })
        .await;
    }
    assert!(numbers.iter().copied().eq(0..1000));
    assert!(sender.await.unwrap() > 0, "the device was full now and then");
}
