use super::*;
use crate::matrix::{Ends, SEGMENTS};

const ENDS: Ends = Ends { snd_nxt: Seq(5000), peer_nxt: Seq(100), irs: Seq(99), timestamps: None };

/// Matrix row CLOSED: what has ACK is answered with its acknowledgment, what has not with number zero, RST never.
#[test]
fn every_segment_of_the_matrix_gets_its_rst() {
    for name in SEGMENTS {
        let arrival = ENDS.segment(name);
        let reply = reset_for(&arrival).map_or("-".to_owned(), |segment| ENDS.describe(&segment));
        let expected = match name {
            "SYN new higher ISN" | "PAWS: SYN higher ISN with an old timestamp" => {
                "RST|ACK(seq=0, ack=peer_nxt+100001)"
            }
            "SYN lower ISN" => "RST|ACK(seq=0, ack=peer_nxt-99999)",
            "SYN original ISN again" | "no flags" => "RST|ACK(seq=0, ack=peer_nxt+0)",
            "data without ACK flag" => "RST|ACK(seq=0, ack=peer_nxt+5)",
            "FIN without ACK" => "RST|ACK(seq=0, ack=peer_nxt+1)",
            "ACK of unsent data (+1000)" => "RST(seq=snd_nxt+1000)",
            "ACK of old data (-70000)" => "RST(seq=snd_nxt-70000)",
            name if name.contains("does not ack") => "RST(seq=snd_nxt-1)",
            name if name.starts_with("RST") => "-",
            _ => "RST(seq=snd_nxt+0)",
        };
        assert_eq!(reply, expected, "{name}");
    }
}

#[test]
fn a_rst_carries_no_window_and_no_options() {
    let reset = reset_for(&ENDS.segment("data in order")).expect("data is answered");
    assert_eq!((reset.header.window, reset.header.options), (0, Default::default()));
    assert!(reset.payload.is_empty());
}
