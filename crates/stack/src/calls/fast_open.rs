//! connect() with Fast Open (RFC 7413 section 4.2.1): MSG_FASTOPEN and TCP_FASTOPEN_CONNECT, and what is remembered of a
//! server for the next time. Linux's tcp_fastopen_cookie_check and tcp_fastopen_defer_connect.

use crate::flows::FlowRef;
use crate::index::Tuple;
use crate::socket::cell::{Answer, Inner, Wakes, Written};
use crate::stack::Stack;
use bytes::Bytes;
use lastack_observe::{EventKind, FastOpenFailure};
use lastack_tcp::active_open::{FastOpenAttempt, FastOpenNews};
use lastack_tcp::fast_open::CLIENT_NO_COOKIE;
use lastack_tcp::knobs::SocketOptions;
use lastack_tcp::{ActiveOpen, Arrival};
use lastack_wire::tcp::FastOpen;
use std::collections::VecDeque;

/// What a connect() told its socket about Fast Open.
#[derive(Default)]
pub(super) struct Told {
    /// Answer to MSG_FASTOPEN: octets that the SYN carries.
    pub(super) sent: Option<usize>,
    /// The SYN waits for the first write, of so many octets at most.
    pub(super) room: Option<usize>,
}

impl Stack {
    /// Prepares the SYN of a connect(): `octets` came with it (MSG_FASTOPEN).
    pub(super) fn plan_fast_open(
        &mut self,
        engine: &mut ActiveOpen,
        tuple: &Tuple,
        options: &SocketOptions,
        octets: Option<Bytes>,
    ) -> Told {
        if octets.is_none() && !options.fast_open.connect {
            return Told::default();
        }
        let known = self.fast_opens.cache.known(tuple.local.ip(), tuple.remote.ip());
        let hole = self.out.black_hole;
        if hole.is_paused(&self.config.knobs, self.now) {
            self.out.begin(self.now, *tuple);
            self.out.event(EventKind::FastOpenFellBack { reason: FastOpenFailure::BlackHole });
            return Told { sent: octets.map(|_| 0), room: None };
        }
        let any_cookie = self.config.knobs.tcp_fastopen & CLIENT_NO_COOKIE != 0;
        let bare = any_cookie || options.fast_open.no_cookie;
        let option = (!bare).then(|| known.map_or(FastOpen::default(), |known| known.option));
        let carries = option.is_none_or(|option| !option.cookie.is_none());
        let mut attempt = FastOpenAttempt { option, octets: Bytes::new(), on_trial: hole.is_on_trial() };
        let room = usize::from(engine.syn_room(known.map(|known| known.mss)));
        match octets {
            Some(mut octets) => {
                octets.truncate(if carries { room } else { 0 });
                let sent = octets.len();
                attempt.octets = octets;
                engine.fast_open(attempt);
                Told { sent: Some(sent), room: None }
            }
            None if carries => {
                engine.defer(attempt);
                Told { sent: None, room: Some(room) }
            }
            None => {
                engine.fast_open(attempt);
                Told::default()
            }
        }
    }

    /// The first octets of a socket whose SYN waits for them.
    pub(super) fn feed_open(&mut self, flow: FlowRef, sending: VecDeque<Written>) {
        let Some(entry) = self.flows.slabs.active.get_mut(flow.slot()) else { return };
        let Some(Written { octets, .. }) = sending.into_iter().next() else { return };
        entry.engine.first_octets(octets, self.now);
        self.refresh_active(flow);
    }

    /// A handshake is done: what the server said of Fast Open is for the next time.
    pub(crate) fn learn_fast_open(&mut self, tuple: &Tuple, news: Option<FastOpenNews>) {
        if let Some(news) = news {
            self.fast_opens.cache.learn(tuple.local.ip(), tuple.remote.ip(), news);
        }
    }
}

/// What the segment that completes a handshake says for the next time.
pub(crate) fn news_of(engine: &ActiveOpen, arrival: &Arrival) -> Option<FastOpenNews> {
    if arrival.header.flags.syn() { engine.fast_open_news(arrival) } else { None }
}

impl Told {
    pub(super) fn tell(&self, inner: &mut Inner, wakes: &mut Wakes) {
        inner.with_syn = None;
        inner.sent_with_syn = self.sent.map_or(Answer::Unasked, |sent| Answer::Given(Ok(sent)));
        inner.in_flight = self.sent.unwrap_or(0);
        inner.syn_room = self.room;
        if self.sent.is_some() || self.room.is_some() {
            wakes.all();
        }
    }
}
