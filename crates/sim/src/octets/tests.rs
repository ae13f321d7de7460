use super::*;
use crate::script::ast::{Action, Opt};
use crate::script::parse;

fn segment(text: &str) -> crate::script::ast::Segment {
    let script = parse("test", &format!("+0 < {text}")).expect("the text is a segment");
    match script.steps.into_iter().next().map(|step| step.action) {
        Some(Action::Send(segment)) => segment,
        other => panic!("{other:?} is no segment"),
    }
}

fn ends(v6: bool) -> Ends {
    let (from, to) = if v6 { ("[fd00::1]:1", "[fd00::2]:2") } else { ("10.0.0.1:1", "10.0.0.2:2") };
    Ends { from: from.parse().expect("an address"), to: to.parse().expect("an address") }
}

#[test]
fn what_is_encoded_is_decoded_again() {
    for v6 in [false, true] {
        for text in [
            "S 7:7(0) win 65535 <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7>",
            "P. 1:1001(1000) ack 9 win 5 <nop,nop,TS val 9 ecr 8,nop,nop,sack 1:2 3:4>",
            "S. 1:1(0) ack 9 win 5 <md5 00ff,ECN e0b 1 ceb 16777215 e1b 3,FO 0102,nop>",
            "FPU. 4294967295:0(1) ack 4294967295 win 0 urg 3",
        ] {
            let segment = segment(text);
            let packet = encode(ends(v6), &segment);
            let seen = decode(&packet).expect("a good packet").expect("a TCP packet");
            assert_eq!(seen.ends, ends(v6));
            assert_eq!(seen.segment, segment);
        }
    }
}

#[test]
fn a_flipped_bit_is_found() {
    let packet = encode(ends(false), &segment("P. 1:12(11) ack 9 win 5"));
    for bit in 0..packet.len() * 8 {
        let mut bad = packet.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        // Version, lengths and protocol have no checksum of TCP's over them; IPv4's own covers them.
        assert!(decode(&bad).is_err(), "bit {bit} went unseen");
    }
}

#[test]
fn a_super_segment_is_cut_into_good_packets() {
    use lastack_wire::{Checksum, Frame, Gso, Offload};
    for v6 in [false, true] {
        let whole = encode(ends(v6), &segment("FP. 100:3100(3000) ack 9 win 5 <nop,nop,TS val 9 ecr 8>"));
        let mut frame = Frame::plain(whole);
        frame.offload =
            Offload { checksum: Checksum::Partial { start: 20, offset: 16 }, gso: Some(Gso { size: 1448 }) };
        let seen: Vec<_> =
            cut(&frame).iter().map(|packet| decode(packet).expect("good").expect("TCP").segment).collect();
        let shapes: Vec<_> = seen.iter().map(|piece| (piece.start, piece.len, piece.flags.fin())).collect();
        assert_eq!(shapes, [(100, 1448, false), (1548, 1448, false), (2996, 104, true)]);
    }
}

#[test]
fn an_option_without_a_name_is_shown_by_its_kind() {
    let mut with = segment("S 0:0(0) win 1");
    with.options = Some(vec![Opt::Unknown(200), Opt::Nop, Opt::Nop]);
    let seen = decode(&encode(ends(false), &with)).expect("good").expect("TCP");
    assert_eq!(seen.segment.options, with.options);
}
