//! Times and counts in words.

use std::time::Duration;

/// `204 ms`, `1.2 s`, `59 s`, `131 s`, `15 min 25 s`, `2 h 11 min`, `3 days 4 h`: two units at most.
pub(crate) fn span(time: Duration) -> String {
    let millis = time.as_millis();
    let seconds = (millis + 500) / 1000;
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..9_950 => format!("{} s", tenths(millis)),
        9_950..179_500 => format!("{seconds} s"),
        179_500..3_599_500 => two(seconds / 60, "min", seconds % 60, "s"),
        3_599_500..172_770_000 => two((seconds + 30) / 3600, "h", (seconds + 30) % 3600 / 60, "min"),
        _ => two((seconds + 1800) / 86_400, "days", (seconds + 1800) % 86_400 / 3600, "h"),
    }
}

fn tenths(millis: u128) -> String {
    let tenths = (millis + 50) / 100;
    match tenths % 10 {
        0 => (tenths / 10).to_string(),
        rest => format!("{}.{rest}", tenths / 10),
    }
}

fn two(large: u128, large_unit: &str, small: u128, small_unit: &str) -> String {
    match small {
        0 => format!("{large} {large_unit}"),
        small => format!("{large} {large_unit} {small} {small_unit}"),
    }
}

/// `1 octet`, `5 octets`.
pub(crate) fn octets(count: u32) -> String {
    counted(count, "octet")
}

/// `1 probe`, `5 probes`.
pub(crate) fn counted(count: u32, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// `once`, `twice`, `5 times`.
pub(crate) fn times(count: u8) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        count => format!("{count} times"),
    }
}

/// `not repeated yet`, `repeated twice so far`.
pub(crate) fn repeated(count: u8) -> String {
    match count {
        0 => "not repeated yet".to_owned(),
        count => format!("repeated {} so far", times(count)),
    }
}

/// `in 204 ms`, or `soon` when the time is not known.
pub(crate) fn within(left: Option<Duration>) -> String {
    left.map_or_else(|| "soon".to_owned(), |left| format!("in {}", span(left)))
}

/// `1, 3 and 7`, seconds of moments, for a schedule.
pub(crate) fn moments(all: &[Duration]) -> String {
    let words: Vec<String> = all.iter().map(|at| at.as_secs().to_string()).collect();
    match words.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}
