use super::run::World;
use super::stream::{Side, Stream};
use super::watch::Watch;
use super::*;
use lastack_wire::tcp::Flags;
use std::time::Duration;

/// Runs worlds and shows what went wrong in the first that is not well.
fn well(seeds: std::ops::Range<u64>, options: WorldOptions) -> Vec<WorldReport> {
    seeds
        .map(|seed| {
            let report = run_world(seed, options);
            assert!(report.violations.is_empty(), "{report}");
            report
        })
        .collect()
}

#[test]
fn perfect_links_deliver_everything() {
    let reports = well(0..10, WorldOptions::orderly(0));
    assert!(reports.iter().all(|report| report.timed_out == 0 && report.octets > 0));
}

#[test]
fn bad_links_deliver_everything() {
    let reports = well(100..120, WorldOptions::orderly(10));
    assert!(reports.iter().all(|report| report.timed_out == 0));
}

#[test]
fn very_bad_links_only_time_out() {
    let reports = well(200..215, WorldOptions::orderly(30));
    assert!(reports.iter().filter(|report| report.timed_out > 0).count() <= 1);
}

#[test]
fn rough_worlds_keep_the_rules() {
    well(300..330, WorldOptions::rough());
}

#[test]
fn two_shards_deliver_everything() {
    let options = WorldOptions { shards: 2, ..WorldOptions::orderly(5) };
    let reports = well(400..410, options);
    assert!(reports.iter().all(|report| report.timed_out == 0));
}

#[test]
fn two_shards_keep_the_rules() {
    well(500..525, WorldOptions { shards: 2, ..WorldOptions::rough() });
}

#[test]
fn the_same_seed_is_the_same_world() {
    for options in [WorldOptions::orderly(10), WorldOptions::rough()] {
        let first = run_world(7, options);
        assert_eq!(first, run_world(7, options));
        assert_ne!(first.trace, run_world(8, options).trace);
    }
}

/// shutdown() ends a connect() that waits for the first write, and until the stack has taken the call no timer runs.
#[test]
fn a_call_is_taken_before_rows_are_looked_at() {
    let mut world = World::new(1, WorldOptions::orderly(0));
    let meet = &mut world.meets[0];
    meet.meeting = super::cast::Meeting::Listener(super::cast::PORT);
    let plan = &mut meet.plans[0];
    (plan.octets, plan.listens_first) = (100, false);
    plan.leave = super::plan::Leave::HalfCloseAt(Duration::ZERO, Duration::from_secs(1));
    (plan.options.fast_open.connect, plan.options.fast_open.no_cookie) = (true, true);
    let client = meet.client;
    world.begin(0);
    assert!(world.report.violations.is_empty(), "{}", world.report);
    assert!(!world.hosts[client].has_calls());
    assert_eq!(world.hosts[client].count(lastack_observe::State::SynSent), 0);
    assert!(!world.clients.is_empty(), "connect() was called");
}

#[test]
fn a_link_without_faults_keeps_order_and_rate() {
    let mut dice = Dice::new(1);
    let mut link = Link::new(LinkOptions { rate: 1_000_000, ..LinkOptions::default() });
    let start = lastack_observe::Instant::from_millis(5);
    let mut arrivals = Vec::new();
    for index in 0..3u8 {
        link.carry(start, &mut dice, vec![index; 1000].into(), |delivery| arrivals.push(delivery));
    }
    let times: Vec<u128> = arrivals.iter().map(|delivery| delivery.at.since(start).as_micros()).collect();
    assert_eq!(times, [2000, 3000, 4000]);
    assert!(
        arrivals.iter().zip(0u8..).all(|(delivery, index)| delivery.octets[0] == index && delivery.intact)
    );
}

#[test]
fn a_full_queue_loses_and_corruption_changes_few_bits() {
    let mut dice = Dice::new(2);
    let mut link = Link::new(LinkOptions { rate: 1000, queue: 1500, ..LinkOptions::default() });
    let now = lastack_observe::Instant::from_millis(5);
    let mut count = 0;
    (0..10).for_each(|_| link.carry(now, &mut dice, vec![0; 1000].into(), |_| count += 1));
    assert_eq!(count, 2);
    let mut link = Link::new(LinkOptions { corrupt: 1000, ..LinkOptions::default() });
    for _ in 0..200 {
        link.carry(now, &mut dice, vec![0; 64].into(), |delivery| {
            let set: Vec<usize> =
                (0..512).filter(|bit| delivery.octets[bit / 8] & 0x80 >> (bit % 8) != 0).collect();
            assert!(!delivery.intact && !set.is_empty() && set[set.len() - 1] - set[0] < 15, "{set:?}");
        });
    }
}

