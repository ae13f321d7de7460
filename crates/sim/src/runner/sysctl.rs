//! A script's preamble as knobs.

use super::Failure;
use crate::script::ast::{Script, Sysctl};
use lastack_stack::Knobs;

pub(super) fn knobs(script: &Script) -> Result<Knobs, Failure> {
    let mut knobs = Knobs::default();
    for sysctl in &script.sysctls {
        set(&mut knobs, sysctl).map_err(|message| Failure {
            name: script.name.clone(),
            line: sysctl.line,
            message,
            sides: None,
        })?;
    }
    Ok(knobs)
}

fn set(knobs: &mut Knobs, sysctl: &Sysctl) -> Result<(), String> {
    let Sysctl { name, value, .. } = sysctl;
    let numbers = value
        .split([' ', '\t', ','])
        .filter(|part| !part.is_empty())
        .map(str::parse::<i64>)
        .collect::<Result<Vec<i64>, _>>()
        .map_err(|_| format!("{name}: `{value}` is no number"))?;
    let one =
        |index: usize| numbers.get(index).copied().ok_or_else(|| format!("{name}: a number is missing"));
    let octet = || fit::<u8>(name, one(0)?);
    let wide = || fit::<u32>(name, one(0)?);
    let flag = || one(0).map(|number| number != 0);
    let triple = || Ok::<_, String>([fit(name, one(0)?)?, fit(name, one(1)?)?, fit(name, one(2)?)?]);
    match name.strip_prefix("net.ipv4.").unwrap_or(name) {
        "tcp_syn_retries" => knobs.tcp_syn_retries = octet()?,
        "tcp_syn_linear_timeouts" => knobs.tcp_syn_linear_timeouts = octet()?,
        "tcp_synack_retries" => knobs.tcp_synack_retries = octet()?,
        "tcp_abort_on_overflow" => knobs.tcp_abort_on_overflow = flag()?,
        "net.core.somaxconn" => knobs.somaxconn = wide()?,
        "net.core.rmem_max" => knobs.rmem_max = wide()?,
        "net.core.wmem_max" => knobs.wmem_max = wide()?,
        "tcp_retries2" => knobs.tcp_retries2 = octet()?,
        "tcp_orphan_retries" => knobs.tcp_orphan_retries = octet()?,
        "tcp_max_orphans" => knobs.tcp_max_orphans = wide()?,
        "tcp_fin_timeout" => knobs.tcp_fin_timeout = wide()?,
        "tcp_max_tw_buckets" => knobs.tcp_max_tw_buckets = wide()?,
        "tcp_rfc1337" => knobs.tcp_rfc1337 = flag()?,
        "tcp_timestamps" => knobs.tcp_timestamps = octet()?,
        "tcp_sack" => knobs.tcp_sack = flag()?,
        "tcp_dsack" => knobs.tcp_dsack = flag()?,
        "tcp_slow_start_after_idle" => knobs.tcp_slow_start_after_idle = flag()?,
        "tcp_moderate_rcvbuf" => knobs.tcp_moderate_rcvbuf = flag()?,
        "tcp_window_scaling" => knobs.tcp_window_scaling = flag()?,
        "tcp_keepalive_time" => knobs.tcp_keepalive_time = wide()?,
        "tcp_keepalive_intvl" => knobs.tcp_keepalive_intvl = wide()?,
        "tcp_keepalive_probes" => knobs.tcp_keepalive_probes = octet()?,
        "tcp_challenge_ack_limit" => knobs.tcp_challenge_ack_limit = wide()?,
        "tcp_invalid_ratelimit" => knobs.tcp_invalid_ratelimit = wide()?,
        "tcp_rmem" => knobs.tcp_rmem = triple()?,
        "tcp_wmem" => knobs.tcp_wmem = triple()?,
        "tcp_rto_min_us" => knobs.tcp_rto_min_us = wide()?,
        "tcp_rto_max_ms" => knobs.tcp_rto_max_ms = wide()?,
        "tcp_early_retrans" => knobs.tcp_early_retrans = octet()?,
        "ip_local_port_range" => {
            knobs.ip_local_port_range = [fit(name, one(0)?)?, fit(name, one(1)?)?];
        }
        _ => return Err(format!("{name}: this knob is not implemented")),
    }
    Ok(())
}

fn fit<T: TryFrom<i64>>(name: &str, number: i64) -> Result<T, String> {
    T::try_from(number).map_err(|_| format!("{name}: {number} is out of range"))
}
