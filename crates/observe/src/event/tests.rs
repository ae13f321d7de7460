use super::*;

fn event(kind: EventKind) -> Event {
    let flow = Flow { local: "10.9.0.1:80".parse().unwrap(), remote: "[::1]:40000".parse().unwrap() };
    Event { at: Instant::from_millis(1500), flow, kind }
}

#[test]
fn an_event_is_one_sentence() {
    let change =
        EventKind::StateChanged { from: State::FinWait1, to: State::FinWait2, cause: Cause::FinAcked };
    assert_eq!(
        event(change).to_string(),
        "1.500000 10.9.0.1:80 -> [::1]:40000: FIN_WAIT1 -> FIN_WAIT2: our FIN was acknowledged"
    );
    for (kind, text) in [
        (EventKind::SegmentDropped { reason: DropReason::Paws }, "dropped: the timestamp"),
        (EventKind::ConnectionRefused { reason: Refusal::NoListener }, "refused: nobody listens"),
        (EventKind::ResetSent { reason: ResetReason::NoSocket }, "RST sent: no socket"),
        (EventKind::PeerUnreachable { reason: Unreachable::Port }, "unreachable: the host serves no"),
        (
            EventKind::FastOpenFellBack { reason: FastOpenFailure::BadCookie },
            "Fast Open fell back: the SYN's",
        ),
        (EventKind::Retransmitted { seq: 7, len: 3 }, "retransmitted: 3 octets from 7"),
    ] {
        assert!(kind.to_string().starts_with(text), "{kind}");
    }
}

#[test]
fn events_read_back_from_json() {
    for &cause in Cause::ALL {
        let sent = event(EventKind::StateChanged { from: State::SynRecv, to: State::Closed, cause });
        let json = serde_json::to_string(&sent).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), sent, "{json}");
    }
    for &reason in DropReason::ALL {
        let sent = event(EventKind::SegmentDropped { reason });
        let json = serde_json::to_string(&sent).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), sent, "{json}");
    }
}

#[test]
fn no_two_reasons_of_a_kind_read_the_same() {
    let texts: std::collections::BTreeSet<_> = DropReason::ALL.iter().map(|reason| reason.text()).collect();
    assert_eq!(texts.len(), DropReason::ALL.len());
    let texts: std::collections::BTreeSet<_> = Cause::ALL.iter().map(|cause| cause.text()).collect();
    assert_eq!(texts.len(), Cause::ALL.len());
    let texts: std::collections::BTreeSet<_> = Unreachable::ALL.iter().map(|reason| reason.text()).collect();
    assert_eq!(texts.len(), Unreachable::ALL.len());
}
