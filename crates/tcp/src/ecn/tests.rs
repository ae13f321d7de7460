use super::*;

#[test]
fn the_field_is_the_lower_two_bits() {
    let said = [0, 1, 2, 3, 0xfc, 0xff].map(Codepoint::of);
    use Codepoint::{Ce, Ect, NotEct};
    assert_eq!(said, [NotEct, Ect, Ect, Ce, NotEct, Ce]);
}

#[test]
fn a_mark_is_echoed_until_the_peer_slows_down() {
    let mut ecn = Ecn::new(true);
    assert!(!ecn.on_data(Codepoint::NotEct));
    assert!(!ecn.on_data(Codepoint::Ect));
    assert!(ecn.on_data(Codepoint::NotEct), "a retransmission");
    assert!(ecn.on_data(Codepoint::Ce), "congestion begins");
    assert!(!ecn.on_data(Codepoint::Ce), "it goes on");
    assert_eq!(ecn.echo(), Flags::ECE);
    ecn.on_cwr();
    assert_eq!(ecn.echo(), Flags::default());
}

#[test]
fn slowing_down_is_told_once() {
    let mut ecn = Ecn::new(true);
    ecn.slowed_down();
    assert_eq!((ecn.take_slowed(), ecn.take_slowed()), (Flags::CWR, Flags::default()));
}

#[test]
fn who_did_not_agree_says_nothing() {
    let mut ecn = Ecn::new(false);
    assert!(!ecn.on_data(Codepoint::Ce));
    ecn.slowed_down();
    assert_eq!((ecn, ecn.echo(), ecn.take_slowed()), (Ecn::default(), Flags::default(), Flags::default()));
}

mod handshakes {
    use crate::half_open::HalfOpen;
    use crate::knobs::SocketOptions;
    use crate::matrix::{output, peer_syn};
    use crate::{ActiveOpen, Arrival, Codepoint, Instant, Knobs, Seq};
    use lastack_wire::tcp::{Flags, Timestamps};
    use std::time::Duration;

    const NOW: Instant = Instant::from_millis(10_000);
    const ASKS: Flags = Flags(Flags::SYN.0 | Flags::ECE.0 | Flags::CWR.0);
    const GRANTS: Flags = Flags(Flags::SYN.0 | Flags::ACK.0 | Flags::ECE.0);
    const DENIES: Flags = Flags(Flags::SYN.0 | Flags::ACK.0);

    fn knobs(tcp_ecn: u8) -> Knobs {
        Knobs { tcp_ecn, ..Knobs::default() }
    }

    fn answer(syn: &Arrival, tcp_ecn: u8) -> Flags {
        let options = SocketOptions::default();
        HalfOpen::from_syn(syn, Seq(9), 1460, &options, &knobs(tcp_ecn), NOW).syn_ack(0, NOW).header.flags
    }

    #[test]
    fn a_listener_grants_what_was_asked_for() {
        let syn = peer_syn(ASKS, Seq(700), Seq(0), None);
        assert_eq!([0, 1, 2].map(|tcp_ecn| answer(&syn, tcp_ecn)), [DENIES, GRANTS, GRANTS]);
        let marked = Arrival { ecn: Codepoint::Ce, ..syn };
        assert_eq!(answer(&marked, 2), DENIES, "RFC 3168: a SYN is not marked");
        for flags in [Flags::SYN, Flags::SYN.with(Flags::ECE), Flags::SYN.with(Flags::CWR)] {
            assert_eq!(answer(&peer_syn(flags, Seq(700), Seq(0), None), 2), DENIES, "{flags:?}");
        }
    }

    /// TIMELINES T20f: granted by a cookie too, when the timestamp can carry it.
    #[test]
    fn a_cookie_grants_it_with_timestamps_only() {
        for (timestamps, flags) in [(Some(Timestamps { value: 5, echo: 0 }), GRANTS), (None, DENIES)] {
            let syn = peer_syn(ASKS, Seq(700), Seq(0), timestamps);
            let record = HalfOpen::from_syn(&syn, Seq(9), 1460, &SocketOptions::default(), &knobs(2), NOW);
            let syn_ack = record.cookie_syn_ack(0, NOW);
            assert_eq!(syn_ack.header.flags, flags);
            if let Some(stamps) = syn_ack.header.options.timestamps {
                assert_eq!(stamps.value & 0x20, 0x20);
            }
        }
    }

    fn opened(knobs: &Knobs) -> (ActiveOpen, Flags) {
        let mut open = ActiveOpen::new(Seq(5), 0, 1460, &SocketOptions::default(), knobs, NOW);
        let syn = open.poll_transmit(NOW, knobs, &mut output(NOW)).expect("a SYN");
        (open, syn.header.flags)
    }

    #[test]
    fn connect_asks_only_when_it_is_told_to() {
        assert_eq!([0, 1, 2].map(|tcp_ecn| opened(&knobs(tcp_ecn)).1), [Flags::SYN, ASKS, Flags::SYN]);
    }

    #[test]
    fn a_syn_that_is_sent_again_asks_no_more() {
        for (tcp_ecn_fallback, second) in [(true, Flags::SYN), (false, ASKS)] {
            let knobs = Knobs { tcp_ecn_fallback, ..knobs(1) };
            let (mut open, _) = opened(&knobs);
            let later = NOW + Duration::from_secs(1);
            let _ = open.handle_timeout(&SocketOptions::default(), &knobs, later, &mut output(later));
            let again = open.poll_transmit(later, &knobs, &mut output(later)).expect("a SYN");
            assert_eq!(again.header.flags, second);
        }
    }

    #[test]
    fn an_answer_that_only_reflects_grants_nothing() {
        for (flags, agreed) in [(GRANTS, true), (DENIES, false), (GRANTS.with(Flags::CWR), false)] {
            let (open, _) = opened(&knobs(1));
            let mut syn_ack = peer_syn(flags, Seq(700), Seq(6), None);
            let options = SocketOptions::default();
            let connection = open.establish(&mut syn_ack, &options, &knobs(1), NOW, &mut output(NOW));
            assert_eq!(connection.negotiated().ecn, agreed, "{flags:?}");
        }
    }
}
