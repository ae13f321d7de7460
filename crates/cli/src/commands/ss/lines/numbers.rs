//! Numbers as C's printf writes them with %g: six significant digits, no zeros at the end.

/// `%g`.
pub(super) fn general(value: f64) -> String {
    significant(value, 6)
}

/// `%.{digits}g`.
pub(super) fn significant(value: f64, digits: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return "0".to_owned();
    }
    let scientific = format!("{value:.*e}", digits.saturating_sub(1));
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits = digits as i32;
    if exponent < -4 || exponent >= digits {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", trimmed(mantissa), exponent.abs());
    }
    let places = usize::try_from(digits - 1 - exponent).unwrap_or(0);
    trimmed(&format!("{value:.places$}")).to_owned()
}

fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// Bits per second: whole with -n, else three digits and K, M, G or T.
pub(super) fn bits(value: f64, numeric: bool) -> String {
    if numeric {
        return format!("{value:.0}");
    }
    let (scale, unit) = match value {
        1e12.. => (1e12, "T"),
        1e9.. => (1e9, "G"),
        1e6.. => (1e6, "M"),
        1e3.. => (1e3, "K"),
        _ => (1.0, ""),
    };
    format!("{}{unit}", significant(value / scale, 3))
}
