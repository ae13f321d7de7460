//! The world's applications: listeners, conversations that begin, connections that are accepted.

use super::cast::{self, Meet, Meeting};
use super::end::End;
use super::plan::Plan;
use super::raw::STRANGER;
use super::run::{Conversation, Listener, World};
use super::stream::{Side, Stream};
use lastack_observe::{Instant, State};
use lastack_stack::{Family, Socket};
use std::mem;
use std::net::{IpAddr, SocketAddr};

impl World {
    pub(super) fn open_listeners(&mut self, narrow: (u32, Instant)) {
        for host in 0..self.hosts.len() {
            for address in self.hosts[host].addresses {
                for (port, backlog, from) in
                    [(cast::PORT, 128, cast::START), (cast::NARROW_PORT, narrow.0, narrow.1)]
                {
                    let socket = self.stream(host, address);
                    socket.set_options(|options| (options.reuseaddr, options.v6only) = (true, true));
                    let opened =
                        socket.bind(SocketAddr::new(address, port)).and_then(|()| socket.listen(backlog));
                    if let Err(error) = opened {
                        self.violate(format!("port {port} cannot be listened on: {error}"));
                    }
                    self.listeners.push(Listener { host, port, from, socket: Some(socket) });
                }
            }
        }
    }

    pub(super) fn stream(&mut self, host: usize, address: IpAddr) -> Socket {
        let family = if address.is_ipv4() { Family::V4 } else { Family::V6 };
        self.hosts[host].sockets(&mut self.dice).stream(family)
    }

    pub(super) fn begin(&mut self, index: usize) {
        self.waiting -= 1;
        let meet = self.meets[index].clone();
        let family = usize::from(meet.v6);
        let conversation = self.conversations.len();
        let mut streams = [Side::Client, Side::Server].map(|side| Stream::new(conversation as u64, side));
        streams[1].unknown = meet.meeting == Meeting::Stranger;
        let orderly = meet.orderly && !self.options.rough;
        let server_plan = Some(meet.plans[1].clone());
        self.conversations.push(Conversation {
            streams,
            ends: [None, None],
            orderly,
            server_plan,
            server_isn: None,
        });
        self.report.conversations += 1;
        let client = self.hosts[meet.client].addresses[family];
        let server = self.hosts[meet.server].addresses[family];
        let (from, to) = match meet.meeting {
            Meeting::Listener(port) => (None, SocketAddr::new(server, port)),
            Meeting::Crossing(ours, theirs) => (Some(ours), SocketAddr::new(server, theirs)),
            Meeting::From(port) => (Some(port), SocketAddr::new(server, cast::PORT)),
            Meeting::Stranger => (None, SocketAddr::new(STRANGER, cast::PORT)),
        };
        self.connect(conversation, Side::Client, &meet, from.map(|port| SocketAddr::new(client, port)), to);
        if let Meeting::Crossing(port, _) = meet.meeting {
            self.connect(conversation, Side::Server, &meet, Some(to), SocketAddr::new(client, port));
        }
    }

    pub(super) fn connect(
        &mut self,
        conversation: usize,
        side: Side,
        meet: &Meet,
        from: Option<SocketAddr>,
        to: SocketAddr,
    ) {
        let host = if side == Side::Client { meet.client } else { meet.server };
        let plan = meet.plans[side as usize].clone();
        let socket = self.stream(host, to.ip());
        socket.set_options(|options| *options = plan.options.clone());
        if let Some(from) = from {
            // A refusal comes back as the answer to connect().
            let _ = socket.bind(from);
        }
        let _ = socket.connect(to);
        // The SYN goes out here, and with it the socket gets its address.
        let mut sent = Vec::new();
        self.hosts[host].turn(self.now, &mut self.dice, &mut |octets| sent.push(octets));
        if let Some(local) = socket.local_addr()
            && socket.state() == State::SynSent
        {
            self.clients.insert(local, conversation);
        }
        self.add_end(End::new(conversation, side, host, socket, plan, false, self.now));
        sent.into_iter().for_each(|octets| self.transmit(host, octets));
        self.settle(host);
    }

    pub(super) fn add_end(&mut self, end: End) {
        self.conversations[end.conversation].ends[end.side as usize] = Some(self.ends.len());
        self.ends.push(end);
    }

    pub(super) fn accept(&mut self, host: usize) -> bool {
        let mut accepted = Vec::new();
        for listener in
            self.listeners.iter().filter(|listener| listener.host == host && self.now >= listener.from)
        {
            let Some(socket) = &listener.socket else { continue };
            while let Ok((socket, peer)) = socket.try_accept() {
                accepted.push((socket, peer));
            }
        }
        let moved = !accepted.is_empty();
        for (socket, peer) in accepted {
            let conversation = self.conversation_with(peer, socket.local_addr());
            let plan = self.conversations[conversation].server_plan.take();
            let plan = plan.unwrap_or_else(|| Plan::rough(&mut self.dice, 10_000));
            socket.set_options(|options| *options = plan.options.clone());
            self.add_end(End::new(conversation, Side::Server, host, socket, plan, true, self.now));
        }
        moved
    }

    /// The conversation that an accepted connection belongs to.
    fn conversation_with(&mut self, peer: SocketAddr, local: Option<SocketAddr>) -> usize {
        let Some(&known) = self.clients.get(&peer) else { return self.strangers_conversation() };
        let number = local.and_then(|local| self.watch.isn(local, peer));
        let conversation = &mut self.conversations[known];
        let before = mem::replace(&mut conversation.server_isn, number);
        if conversation.ends[Side::Server as usize].is_none() {
            return known;
        }
        // A SYN with data that comes twice makes a second connection once the first is gone (RFC 7413 section 6.1), and a
        // cookie can be proved again after a reset that was lost: one SYN-ACK made both connections (RFC 4987 section 3.6).
        // Then it is not known whose octets the client will read.
        let second = match (local.and_then(|local| self.watch.acknowledged(peer, local)), before, number) {
            (Some(ack), Some(before), Some(number)) => {
                ack.0.wrapping_sub(number.0) <= ack.0.wrapping_sub(before.0)
            }
            _ => true,
        };
        conversation.streams[Side::Server as usize].unknown |= second;
        self.strangers_conversation()
    }

    pub(super) fn strangers_conversation(&mut self) -> usize {
        let conversation = self.conversations.len();
        let mut streams = [Side::Client, Side::Server].map(|side| Stream::new(conversation as u64, side));
        streams[0].unknown = true;
        self.conversations.push(Conversation {
            streams,
            ends: [None, None],
            orderly: false,
            server_plan: None,
            server_isn: None,
        });
        conversation
    }
}
