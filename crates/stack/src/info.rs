//! What the owner of a shard may ask beside packets and sockets: TCP_INFO of a socket, and another address.
//!
//! Not here: rows of all sockets (`snapshot`).

use crate::egress::path_mss;
use crate::flows::{FlowKind, FlowRef};
use crate::stack::Stack;
use crate::{Socket, SocketError};
use lastack_observe::{Instant, TcpInfo};
use std::net::IpAddr;

impl Stack {
    /// What TCP_INFO tells of a socket, as of the shard's last turn, or as its flow ended; None when it never had one.
    pub fn connection_info(&self, socket: &Socket, now: Instant) -> Option<TcpInfo> {
        let flow = {
            let inner = socket.cell().lock();
            match inner.flow {
                Some(flow) => flow,
                None => return inner.last_info.as_deref().copied(),
            }
        };
        match flow.kind() {
            FlowKind::Connection => self.flow_info(flow.slot(), now),
            FlowKind::ActiveOpen => self.opening_info(flow.slot(), now),
            FlowKind::HalfOpen | FlowKind::TimeWait => None,
        }
    }

    /// What the network says of a socket's peer while the stack still tries: Linux's SO_ERROR tells it, once, when there is
    /// no error. None when nothing was said, or the peer was heard since.
    pub fn take_soft_error(&mut self, socket: &Socket) -> Option<SocketError> {
        let flow = socket.cell().lock().flow.filter(|flow| flow.kind() == FlowKind::Connection)?;
        let entry = self.flows.slabs.connections.get_mut(flow.slot())?;
        entry.engine.take_unreachable().map(SocketError::from)
    }

    /// The same of an active open by its slot.
    pub(crate) fn opening_info(&self, slot: u32, now: Instant) -> Option<TcpInfo> {
        let entry = self.flows.slabs.active.get(slot)?;
        Some(TcpInfo { pmtu: self.config.mtu.into(), ..entry.engine.info(now) })
    }

    /// The flow of a socket ends: what TCP_INFO tells of it stays with the socket, but for what was in flight (Linux keeps
    /// struct tcp_sock, and purges the write queue).
    pub(crate) fn keep_info(&self, flow: FlowRef) {
        let (slabs, slot) = (&self.flows.slabs, flow.slot());
        let cell = match flow.kind() {
            FlowKind::Connection => slabs.connections.get(slot).and_then(|entry| entry.cell.as_ref()),
            FlowKind::ActiveOpen => slabs.active.get(slot).and_then(|entry| entry.cell.as_ref()),
            FlowKind::HalfOpen | FlowKind::TimeWait => None,
        };
        let Some(cell) = cell else { return };
        let info = match flow.kind() {
            FlowKind::Connection => self.flow_info(slot, self.now),
            _ => self.opening_info(slot, self.now),
        };
        let info = info.map(|info| Box::new(TcpInfo { unacked: 0, backoff: 0, ..info }));
        cell.lock().last_info = info;
    }

    /// The same of a connection by its slot.
    pub(crate) fn flow_info(&self, slot: u32, now: Instant) -> Option<TcpInfo> {
        let entry = self.flows.slabs.connections.get(slot)?;
        let mut info = entry.engine.info(&self.config.knobs, now);
        let headers = self.config.mtu - path_mss(self.config.mtu, &entry.tuple);
        info.pmtu = match info.pmtu {
            0 => self.config.mtu.into(),
            payload => payload + u32::from(headers),
        };
        Some(info)
    }

    /// Memory that a connection's two sides keep alive, in octets: received, and to be sent.
    pub fn connection_memory(&self, socket: &Socket) -> Option<[usize; 2]> {
        let flow = socket.cell().lock().flow.filter(|flow| flow.kind() == FlowKind::Connection)?;
        let entry = self.flows.slabs.connections.get(flow.slot())?;
        Some([entry.engine.receive_memory(), entry.engine.send_charge()])
    }

    /// What was learned of servers for the next connection is forgotten: Fast Open's cookies (`ip tcp_metrics flush`).
    pub fn forget_servers(&mut self) {
        self.fast_opens.cache.clear();
    }

    /// One more address of ours. False: there is no room, which is for 254; one that is ours already changes nothing.
    pub fn add_address(&mut self, address: IpAddr, prefix: u8) -> bool {
        if self.is_ours(address) {
            return true;
        }
        let addresses = &mut self.flows.slabs.addresses;
        if addresses.len() >= 256 {
            return false;
        }
        // Small records keep an address by its place, so it goes to the end.
        addresses.push(address);
        self.config.addresses.push((address, prefix));
        true
    }
}