/// TIMELINES T40: every bare acknowledgment to the server is lost. A client with data gets through all the same.
#[test]
fn a_rule_that_loses_every_third_segment_of_a_handshake() {
    for seed in 0..5 {
        let mut world = World::new(seed, WorldOptions::orderly(0));
        let mut seen = std::collections::BTreeSet::new();
        world.add_rule(move |packet: &Transit<'_>| {
            let Ok(Some(packet)) = crate::octets::decode(packet.octets) else { return Verdict::Pass };
            let bare = packet.segment.len == 0 && packet.segment.flags == Flags::ACK;
            // The first bare acknowledgment of each direction of a flow.
            if bare && seen.insert((packet.ends.from, packet.ends.to)) {
                Verdict::Drop
            } else {
                Verdict::Pass
            }
        });
        let report = world.run();
        assert!(report.violations.is_empty() && report.timed_out == 0, "{report}");
    }
}

/// A world of one conversation over a perfect wire. The server answers with as many octets.
fn one_conversation(octets: [u64; 2]) -> World {
    let mut world = World::new(1, WorldOptions::orderly(30));
    world.meets.truncate(1);
    world.agenda = Agenda::default();
    world.agenda.add(world.now, super::run::Event::Begin(0));
    world.waiting = 1;
    world.links.iter_mut().for_each(|link| *link = Link::new(LinkOptions::default()));
    world.meets[0].meeting = super::cast::Meeting::Listener(super::cast::PORT);
    for (plan, octets) in world.meets[0].plans.iter_mut().zip(octets) {
        (plan.octets, plan.listens_first, plan.patient) = (octets, false, true);
        (plan.write_max, plan.write_pause, plan.read_pause) = (10_000, Duration::ZERO, Duration::ZERO);
        (plan.leave, plan.read_after) = (super::plan::Leave::HalfClose, Duration::ZERO);
    }
    world
}

/// Loses what one end sends after it has sent a FIN, so many times.
fn lose_after_fin(mut times: u32) -> impl Rule {
    let mut begun = None;
    move |packet: &Transit<'_>| {
        let Ok(Some(seen)) = crate::octets::decode(packet.octets) else { return Verdict::Pass };
        let acknowledges = begun.is_some();
        if begun.is_none() && seen.segment.flags.fin() {
            begun = Some(packet.to);
        }
        // The second FIN is that of the end that got the first.
        let lost = acknowledges && begun == Some(packet.from) && seen.segment.flags.fin() && times > 0;
        times -= u32::from(lost);
        if lost { Verdict::Drop } else { Verdict::Pass }
    }
}

/// An end that got the data and the FIN at once half-closes and could finish in one breath. As an orphan it would give its
/// FIN up after eight repetitions.
#[test]
fn a_patient_end_waits_until_its_half_close_is_acknowledged() {
    let mut world = one_conversation([2, 0]);
    world.add_rule(lose_after_fin(11));
    let report = world.run();
    assert!(report.violations.is_empty() && report.timed_out == 0, "{report}");
    assert!(report.packets > 15, "the FIN was lost: {report}");
}

/// The peer of an end whose repetitions were all lost hears nothing, as with Linux: it waits for ever and is excused.
#[test]
fn who_waits_for_an_end_that_timed_out_is_excused() {
    let mut world = one_conversation([2, 0]);
    world.add_rule(lose_after_fin(u32::MAX));
    let report = world.run();
    assert!(report.violations.is_empty(), "{report}");
    assert_eq!(report.timed_out, 1);
}

/// RFC 7413 section 6.1: the server's first connection, made by a SYN with data, is reset and the client hears nothing of it.
/// Its next SYN makes a second one, whose end the client reads.
#[test]
fn a_client_may_read_a_second_connection() {
    let mut world = one_conversation([100, 0]);
    world.options.rough = true;
    world.hosts.iter_mut().for_each(|host| host.change_knobs(|knobs| knobs.tcp_fastopen = 0x607));
    let (server, plans) = (world.meets[0].server, &mut world.meets[0].plans);
    (plans[0].options.fast_open.connect, plans[0].options.fast_open.no_cookie) = (true, true);
    plans[1].leave = super::plan::Leave::AbortAt(Duration::from_millis(50));
    let deaf = world.now + Duration::from_millis(500);
    world.add_rule(move |packet: &Transit<'_>| match packet.from == server && packet.now < deaf {
        true => Verdict::Drop,
        false => Verdict::Pass,
    });
    let report = world.run();
    assert!(report.violations.is_empty(), "{report}");
    assert_eq!(report.conversations, 1);
    assert!(report.packets > 6, "a second connection was made: {report}");
}

