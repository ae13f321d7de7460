//! Every knob is obeyed: each has a script or a test that turns it and sees the difference.
//!
//! The scripts run in `scripts`, the tests in their own crates; here is that no knob is without one, and that the proof
//! exists and names the knob.

use lastack_stack::knobs::table;
use std::fs;
use std::path::Path;

/// The knob, and its proof: a script, or a file of tests with the name of one in it.
const PROOFS: &[(&str, &str)] = &[
    (
        "net.core.rmem_max",
        "crates/tcp/src/knobs/bounds/tests.rs::buffers_are_doubled_and_bounded_as_linux_does",
    ),
    (
        "net.core.somaxconn",
        "crates/stack/tests/stack/listeners.rs::the_accept_queue_admits_one_more_than_the_backlog",
    ),
    (
        "net.core.wmem_max",
        "crates/tcp/src/knobs/bounds/tests.rs::buffers_are_doubled_and_bounded_as_linux_does",
    ),
    ("net.ipv4.ip_local_port_range", "crates/stack/tests/stack/ports.rs::ports_run_out_per_destination"),
    (
        "net.ipv4.ip_local_reserved_ports",
        "crates/stack/tests/stack/ports.rs::reserved_ports_are_named_but_never_chosen",
    ),
    ("net.ipv4.tcp_abort_on_overflow", "tests/pkt/timelines/T09b.pkt"),
    (
        "net.ipv4.tcp_allowed_congestion_control",
        "crates/tcp/src/knobs/table/tests.rs::congestion_controls_are_named",
    ),
    (
        "net.ipv4.tcp_available_congestion_control",
        "crates/tcp/src/knobs/table/tests.rs::congestion_controls_are_named",
    ),
    (
        "net.ipv4.tcp_congestion_control",
        "crates/tcp/src/connection/tests/bursts.rs::the_window_falls_as_the_congestion_control_says",
    ),
    (
        "net.ipv4.tcp_autocorking",
        "crates/stack/tests/stack/autocork.rs::a_small_segment_waits_for_the_batch_before_it_unless_it_is_told_not_to",
    ),
    (
        "net.ipv4.tcp_challenge_ack_limit",
        "crates/tcp/src/connection/tests/arrivals.rs::challenges_are_limited_per_flow_and_per_stack",
    ),
    ("net.ipv4.tcp_comp_sack_delay_ns", "tests/pkt/window/acks-wait-part-of-the-round-trip.pkt"),
    ("net.ipv4.tcp_comp_sack_nr", "tests/pkt/window/every-other-ack.pkt"),
    ("net.ipv4.tcp_comp_sack_slack_ns", "tests/pkt/window/acks-wait-for-each-other.pkt"),
    ("net.ipv4.tcp_dsack", "tests/pkt/window/dsack-off.pkt"),
    ("net.ipv4.tcp_early_retrans", "tests/pkt/retransmit/no-probe.pkt"),
    ("net.ipv4.tcp_ecn", "crates/tcp/src/ecn/tests.rs::connect_asks_only_when_it_is_told_to"),
    ("net.ipv4.tcp_ecn_fallback", "crates/tcp/src/ecn/tests.rs::a_syn_that_is_sent_again_asks_no_more"),
    ("net.ipv4.tcp_fastopen", "tests/pkt/fastopen/client-timeout.pkt"),
    ("net.ipv4.tcp_fastopen_blackhole_timeout_sec", "tests/pkt/fastopen/client-timeout.pkt"),
    ("net.ipv4.tcp_fastopen_key", "tests/pkt/fastopen/server-cookie.pkt"),
    ("net.ipv4.tcp_fin_timeout", "tests/pkt/timelines/T04c.pkt"),
    (
        "net.ipv4.tcp_frto",
        "crates/tcp/src/send/loss/tests.rs::without_f_rto_or_without_new_octets_the_lost_ones_go",
    ),
    ("net.ipv4.tcp_invalid_ratelimit", "tests/pkt/reset/no-limit-of-challenges.pkt"),
    ("net.ipv4.tcp_keepalive_intvl", "tests/pkt/timelines/T16-knobs.pkt"),
    ("net.ipv4.tcp_keepalive_probes", "tests/pkt/timelines/T16-knobs.pkt"),
    ("net.ipv4.tcp_keepalive_time", "tests/pkt/timelines/T16-knobs.pkt"),
    ("net.ipv4.tcp_max_orphans", "tests/pkt/timelines/T30.pkt"),
    (
        "net.ipv4.tcp_max_reordering",
        "crates/tcp/src/send/reordering/tests.rs::the_degree_is_what_was_seen_between_two_knobs",
    ),
    ("net.ipv4.tcp_max_syn_backlog", "tests/pkt/timelines/T20-max-syn-backlog.pkt"),
    ("net.ipv4.tcp_max_tw_buckets", "tests/pkt/timelines/T21.pkt"),
    ("net.ipv4.tcp_mem", "crates/stack/tests/stack/memory.rs::readers_that_do_not_read_are_held_to_tcp_mem"),
    ("net.ipv4.tcp_base_mss", "crates/packetdrill/tests/scripts/mtu-probe.pkt"),
    (
        "net.ipv4.tcp_min_snd_mss",
        "crates/tcp/src/connection/path_search/tests.rs::segments_are_never_smaller_than_the_knob_says",
    ),
    ("net.ipv4.tcp_mtu_probe_floor", "crates/packetdrill/tests/scripts/mtu-probe-black-hole.pkt"),
    ("net.ipv4.tcp_mtu_probing", "crates/packetdrill/tests/scripts/mtu-probe.pkt"),
    (
        "net.ipv4.tcp_probe_interval",
        "crates/tcp/src/connection/path_search/tests.rs::knobs_end_the_search_and_begin_it_anew",
    ),
    (
        "net.ipv4.tcp_probe_threshold",
        "crates/tcp/src/connection/path_search/tests.rs::knobs_end_the_search_and_begin_it_anew",
    ),
    ("net.ipv4.tcp_moderate_rcvbuf", "crates/tcp/src/connection/tests/buffers.rs::the_knobs_bound_it"),
    (
        "net.ipv4.tcp_min_tso_segs",
        "crates/tcp/src/connection/tests/bursts.rs::bursts_are_as_large_as_the_knobs_say",
    ),
    (
        "net.ipv4.tcp_pacing_ca_ratio",
        "crates/tcp/src/congestion/pacing/tests.rs::the_rate_is_the_window_per_round_trip",
    ),
    (
        "net.ipv4.tcp_pacing_ss_ratio",
        "crates/tcp/src/congestion/pacing/tests.rs::the_rate_is_the_window_per_round_trip",
    ),
    ("net.ipv4.tcp_shrink_window", "tests/pkt/window/may-shrink.pkt"),
    ("net.ipv4.tcp_notsent_lowat", "crates/packetdrill/tests/scripts/writable-edge.pkt"),
    ("net.ipv4.tcp_orphan_retries", "tests/pkt/timelines/T03d.pkt"),
    (
        "net.ipv4.tcp_recovery",
        "crates/tcp/src/send/rack/tests.rs::the_window_is_a_quarter_until_enough_was_sacked",
    ),
    (
        "net.ipv4.tcp_reordering",
        "crates/tcp/src/send/reordering/tests.rs::the_degree_is_what_was_seen_between_two_knobs",
    ),
    (
        "net.ipv4.tcp_retrans_collapse",
        "crates/tcp/src/send/recovery/tests.rs::small_segments_that_are_sent_again_fill_one_up",
    ),
    (
        "net.ipv4.tcp_retries1",
        "crates/tcp/src/connection/tests/timers.rs::the_way_is_doubted_after_tcp_retries1_timeouts",
    ),
    ("net.ipv4.tcp_retries2", "tests/pkt/retransmit/retries2.pkt"),
    ("net.ipv4.tcp_rfc1337", "tests/pkt/timelines/T08b.pkt"),
    ("net.ipv4.tcp_rmem", "crates/tcp/src/connection/tests/buffers.rs::the_knobs_bound_it"),
    ("net.ipv4.tcp_rto_max_ms", "tests/pkt/retransmit/rto-max.pkt"),
    ("net.ipv4.tcp_rto_min_us", "tests/pkt/retransmit/rto-min.pkt"),
    ("net.ipv4.tcp_sack", "tests/pkt/options/sack-off.pkt"),
    (
        "net.ipv4.tcp_slow_start_after_idle",
        "crates/tcp/src/connection/tests/streams.rs::the_window_shrinks_while_idle_unless_the_knob_says_no",
    ),
    ("net.ipv4.tcp_syn_linear_timeouts", "tests/pkt/timelines/T01c.pkt"),
    ("net.ipv4.tcp_syn_retries", "tests/pkt/timelines/T01c.pkt"),
    ("net.ipv4.tcp_synack_retries", "tests/pkt/timelines/T02b.pkt"),
    ("net.ipv4.tcp_syncookies", "tests/pkt/timelines/T20-2.pkt"),
    ("net.ipv4.tcp_timestamps", "tests/pkt/options/timestamps-off.pkt"),
    (
        "net.ipv4.tcp_tso_rtt_log",
        "crates/tcp/src/connection/tests/bursts.rs::bursts_are_as_large_as_the_knobs_say",
    ),
    ("net.ipv4.tcp_tw_reuse", "tests/pkt/timelines/T22b.pkt"),
    ("net.ipv4.tcp_tw_reuse_delay", "tests/pkt/time-wait/reuse-delay.pkt"),
    ("net.ipv4.tcp_window_scaling", "tests/pkt/options/window-scaling-off.pkt"),
    (
        "net.ipv4.tcp_wmem",
        "crates/tcp/src/connection/tests/scarce.rs::a_writer_waits_when_there_is_no_memory",
    ),
];

/// What a test's function, or a whole script, says.
fn proof(place: &str) -> String {
    let (file, test) = place.split_once("::").map_or((place, None), |(file, test)| (file, Some(test)));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let Some(test) = test else { return text };
    // Helpers of a test stand beside it, so its file counts.
    assert!(text.contains(&format!("fn {test}(")), "{file} has no test {test}");
    text
}

#[test]
fn every_knob_has_a_proof() {
    for knob in table::all() {
        let found = PROOFS.iter().filter(|(name, _)| *name == knob.name).count();
        assert_eq!(found, 1, "{} has {found} proofs", knob.name);
    }
    assert_eq!(PROOFS.len(), table::all().len(), "a proof of a knob that does not exist");
}

#[test]
fn every_proof_turns_its_knob() {
    for (name, place) in PROOFS {
        let text = proof(place);
        let field = name.rsplit('.').next().unwrap_or(name);
        let turns =
            if place.contains("::") { text.contains(field) } else { text.contains(&format!("{name}=")) };
        assert!(turns, "{place} does not turn {name}");
    }
}
