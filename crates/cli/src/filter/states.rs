//! Sets of states, and their names: those of single states, and ss' names for groups of them.

use super::FilterError;
use super::lexer::Words;
use lastack::observe::State;

/// A set of states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct States(u16);

impl States {
    /// Every state.
    pub(crate) const ALL: States = States::all_but(&[]);
    /// What ss shows when nothing is said: connections between two ends, but for those that begin or only wait.
    pub(crate) const USUAL: States =
        States::all_but(&[State::Listen, State::Closed, State::TimeWait, State::SynRecv]);
    /// What `-l` shows.
    pub(crate) const LISTENING: States = States::of(&[State::Listen, State::Closed]);

    const fn of(states: &[State]) -> States {
        let (mut bits, mut at) = (0, 0);
        while at < states.len() {
            bits |= 1 << states[at] as u16;
            at += 1;
        }
        States(bits)
    }

    const fn all_but(states: &[State]) -> States {
        States(States::of(&State::ALL).0 & !States::of(states).0)
    }

    pub(crate) fn contains(self, state: State) -> bool {
        self.0 & States::of(&[state]).0 != 0
    }

    fn named(name: &str) -> Result<States, FilterError> {
        Ok(match name.to_ascii_lowercase().as_str() {
            "all" => States::ALL,
            "connected" => States::all_but(&[State::Listen, State::Closed]),
            "synchronized" => States::all_but(&[State::Listen, State::Closed, State::SynSent]),
            "bucket" => States::of(&[State::SynRecv, State::TimeWait]),
            "big" => States::all_but(&[State::SynRecv, State::TimeWait]),
            "listening" => States::of(&[State::Listen]),
            _ => {
                let state: State = name.parse().map_err(|error| {
                    FilterError(format!("{error}; groups are all, connected, synchronized, bucket, big"))
                })?;
                States::of(&[state])
            }
        })
    }
}

/// `state X` adds, `exclude X` takes away; from everything, when nothing was added before.
pub(super) fn parse(words: &mut Words<'_>) -> Result<Option<States>, FilterError> {
    let mut states: Option<States> = None;
    loop {
        let adds = match words.peek() {
            Some("state") => true,
            Some("exclude" | "excl") => false,
            _ => return Ok(states),
        };
        let keyword = words.next().unwrap_or_default();
        let name =
            words.next().ok_or_else(|| FilterError(format!("`{keyword}` needs the name of a state")))?;
        let named = States::named(name)?;
        states = Some(match (states, adds) {
            (Some(States(before)), true) => States(before | named.0),
            (None, true) => named,
            (before, false) => States(before.unwrap_or(States::ALL).0 & !named.0),
        });
    }
}
