//! A state and a number on a line: `TIME_WAIT 814`, `TIME_WAIT: 814`, and `814 TIME_WAIT` as `uniq -c` prints it.

use super::Line;
use lastack_observe::State;

pub(super) fn count<'a>(first: &str, mut rest: impl Iterator<Item = &'a str>) -> Line {
    let (Some(second), None) = (rest.next(), rest.next()) else { return Line::Other };
    let (name, number) = if first.ends_with(|c: char| c.is_ascii_digit()) && first.parse::<u32>().is_ok() {
        (second, first)
    } else {
        (first, second)
    };
    let name = name.trim_matches(|c: char| c.is_ascii_punctuation() && c != '_' && c != '-');
    match (name.parse::<State>(), number.trim_end_matches(',').parse()) {
        (Ok(state), Ok(number)) => Line::Count(state, number),
        (Ok(_), Err(_)) => Line::Unread,
        (Err(_), _) => Line::Other,
    }
}
