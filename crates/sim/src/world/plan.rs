//! What one end of a conversation is going to do, drawn from the world's dice.

use super::dice::Dice;
use lastack_stack::{Linger, SocketOptions};
use std::time::Duration;

/// How an end leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// Writes everything, half-closes, reads to the end, closes.
    HalfClose,
    /// Reads to the end, writes everything, closes without a half close.
    CloseAfterEnd,
    /// Closes at some moment, whatever is under way.
    CloseAt(Duration),
    /// Half-closes at some moment, and closes at a later one.
    HalfCloseAt(Duration, Duration),
    /// Resets the connection at some moment.
    AbortAt(Duration),
}

/// What one end does.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Octets to write.
    pub(super) octets: u64,
    /// Octets of one write, at most.
    pub(super) write_max: u64,
    /// Time between writes, at most; zero writes as long as the socket takes.
    pub(super) write_pause: Duration,
    /// Octets of one read, at most.
    pub(super) read_max: u64,
    /// Time between reads, at most: a slow reader closes the window.
    pub(super) read_pause: Duration,
    /// The reader does not even begin before.
    pub(super) read_after: Duration,
    /// It writes only after it has read to the end.
    pub(super) listens_first: bool,
    /// How it leaves.
    pub(super) leave: Leave,
    /// Close only when the peer has acknowledged everything, the FIN too: an orphan would give up much sooner.
    pub(super) patient: bool,
    /// Socket options.
    pub(super) options: SocketOptions,
}

impl Plan {
    /// An end of an orderly conversation: everything arrives, unless the network makes that impossible.
    pub(super) fn orderly(dice: &mut Dice, client: bool, octets_max: u64, patient: bool) -> Plan {
        let mut plan = Plan::draw(dice, octets_max);
        plan.patient = patient;
        // Of the two ends one at least speaks without waiting for the other: the client.
        plan.listens_first = !client && dice.chance(400);
        plan.leave = if plan.listens_first && !patient { Leave::CloseAfterEnd } else { Leave::HalfClose };
        plan
    }

    /// An end that may do anything that an application can do.
    pub(super) fn rough(dice: &mut Dice, octets_max: u64) -> Plan {
        let mut plan = Plan::draw(dice, octets_max);
        // Sometimes within the handshake's round trip: Fast Open's connections are accepted before it is over.
        let early_max = dice.pick(&[1, 20_000, 400_000, 400_000]);
        let early = dice.micros(0, early_max);
        let late = early + dice.micros(0, 3_000_000);
        plan.leave = match dice.below(8) {
            0 => Leave::HalfClose,
            1 => Leave::CloseAfterEnd,
            2 | 3 => Leave::CloseAt(early),
            4 => Leave::CloseAt(late + Duration::from_secs(dice.between(0, 150))),
            5 | 6 => Leave::HalfCloseAt(early, late),
            _ => Leave::AbortAt(early),
        };
        if dice.chance(250) {
            plan.octets = 0;
        }
        if dice.chance(200) {
            plan.read_after = Duration::from_secs(dice.between(0, 100));
        }
        plan.options.linger = dice.pick(&[
            Linger::Off,
            Linger::Off,
            Linger::Off,
            Linger::Reset,
            Linger::Wait(Duration::from_secs(2)),
        ]);
        if dice.chance(300) {
            plan.options.keepalive = true;
            plan.options.keepidle = Some(Duration::from_secs(dice.between(1, 10)));
            plan.options.keepintvl = Some(Duration::from_secs(1));
            plan.options.keepcnt = Some(3);
        }
        if dice.chance(100) {
            plan.options.user_timeout = Some(Duration::from_secs(dice.between(1, 20)));
        }
        if dice.chance(150) {
            plan.options.linger2 = Some(dice.pick(&[-1, 1, 3, 90]));
        }
        plan
    }

    /// The first thing that happens is a write: without one a connect() that waits for it never ends.
    pub(super) fn begins_to_write(&self) -> bool {
        self.octets > 0 && !self.listens_first && self.leave != Leave::CloseAfterEnd
    }

    fn draw(dice: &mut Dice, octets_max: u64) -> Plan {
        let options = SocketOptions {
            nodelay: dice.chance(300),
            cork: dice.chance(50),
            quickack: dice.pick(&[None, None, Some(true), Some(false)]),
            rcvbuf: dice.chance(200).then(|| dice.between(2304, 60_000) as u32),
            sndbuf: dice.chance(200).then(|| dice.between(4608, 60_000) as u32),
            reuseaddr: true,
            ..SocketOptions::default()
        };
        let octets = dice.size(octets_max);
        Plan {
            octets,
            // Small writes, but not so many that a world is about nothing else.
            write_max: dice.size(20_000).max(octets / 200 + 1),
            write_pause: if dice.chance(500) { Duration::ZERO } else { dice.micros(0, 300_000) },
            read_max: dice.size(60_000).max(100),
            read_pause: if dice.chance(700) { Duration::ZERO } else { dice.micros(0, 200_000) },
            read_after: if dice.chance(900) { Duration::ZERO } else { dice.micros(0, 3_000_000) },
            listens_first: false,
            leave: Leave::HalfClose,
            patient: false,
            options,
        }
    }
}
