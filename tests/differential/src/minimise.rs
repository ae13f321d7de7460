//! Makes a sequence that shows a difference as small and as ordinary as it can be.

use crate::sequence::{AckAt, Profile, SackAt, SeqAt, Sequence, Shape, Stamp, Step};
use anyhow::Result;

/// Tries smaller and plainer sequences as long as `still` says that they show the same; at most `tries` of them.
///
/// # Errors
/// What `still` failed with.
pub fn minimise(
    sequence: &Sequence,
    tries: usize,
    mut still: impl FnMut(&Sequence) -> Result<bool>,
) -> Result<Sequence> {
    let mut best = sequence.clone();
    let mut left = tries;
    loop {
        let mut better = None;
        for candidate in simpler(&best) {
            if left == 0 {
                return Ok(best);
            }
            left -= 1;
            if still(&candidate)? {
                better = Some(candidate);
                break;
            }
        }
        match better {
            Some(candidate) => best = candidate,
            None => return Ok(best),
        }
    }
}

/// Sequences that are one thing simpler.
fn simpler(sequence: &Sequence) -> Vec<Sequence> {
    let mut list = Vec::new();
    for at in (0..sequence.steps.len()).rev().filter(|_| sequence.steps.len() > 1) {
        let mut shorter = sequence.clone();
        shorter.steps.remove(at);
        list.push(shorter);
    }
    let plainer: [fn(&mut Sequence); 10] = [
        |it| it.setup.unread = 0,
        |it| it.setup.unacknowledged = 0,
        |it| it.setup.peer.timestamps = None,
        |it| it.setup.peer.sack = false,
        |it| it.setup.peer.window_scale = None,
        |it| it.setup.rcvbuf = None,
        |it| it.setup.nodelay = false,
        |it| it.setup.ipv6 = false,
        |it| it.setup.profile = Profile::Default,
        |it| {
            it.setup.peer.mss = Some(1460);
            it.setup.peer.window = 65535;
            it.setup.peer.isn = 0;
        },
    ];
    list.extend(plainer.iter().filter_map(|change| changed(sequence, change)));
    for (at, step) in sequence.steps.iter().enumerate() {
        let Step::Segment(shape) = step else { continue };
        for plain in plainer_shapes(shape) {
            let mut other = sequence.clone();
            other.steps[at] = Step::Segment(plain);
            list.push(other);
        }
    }
    list
}

fn changed(sequence: &Sequence, change: &fn(&mut Sequence)) -> Option<Sequence> {
    let mut other = sequence.clone();
    change(&mut other);
    (other != *sequence).then_some(other)
}

fn plainer_shapes(shape: &Shape) -> Vec<Shape> {
    let changes: [fn(&mut Shape); 8] = [
        |it| it.seq = SeqAt::Next(0),
        |it| it.ack = AckAt::Next(0),
        |it| it.stamp = Stamp::Newer,
        |it| it.sack = SackAt::None,
        |it| it.window = 65535,
        |it| it.len = 0,
        |it| it.len = it.len.min(100),
        |it| it.urgent = 0,
    ];
    let changed = changes.iter().map(|change| {
        let mut other = shape.clone();
        change(&mut other);
        other
    });
    changed.filter(|other| other != shape).collect()
}

#[cfg(test)]
mod tests;
