//! Names of interfaces by their numbers, in the thread's network namespace.

use rustix::fd::OwnedFd;
use rustix::net::netdevice::index_to_name;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use std::collections::HashMap;

/// Asks once per interface.
#[derive(Debug, Default)]
pub struct Interfaces {
    socket: Option<OwnedFd>,
    names: HashMap<u32, Option<String>>,
}

impl Interfaces {
    /// The name; None when there is no such interface (any more).
    pub fn name(&mut self, index: u32) -> Option<&str> {
        if !self.names.contains_key(&index) {
            let name = self.ask(index);
            self.names.insert(index, name);
        }
        self.names.get(&index)?.as_deref()
    }

    fn ask(&mut self, index: u32) -> Option<String> {
        if self.socket.is_none() {
            self.socket =
                socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None).ok();
        }
        let name = index_to_name(self.socket.as_ref()?, index).ok()?;
        Some(crate::files::plain(&name))
    }
}
