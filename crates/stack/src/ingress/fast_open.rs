//! A SYN with data or with the Fast Open option (RFC 7413 section 4.2.2), as Linux's tcp_try_fastopen judges it: a good
//! cookie makes the connection at once, anything else is an ordinary request, perhaps with a cookie for the next time.

use crate::budget::Limited;
use crate::egress::path_mss;
use crate::flows::Entry;
use crate::index::Tuple;
use crate::stack::Stack;
use lastack_observe::{Counter, EventKind, FastOpenFailure};
use lastack_tcp::fast_open::{MadeWith, SERVER, SERVER_NO_COOKIE};
use lastack_tcp::{Arrival, HalfOpen, Outcome, Seq, isn};
use lastack_wire::tcp::FastOpen;

/// What comes of the option and the data.
enum Verdict {
    /// An ordinary request. The SYN-ACK gives this cookie.
    Request(Option<FastOpen>),
    /// A connection. The SYN-ACK gives the first cookie; should there be no room for the connection, the second.
    Open(Option<FastOpen>, Option<FastOpen>),
}

/// True for the few SYNs that [`Stack::request_fast_open`] is for.
pub(super) fn concerns(syn: &Arrival) -> bool {
    syn.header.options.fastopen.is_some() || !syn.payload.is_empty()
}

impl Stack {
    /// `Err`: the connection was made, and the SYN is dealt with. `Ok`: it is an ordinary request; its SYN-ACK gives the
    /// cookie.
    pub(super) fn request_fast_open(
        &mut self,
        number: u16,
        tuple: Tuple,
        syn: &Arrival,
        iss: Option<Seq>,
    ) -> Result<Option<FastOpen>, ()> {
        match self.judge_fast_open(number, &tuple, syn) {
            Verdict::Request(cookie) => Ok(cookie),
            Verdict::Open(cookie, _) if self.open_fast(number, tuple, syn, iss, cookie) => Err(()),
            Verdict::Open(_, cookie) => {
                self.out.count(Counter::FastOpenPassiveFail);
                self.fast_open_fell_back(FastOpenFailure::NoRoom);
                Ok(cookie)
            }
        }
    }

    fn judge_fast_open(&mut self, number: u16, tuple: &Tuple, syn: &Arrival) -> Verdict {
        let option = syn.header.options.fastopen;
        if option.is_some_and(|option| option.cookie.is_none()) {
            self.out.count(Counter::FastOpenCookieReqd);
        }
        let bits = self.config.knobs.tcp_fastopen;
        let Some(listener) = self.listeners.get_mut(number) else { return Verdict::Request(None) };
        let limit = listener.options.fast_open.queue;
        if bits & SERVER == 0 || limit == 0 {
            return Verdict::Request(None);
        }
        if !listener.fast_opens.has_room(limit, self.now) {
            self.out.count(Counter::FastOpenListenOverflow);
            self.fast_open_fell_back(FastOpenFailure::QueueFull);
            return Verdict::Request(None);
        }
        if bits & SERVER_NO_COOKIE != 0 || listener.options.fast_open.no_cookie {
            return Verdict::Open(None, None);
        }
        let Some(option) = option else { return Verdict::Request(None) };
        let common = self.config.knobs.tcp_fastopen_key.as_ref().unwrap_or(&self.fast_opens.own);
        let keys = listener.options.fast_open.keys.as_deref().unwrap_or(common);
        let (local, remote) = (tuple.local.ip(), tuple.remote.ip());
        let fresh = FastOpen { cookie: keys.mint(local, remote), experimental: option.experimental };
        if option.cookie.is_none() {
            return Verdict::Request(Some(fresh));
        }
        match keys.check(local, remote, &option.cookie) {
            Some(MadeWith::Primary) => Verdict::Open(None, Some(fresh)),
            Some(MadeWith::Backup) => Verdict::Open(Some(fresh), Some(fresh)),
            None => {
                self.out.count(Counter::FastOpenPassiveFail);
                self.fast_open_fell_back(FastOpenFailure::BadCookie);
                Verdict::Request(Some(fresh))
            }
        }
    }

    /// The connection that begins with this SYN, into the accept queue at once. False: there is no room for it.
    fn open_fast(
        &mut self,
        number: u16,
        tuple: Tuple,
        syn: &Arrival,
        iss: Option<Seq>,
        cookie: Option<FastOpen>,
    ) -> bool {
        if !self.has_room_to_accept(number)
            || !self.leases.take(&self.budget, Limited::Connections, self.config.limits.connections)
        {
            return false;
        }
        let Some(listener) = self.listeners.get(number) else { return false };
        let iss = iss.unwrap_or_else(|| isn::initial_sequence(&self.secret, &tuple, self.now));
        let offset = isn::timestamp_offset(&self.secret, &tuple, &self.config.knobs);
        let mss = path_mss(self.config.mtu, &tuple);
        let record = HalfOpen::from_syn(syn, iss, mss, &listener.options, &self.config.knobs, self.now);
        record.report(&mut self.out);
        let options = listener.options.inherited();
        let mut engine = record.open_fast(syn, offset, &options, &self.config.knobs, self.now, &mut self.out);
        self.heed_path(&mut engine, &tuple);
        let state = engine.state();
        let cell = self.accepted_cell(listener, &tuple, state);
        let claim = self.budget.binds().inherit(&listener.claim, tuple.local);
        self.out.count(Counter::FastOpenPassive);
        if cookie.is_some() {
            self.out.count(Counter::FastOpenPassiveAltKey);
        }
        if let Some(mut answer) = engine.fast_open_answer(self.now) {
            answer.header.options.fastopen = cookie;
            self.out.reply(answer);
        }
        self.census.enter(state);
        let entry = Entry::new(engine, tuple, Some(cell.clone()), claim, state, self.now);
        let connection = self.flows.insert_connection(entry, None);
        cell.lock().flow = Some(connection);
        self.begin_fast_open(connection, number);
        self.queue_for_accept(number, cell, tuple);
        self.settle(connection, Outcome::Continue);
        true
    }

    fn fast_open_fell_back(&mut self, reason: FastOpenFailure) {
        self.out.event(EventKind::FastOpenFellBack { reason });
    }
}
