//! Many sequences side by side: while one lets time pass, others go on. Each runs without a break where it can, so that the steps
//! of a sequence lie microseconds apart.

use super::Kernel;
use super::calls::Sockets;
use crate::peer::Peer;
use crate::sequence::{Sequence, Step};
use crate::trace::{Moment, Scale, Trace};
use anyhow::Result;
use lastack_observe::{Counter, Counters};
use lastack_sim::octets::{Ends, Seen};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

/// Plays all of them, which have one profile, and leaves each alone for `tail` before it ends.
///
/// # Errors
/// The interface or /proc failed; no matter of TCP.
pub fn play(kernel: &mut Kernel, sequences: &[&Sequence], tail: Duration) -> Result<Vec<(Ends, Trace)>> {
    let players =
        sequences.iter().map(|sequence| Player::new(kernel.ends(sequence.setup.ipv6), sequence)).collect();
    Batch { kernel, players, by_ends: HashMap::new(), tail }.run()
}

struct Batch<'k, 's> {
    kernel: &'k mut Kernel,
    players: Vec<Player<'s>>,
    by_ends: HashMap<(SocketAddr, SocketAddr), usize>,
    tail: Duration,
}

struct Player<'s> {
    ends: Ends,
    sequence: &'s Sequence,
    steps: Vec<Step>,
    peer: Peer,
    scale: Scale,
    sockets: Sockets,
    /// When the first step was done.
    began: Duration,
    trace: Trace,
}

impl<'s> Player<'s> {
    fn new(ends: Ends, sequence: &'s Sequence) -> Player<'s> {
        Player {
            ends,
            sequence,
            steps: sequence.all_steps(),
            peer: Peer::new(sequence.setup.peer),
            scale: Scale::default(),
            sockets: Sockets::default(),
            began: Duration::ZERO,
            trace: Trace::default(),
        }
    }

    fn hear(&mut self, seen: Seen) -> crate::trace::Reply {
        let reply = self.scale.reply(seen);
        self.peer.hear(&reply);
        reply
    }

    fn preamble(&self) -> usize {
        self.steps.len() - self.sequence.steps.len()
    }
}

impl Batch<'_, '_> {
    fn run(mut self) -> Result<Vec<(Ends, Trace)>> {
        for (index, player) in self.players.iter().enumerate() {
            self.by_ends.insert((player.ends.from, player.ends.to), index);
        }
        let mut waiting: BinaryHeap<Reverse<(Duration, usize)>> = BinaryHeap::new();
        let mut fresh = 0..self.players.len();
        loop {
            self.listen()?;
            let due = waiting.peek().map(|Reverse((due, _))| *due);
            let now = self.kernel.now();
            if due.is_some_and(|due| due <= now) {
                let Some(Reverse((_, index))) = waiting.pop() else { continue };
                if let Some(due) = self.go_on(index)? {
                    waiting.push(Reverse((due, index)));
                }
            } else if let Some(index) = fresh.next() {
                self.players[index].began = now;
                if let Some(due) = self.go_on(index)? {
                    waiting.push(Reverse((due, index)));
                }
            } else if let Some(due) = due {
                self.kernel.wait(due)?;
            } else {
                break;
            }
        }
        Ok(self.players.into_iter().map(|player| (player.ends, player.trace)).collect())
    }

    /// Takes what the kernel sent by itself.
    fn listen(&mut self) -> Result<()> {
        let at = self.kernel.now();
        for seen in self.kernel.read()? {
            self.hear_later(at, seen);
        }
        Ok(())
    }

    fn hear_later(&mut self, at: Duration, seen: Seen) {
        // Flows of earlier batches may still talk.
        let Some(&index) = self.by_ends.get(&(seen.ends.to, seen.ends.from)) else { return };
        let player = &mut self.players[index];
        let reply = player.hear(seen);
        let since = at.saturating_sub(player.began);
        if player.trace.end.is_zero()
            && let Some(moment) = player.trace.moments.last_mut()
        {
            moment.later.push((since, reply));
        }
    }

    /// Runs a player until it waits or ends; when it is due again.
    fn go_on(&mut self, index: usize) -> Result<Option<Duration>> {
        let mut counters = None;
        loop {
            let player = &mut self.players[index];
            let done = player.trace.moments.len();
            let Some(step) = player.steps.get(done).cloned() else {
                player.trace.end = self.kernel.now().saturating_sub(player.began);
                player.trace.end_row = self.kernel.row(player.ends)?;
                player.sockets = Sockets::default();
                let ends = player.ends;
                self.kernel.forget(ends)?;
                return Ok(None);
            };
            counters = self.step(index, &step, counters)?;
            let left = self.players[index].steps.len() - done - 1;
            match step {
                Step::Wait(ms) => return Ok(Some(self.kernel.now() + Duration::from_millis(ms.into()))),
                _ if left == 0 && !self.tail.is_zero() => return Ok(Some(self.kernel.now() + self.tail)),
                _ => {}
            }
        }
    }

    /// One step; answers with the counters after it.
    fn step(&mut self, index: usize, step: &Step, before: Option<Counters>) -> Result<Option<Counters>> {
        let player = &mut self.players[index];
        let counted = player.trace.moments.len() >= player.preamble();
        let before = match before {
            Some(before) if counted => Some(before),
            _ if counted => Some(self.kernel.counters()?),
            _ => None,
        };
        let mut moment = Moment { at: self.kernel.now().saturating_sub(player.began), ..Moment::default() };
        match step {
            Step::Segment(shape) => {
                let sent = player.peer.send(shape);
                let packet =
                    crate::wire::packet(player.ends, &player.scale.live(&sent.segment), sent.damaged);
                self.kernel.write(&packet)?;
                moment.sent = Some(sent);
            }
            Step::Call(call) => {
                moment.answer = player.sockets.call(*call, &player.sequence.setup, player.ends)
            }
            Step::Wait(_) => {}
        }
        let ends = player.ends;
        let mut alone = self.hear_answers(index, &mut moment)?;
        moment.row = self.kernel.row(ends)?;
        let after = if counted { Some(self.kernel.counters()?) } else { None };
        if counted {
            alone &= self.hear_answers(index, &mut moment)?;
        }
        // The counters are the namespace's: what a timer of another flow did meanwhile is in them, too.
        moment.counters =
            before.zip(after.as_ref()).filter(|_| alone).map(|(before, after)| grown(&before, after));
        self.players[index].trace.moments.push(moment);
        Ok(after.filter(|_| alone))
    }

    /// Takes what the kernel sent; false when another flow sent something, too.
    fn hear_answers(&mut self, index: usize, moment: &mut Moment) -> Result<bool> {
        let at = self.kernel.now();
        let ends = self.players[index].ends;
        let mut alone = true;
        for seen in self.kernel.read()? {
            if seen.ends == (Ends { from: ends.to, to: ends.from }) {
                let reply = self.players[index].hear(seen);
                moment.at_once.push(reply);
            } else {
                alone = false;
                self.hear_later(at, seen);
            }
        }
        Ok(alone)
    }
}

fn grown(before: &Counters, after: &Counters) -> Vec<(Counter, u64)> {
    let growth = |(counter, value): (Counter, u64)| (counter, value.wrapping_sub(before.value(counter)));
    after.iter().map(growth).filter(|(_, growth)| *growth > 0).collect()
}
