//! What the owner of a shard may ask beside packets and sockets: TCP_INFO of a socket, and another address.
//!
//! Not here: rows of all sockets (`snapshot`).

use crate::Socket;
use crate::flows::FlowKind;
use crate::stack::Stack;
use lastack_observe::Instant;
use lastack_tcp::ConnectionInfo;
use std::net::IpAddr;

impl Stack {
    /// What TCP_INFO tells of a socket, as of the shard's last turn; None when no connection stands behind it.
    pub fn connection_info(&self, socket: &Socket, now: Instant) -> Option<ConnectionInfo> {
        let flow = socket.cell().lock().flow.filter(|flow| flow.kind() == FlowKind::Connection)?;
        let entry = self.flows.slabs.connections.get(flow.slot())?;
        Some(entry.engine.info(&self.config.knobs, now))
    }

    /// Timeouts of a handshake that goes on: SYNs sent again. None when the socket is not connecting.
    pub fn connecting_retransmits(&self, socket: &Socket) -> Option<u8> {
        let flow = socket.cell().lock().flow.filter(|flow| flow.kind() == FlowKind::ActiveOpen)?;
        Some(self.flows.slabs.active.get(flow.slot())?.engine.retransmits())
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
