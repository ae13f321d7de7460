use super::*;

#[test]
fn acks_free_octets_across_the_wrap() {
    let start = Seq(u32::MAX - 2);
    let mut buffer = SendBuffer::new(start);
    buffer.push(Bytes::from_static(b"hello "));
    buffer.push(Bytes::from_static(b"world"));
    assert_eq!(buffer.end(), start + 11);
    assert_eq!(&buffer.range(start + 4, 4).to_bytes()[..], b"o wo");
    assert_eq!(buffer.ack(start + 4), 4);
    assert_eq!(buffer.ack(start + 2), 0, "an old ACK frees nothing");
    assert_eq!(buffer.start, start + 4);
    assert_eq!(&buffer.range(start + 4, 100).to_bytes()[..], b"o world");
    assert!(buffer.range(buffer.end(), 10).is_empty());
    assert_eq!(buffer.ack(start + 12), 7, "the FIN's number frees no octet");
    assert!(buffer.octets.is_empty());
    assert_eq!(buffer.pinned(), 0);
    assert_eq!(buffer.end(), start + 11);
}

#[test]
fn the_urgent_mark_lies_behind_the_octet_and_goes_with_it() {
    let mut buffer = SendBuffer::new(Seq(100));
    buffer.push(Bytes::from_static(b"abc"));
    buffer.push_urgent(Bytes::from_static(b"!"));
    buffer.push(Bytes::from_static(b"def"));
    assert_eq!(buffer.urgent(), Some(Seq(104)));
    buffer.ack(Seq(103));
    assert_eq!(buffer.urgent(), Some(Seq(104)));
    buffer.ack(Seq(104));
    assert_eq!(buffer.urgent(), None);
    assert_eq!(buffer.octets.len(), 3);
}
