use super::*;
use crate::knobs::SocketOptions;
use crate::time_wait::Remains;
use crate::{ActiveOpen, ActiveVerdict, HalfOpen, HalfOpenVerdict, Knobs, TimeWait, TimeWaitVerdict};
use lastack_observe::State;
use proptest::prelude::*;

const ISS: Seq = Seq(u32::MAX - 3);
const IRS: Seq = Seq(5);

/// Numbers near the ones that matter, and any.
fn near(seq: Seq) -> impl Strategy<Value = Seq> {
    prop_oneof![
        4 => (-12_i64..12).prop_map(move |by| shifted(seq, by)),
        1 => (-70_000_i64..70_000).prop_map(move |by| shifted(seq, by)),
        1 => any::<u32>().prop_map(Seq),
    ]
}

prop_compose! {
    fn any_arrival()(
        flags in any::<u8>(),
        seq in near(IRS),
        ack in near(ISS),
        len in prop_oneof![3 => Just(0_usize), 1 => 0_usize..2000],
        timestamps in proptest::option::of((0_u32..2000, 0_u32..2000)),
        syn_options in any::<(Option<u16>, Option<u8>, bool)>(),
    ) -> Arrival {
        let (mss, window_scale, sack_permitted) = syn_options;
        let timestamps = timestamps.map(|(value, echo)| Timestamps { value, echo });
        let options = Options { mss, window_scale, sack_permitted, timestamps, ..Options::default() };
        let header = Header { seq, ack, flags: Flags(flags), window: 1000, options, ..Header::default() };
        Arrival { header, payload: Bytes::from(vec![b'x'; len]), pinned: len, packet: len as u32 + 40, piece: 0, ecn: crate::Codepoint::NotEct }
    }
}

/// No RST is answered with a RST, and no segment with more than one segment.
fn check_replies(arrival: &Arrival, out: &mut Output) {
    let mut replies = 0;
    while let Some((_, reply)) = out.poll_reply() {
        replies += 1;
        assert!(!(arrival.header.flags.rst() && reply.header.flags.rst()), "{arrival:?} -> {reply:?}");
    }
    assert!(replies <= 1, "{replies} replies to {arrival:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever arrives: no panic, no illegal transition, bounded replies, and a state that agrees with the verdicts.
    #[test]
    fn any_segments_in_any_order(arrivals in proptest::collection::vec((any_arrival(), 0_u64..700), 1..24)) {
        let (options, knobs) = (SocketOptions::default(), Knobs::default());
        let mut now = Instant::from_millis(1000);
        let mut out = output(now);
        let syn = peer_syn(Flags::SYN, IRS, Seq(0), Some(Timestamps { value: 1000, echo: 0 }));
        let mut request = Some(HalfOpen::from_syn(&syn, ISS, 1460, &options, &knobs, now));
        let mut open = Some(ActiveOpen::new(ISS, 0, 1460, &options, &knobs, now));
        if let Some(open) = &mut open {
            prop_assert!(open.poll_transmit(now, &knobs, &mut out).is_some());
        }
        let remains = Remains {
            state: State::FinWait2,
            snd_nxt: ISS + 1,
            rcv_nxt: IRS + 1,
            receive_window: 65_536,
            window_field: 64,
            ts_recent: Some(1000),
        };
        let mut record = Some(TimeWait::new(remains));
        for (arrival, pause) in arrivals {
            now += std::time::Duration::from_millis(pause);
            if let Some(mut live) = request.take() {
                let verdict = live.handle_segment(&arrival, 0, &knobs, now, &mut out);
                match verdict {
                    HalfOpenVerdict::Keep | HalfOpenVerdict::Restart => request = Some(live),
                    HalfOpenVerdict::Establish => {
                        prop_assert_eq!(live.establish(&arrival, 0, &options, &knobs, now, &mut out).state(), State::Established);
                    }
                    HalfOpenVerdict::Drop(_) => {}
                }
                check_replies(&arrival, &mut out);
            }
            if let Some(mut live) = open.take() {
                match live.handle_segment(&arrival, &knobs, now, &mut out) {
                    ActiveVerdict::Keep => open = Some(live),
                    ActiveVerdict::Establish => {
                        prop_assert_eq!(live.establish(&mut arrival.clone(), &options, &knobs, now, &mut out).state(), State::Established);
                    }
                    ActiveVerdict::Fail(_) => {}
                }
                check_replies(&arrival, &mut out);
            }
            if let Some(mut live) = record.take() {
                let before = live.state();
                match live.handle_segment(&arrival, 0, &knobs, now, &mut out) {
                    TimeWaitVerdict::Enter(_) => {
                        prop_assert_eq!((before, live.state()), (State::FinWait2, State::TimeWait));
                        record = Some(live);
                    }
                    TimeWaitVerdict::Keep | TimeWaitVerdict::Restart(_) => {
                        prop_assert_eq!(before, live.state());
                        record = Some(live);
                    }
                    TimeWaitVerdict::Reopen(_) => live.reopen(&mut out),
                    TimeWaitVerdict::Kill(_) => {}
                }
                check_replies(&arrival, &mut out);
            }
        }
    }
}
