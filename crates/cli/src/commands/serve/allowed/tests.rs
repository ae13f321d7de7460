use super::*;
use lastack::device::memory::{self, Memory};

fn packet(version: u8, from: &[u8]) -> Vec<u8> {
    let mut octets = vec![0; 60];
    octets[0] = version << 4;
    let at = if version == 4 { 12 } else { 8 };
    octets[at..at + from.len()].copy_from_slice(from);
    octets
}

fn passes(octets: Vec<u8>) -> bool {
    struct One(Memory, Option<Vec<u8>>);
    impl Device for One {
        fn name(&self) -> &str {
            self.0.name()
        }
        fn mtu(&self) -> u16 {
            self.0.mtu()
        }
        fn capabilities(&self) -> Capabilities {
            self.0.capabilities()
        }
        fn readiness(&self) -> Readiness<'_> {
            self.0.readiness()
        }
        fn link(&self) -> Link {
            Link::Up
        }
        fn receive(&mut self, _: usize, sink: &mut dyn FnMut(Frame)) -> Result<Received, Error> {
            let frame = self.1.take().expect("asked once");
            sink(Frame::plain(frame));
            Ok(Received { frames: 1, drained: true })
        }
        fn send(&mut self, packet: &Packet) -> Result<Sent, Error> {
            self.0.send(packet)
        }
    }
    let (near, _far) = memory::pair(memory::Config::default());
    let networks = vec!["198.18.0.0/24".parse().unwrap(), "2001:2::/64".parse().unwrap()];
    let mut device = Allowed::new(One(near, Some(octets)), networks);
    let mut passed = false;
    let received = device.receive(1, &mut |_| passed = true).unwrap();
    assert_eq!(received, Received { frames: 1, drained: true });
    passed
}

#[test]
fn only_listed_networks_reach_the_stack() {
    assert!(passes(packet(4, &[198, 18, 0, 1])));
    assert!(!passes(packet(4, &[198, 18, 1, 1])));
    assert!(!passes(packet(4, &[10, 0, 0, 1])));
    assert!(passes(packet(6, &[0x20, 0x01, 0, 2, 0, 0, 0, 0])));
    assert!(!passes(packet(6, &[0xfe, 0x80])));
}

#[test]
fn what_is_no_ip_packet_is_left_to_the_stack() {
    assert!(passes(vec![]));
    assert!(passes(vec![0x45, 0]));
    assert!(passes(vec![0xff; 60]));
}
