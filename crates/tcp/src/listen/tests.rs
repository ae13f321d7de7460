use super::*;
use crate::Instant;
use crate::Seq;
use crate::matrix::{Ends, SEGMENTS, output};

/// Matrix row LISTEN.
#[test]
fn a_listener_takes_syns_refuses_acks_and_ignores_the_rest() {
    let ends = Ends { snd_nxt: Seq(5000), peer_nxt: Seq(100), irs: Seq(99), timestamps: None };
    for name in SEGMENTS {
        let arrival = ends.segment(name);
        let verdict = judge_in_listen(&arrival);
        let (syn, ack) = (arrival.header.flags.syn(), arrival.header.flags.ack());
        match name {
            name if name.starts_with("RST") => assert!(matches!(verdict, ListenVerdict::Ignore(_)), "{name}"),
            _ if ack => {
                let ListenVerdict::Reset(reset) = verdict else { panic!("{name} is not refused") };
                let mut out = output(Instant::ZERO);
                out.reply(reset);
                let expected = format!("RST(seq=snd_nxt{:+})", arrival.header.ack.since(ends.snd_nxt));
                assert_eq!(ends.replies(&mut out), expected, "{name}");
            }
            _ if syn => assert!(matches!(verdict, ListenVerdict::Request), "{name}"),
            _ => assert!(matches!(verdict, ListenVerdict::Ignore(_)), "{name}"),
        }
    }
}

#[test]
fn a_syn_with_fin_asks_for_nothing() {
    let ends = Ends { snd_nxt: Seq(0), peer_nxt: Seq(100), irs: Seq(99), timestamps: None };
    let both = lastack_wire::tcp::Flags::SYN.with(lastack_wire::tcp::Flags::FIN);
    let verdict = judge_in_listen(&ends.plain(both, Seq(1), Seq(0), 0));
    assert!(matches!(verdict, ListenVerdict::Ignore(DropReason::UnwantedInListen)));
}
