//! Names that Linux 6.18 has and lastack does not obey yet, and names that Linux had.
//!
//! A name leaves this list when something obeys it: a test holds that no name stands in both places.

use super::KnobError;

/// Below `net.ipv4.tcp_`.
pub(super) const TCP: &[&str] = &[
    "adv_win_scale",
    "app_win",
    "available_ulp",
    "backlog_ack_defer",
    "child_ehash_entries",
    "early_demux",
    "ecn_option",
    "ecn_option_beacon",
    "ehash_entries",
    "fack",
    "fwmark_accept",
    "l3mdev_accept",
    "limit_output_bytes",
    "low_latency",
    "migrate_req",
    "min_rtt_wlen",
    "no_metrics_save",
    "no_ssthresh_metrics_save",
    "pingpong_thresh",
    "plb_cong_thresh",
    "plb_enabled",
    "plb_idle_rehash_rounds",
    "plb_rehash_rounds",
    "plb_suspend_rto_sec",
    "reflect_tos",
    "stdurg",
    "thin_linear_timeouts",
    "tso_win_divisor",
    "workaround_signed_windows",
];

/// Others, whole.
pub(super) const OTHERS: &[&str] = &[
    "net.core.default_qdisc",
    "net.core.netdev_budget",
    "net.core.netdev_max_backlog",
    "net.core.optmem_max",
    "net.core.rmem_default",
    "net.core.wmem_default",
    "net.ipv4.icmp_echo_ignore_all",
    "net.ipv4.icmp_echo_ignore_broadcasts",
    "net.ipv4.icmp_ratelimit",
    "net.ipv4.ip_default_ttl",
    "net.ipv4.ip_forward",
    "net.ipv4.ip_no_pmtu_disc",
    "net.ipv4.ip_nonlocal_bind",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ipfrag_high_thresh",
    "net.ipv4.ipfrag_time",
];

/// Trees of the machine.
const FOREIGN: &[&str] = &[
    "abi.",
    "debug.",
    "dev.",
    "fs.",
    "kernel.",
    "user.",
    "vm.",
    "net.bridge.",
    "net.netfilter.",
    "net.unix.",
];

/// Trees that Linux has with names of interfaces and protocols in them.
const TREES: &[&str] = &["net.ipv4.conf.", "net.ipv4.neigh.", "net.ipv4.route.", "net.ipv6."];

/// Why a name that is in no table is refused.
pub(super) fn refusal(name: &str) -> KnobError {
    if name == "net.ipv4.tcp_tw_recycle" {
        return KnobError::Removed {
            name: "net.ipv4.tcp_tw_recycle",
            since: "4.12",
            instead: "it broke clients behind NAT; tcp_tw_reuse serves outgoing connections",
        };
    }
    let name_owned = name.to_owned();
    let tcp = name.strip_prefix("net.ipv4.tcp_").is_some_and(|rest| TCP.contains(&rest));
    if tcp || OTHERS.contains(&name) || TREES.iter().any(|tree| name.starts_with(tree)) {
        return KnobError::NotImplemented { name: name_owned };
    }
    if FOREIGN.iter().any(|tree| name.starts_with(tree)) {
        return KnobError::Foreign { name: name_owned };
    }
    KnobError::Unknown { name: name_owned }
}