/// No checksum covers IPv6's flow label: flipped bits there leave a segment that counts.
#[test]
fn a_flipped_flow_label_leaves_the_segment() {
    use crate::octets::{Ends, decode, encode};
    let ends = Ends { from: "[fd00::1]:1".parse().expect("a"), to: "[fd00::2]:2".parse().expect("b") };
    let script = crate::script::parse("t", "+0 < . 1:1001(1000) ack 501 win 100").expect("a segment");
    let crate::script::ast::Action::Send(segment) = &script.steps[0].action else { panic!("{script:?}") };
    let good = encode(ends, segment);
    let mut label = good.clone();
    label[3] ^= 4;
    let counts =
        |packet: &[u8]| decode(packet).map(|seen| seen.map(|seen| (seen.ends, seen.segment, seen.payload)));
    assert_eq!(counts(&label), counts(&good));
    let mut window = good;
    window[40 + 15] ^= 4;
    assert!(decode(&window).is_err());
}

#[test]
fn a_stream_finds_what_is_not_as_it_was_written() {
    let mut stream = Stream::new(3, Side::Client);
    let chunk = stream.chunk(100);
    assert!(stream.take(&chunk[..1]).is_err(), "nothing was written yet");
    stream.written = 100;
    assert_eq!(stream.take(&chunk[..60]), Ok(()));
    assert!(stream.clone().take(&chunk[59..99]).is_err(), "an octet came twice");
    assert!(stream.clone().take(&chunk[61..]).is_err(), "an octet is missing");
    assert!(stream.clone().end().is_err(), "the writer has not ended");
    stream.finished = true;
    assert!(stream.clone().end().is_err(), "octets are missing at the end");
    assert_eq!(stream.take(&chunk[60..]), Ok(()));
    assert_eq!(stream.end(), Ok(()));
    assert!(stream.take(&chunk[..1]).is_err(), "octets after the end");
}

#[test]
fn a_segment_beyond_the_window_is_found() {
    use crate::octets::{Ends, encode};
    use crate::script::ast::{Action, Opt};
    let ours = Ends { from: ([10, 0, 0, 1], 1).into(), to: ([10, 0, 0, 2], 2).into() };
    let theirs = Ends { from: ours.to, to: ours.from };
    let packet = |ends, text: &str| {
        let script = crate::script::parse("t", &format!("+0 < {text}")).expect("a segment");
        let Action::Send(segment) = &script.steps[0].action else { panic!("{script:?}") };
        encode(ends, segment)
    };
    let mut watch = Watch::default();
    let syn = watch.sent(&packet(ours, "S 0:0(0) win 100 <nop,wscale 3>"));
    assert!(
        matches!(syn, Ok(Some(seen)) if seen.segment.options.iter().flatten().any(|o| *o == Opt::WindowScale(3)))
    );
    let answer = watch
        .sent(&packet(theirs, "S. 500:500(0) ack 1 win 1000 <nop,wscale 1>"))
        .expect("good")
        .expect("TCP");
    watch.arrived(&answer);
    // The window of a SYN is not scaled; those that follow are.
    assert!(watch.sent(&packet(ours, ". 1:1001(1000) ack 501 win 100")).is_ok());
    assert!(watch.sent(&packet(ours, ". 2:1002(1000) ack 501 win 100")).is_err());
    let later = watch.sent(&packet(theirs, ". 501:501(0) ack 1 win 501")).expect("good").expect("TCP");
    watch.arrived(&later);
    assert!(watch.sent(&packet(ours, ". 3:1003(1000) ack 501 win 100")).is_ok());
    assert!(watch.sent(&packet(ours, ". 4:1004(1000) ack 501 win 100")).is_err());
}

#[test]
fn rough_worlds_together_cross_most_edges() {
    let mut edges = Edges::default();
    (0..120).for_each(|seed| edges.merge(&run_world(seed, WorldOptions::rough()).edges));
    assert!(
        edges.count() >= 70,
        "{} edges, missing {:?}",
        edges.count(),
        edges.missing().collect::<Vec<_>>()
    );
}
