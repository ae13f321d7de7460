//! The tap writes both directions as a reader expects them and changes nothing on the way.

use super::*;
use crate::gated::Gated;
use crate::{Device, Sent, memory};
use bytes::Bytes;
use lastack_wire::{Gso, Offload, Payload};
use pcap_file::pcapng::{Block, PcapNgReader};
use smallvec::SmallVec;
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Broken;

impl Write for Broken {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if data.len() > 1000 { Err(io::Error::other("disk full")) } else { Ok(data.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An IPv4 header, then a TCP header whose checksum field holds the pseudo-header's sum, then four octets.
fn partial() -> Packet {
    let mut head = SmallVec::from_slice(&[0; 40]);
    head[0] = 0x45;
    head[9] = 6;
    head[12..20].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
    // 10.0 + 0.1 + 10.0 + 0.2 + protocol 6 + length 24
    head[36..38].copy_from_slice(&(0x0a00u16 + 1 + 0x0a00 + 2 + 6 + 24).to_be_bytes());
    let offload =
        Offload { checksum: Checksum::Partial { start: 20, offset: 16 }, gso: Some(Gso { size: 2 }) };
    Packet { head, payload: Payload::from(Bytes::from_static(&[1, 2, 3, 4])), offload }
}

fn blocks(file: &[u8]) -> (Vec<InterfaceDescriptionBlock<'static>>, Vec<EnhancedPacketBlock<'static>>) {
    let mut reader = PcapNgReader::new(file).expect("a section header");
    let (mut interfaces, mut packets) = (Vec::new(), Vec::new());
    while let Some(block) = reader.next_block() {
        match block.expect("a whole block").into_owned() {
            Block::InterfaceDescription(block) => interfaces.push(block),
            Block::EnhancedPacket(block) => packets.push(block),
            other => panic!("unexpected {other:?}"),
        }
    }
    (interfaces, packets)
}

#[test]
fn both_directions_are_written_and_checksums_finished() {
    let file = Shared::default();
    let (left, mut right) = memory::pair(memory::Config::default());
    let clock = || Duration::new(1_700_000_000, 123_456_789);
    let tap = Tap::with_clock(file.clone(), left.name(), clock).unwrap();
    let mut left = Gated::new(left, tap);
    left.send(&partial()).unwrap();
    right.receive(8, &mut |frame| assert_eq!(&frame.data[36..38], &partial().head[36..38])).unwrap();
    let answer = Packet { offload: Offload::default(), ..partial() };
    right.send(&answer).unwrap();
    let mut frames = 0;
    left.receive(8, &mut |_| frames += 1).unwrap();
    assert_eq!(frames, 1);
    left.receive(8, &mut |_| ()).unwrap();

    let file = file.0.lock().unwrap();
    let (interfaces, packets) = blocks(&file);
    assert_eq!(interfaces.len(), 1);
    assert_eq!(u32::from(interfaces[0].linktype), LINKTYPE_RAW);
    assert_eq!(packets.len(), 2);
    assert_eq!(packets[0].timestamp, clock());
    assert_eq!(packets[0].options, [EnhancedPacketOption::Flags(2)]);
    assert_eq!(packets[1].options, [EnhancedPacketOption::Flags(1)]);
    // By hand: pseudo-header 0x1421, octets 0x0102 and 0x0304, sum 0x1827.
    assert_eq!(packets[0].data[36..38], (!0x1827u16).to_be_bytes());
    assert_eq!(packets[0].data[40..], [1, 2, 3, 4]);
    assert_eq!(packets[1].data[36..38], partial().head[36..38]);
}

#[test]
fn a_checksum_field_outside_the_packet_changes_nothing() {
    let data = [7u8; 21];
    let checksum = Checksum::Partial { start: 20, offset: 16 };
    assert_eq!(finished(Cow::Borrowed(&data), checksum), data.as_slice());
}

#[test]
fn a_tap_that_cannot_write_lets_the_traffic_pass() {
    let (left, mut right) = memory::pair(memory::Config { mtu: 9000, ..Default::default() });
    let tap = Tap::new(Broken, left.name()).unwrap();
    let mut left = Gated::new(left, tap);
    let big = Packet {
        payload: Payload::from(Bytes::from(vec![0; 8800])),
        offload: Offload::default(),
        ..partial()
    };
    for _ in 0..3 {
        assert_eq!(left.send(&big).unwrap(), Sent::Done);
    }
    assert_eq!(left.gate().failure().map(ToString::to_string).as_deref(), Some("disk full"));
    assert_eq!(right.receive(8, &mut |_| ()).unwrap().frames, 3);
}
