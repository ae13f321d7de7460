//! Finding a topic by what a person types.

use super::Topic;

/// Topics that are offered at most.
const NEAR_MAX: usize = 4;

/// Other words for a topic.
const ALIASES: &[(&str, &str)] = &[
    ("close", "handshake"),
    ("syn-cookies", "syn-flood"),
    ("syncookies", "syn-flood"),
    ("tcp-syncookies", "syn-flood"),
    ("tcp-max-syn-backlog", "half-open"),
    ("backlog", "half-open"),
    ("tcp-syn-retries", "connect-timeout"),
    ("etimedout", "connect-timeout"),
    ("tcp-fin-timeout", "fin-timeout"),
    ("fin-wait2", "fin-timeout"),
    ("tcp-tw-reuse", "tw-reuse"),
    ("tcp-tw-recycle", "tw-recycle"),
    ("tcp-max-tw-buckets", "time-wait-count"),
    ("tcp-abort-on-overflow", "accept-queue"),
    ("close-wait", "close-wait-many"),
    ("eaddrnotavail", "ports"),
    ("ip-local-port-range", "ports"),
    ("emfile", "files"),
    ("so-linger", "linger"),
    ("so-keepalive", "keepalive"),
    ("tcp-keepalive-time", "keepalive"),
    ("msl", "two-msl"),
    ("2msl", "two-msl"),
    ("fast-open", "data-in-handshake"),
];

/// Lower case, words joined by dashes.
fn plain(text: &str) -> String {
    let text = text.trim().to_lowercase().replace(['_', ' ', '.'], "-");
    text.strip_prefix("net-ipv4-").unwrap_or(&text).to_owned()
}

/// By name, by another word for it, by its number in the list, or by a claim that it corrects.
pub(super) fn find(topics: &[&'static Topic], wanted: &str) -> Option<&'static Topic> {
    let wanted = plain(wanted);
    let name = ALIASES.iter().find(|(alias, _)| *alias == wanted).map_or(wanted.as_str(), |(_, name)| name);
    let by_number = || topics.get(wanted.parse::<usize>().ok()?.checked_sub(1)?).copied();
    let claims = |topic: &&&'static Topic| topic.claims.iter().any(|claim| plain(claim) == wanted);
    let named = topics.iter().find(|topic| topic.name == name);
    named.or_else(|| topics.iter().find(claims)).copied().or_else(by_number)
}

/// Names that look like what was typed, or that hold one of its words; the best first.
pub(super) fn nearest(topics: &[&'static Topic], wanted: &str) -> Vec<&'static str> {
    let wanted = plain(wanted);
    let words: Vec<&str> = wanted.split('-').filter(|word| word.len() > 2).collect();
    let score = |name: &str| {
        let shared = words.iter().filter(|word| name.contains(*word)).count();
        (usize::MAX - shared, distance(name, &wanted))
    };
    let mut near: Vec<(usize, usize, &'static str)> = topics
        .iter()
        .map(|topic| topic.name)
        .chain(ALIASES.iter().map(|(alias, _)| *alias))
        .map(|name| (score(name), name))
        .filter(|((shared, far), name)| *shared < usize::MAX || *far <= name.len() / 3)
        .map(|((shared, far), name)| (shared, far, name))
        .collect();
    near.sort_unstable();
    let mut names: Vec<&'static str> = Vec::new();
    for (_, _, name) in near {
        let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, name)| name);
        if !names.contains(&name) && names.len() < NEAR_MAX {
            names.push(name);
        }
    }
    names
}

/// How many characters must be added, removed or replaced (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, sign) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for (at, theirs) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(sign != *theirs);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(row[at] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}
