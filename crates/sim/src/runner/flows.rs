//! The flows of a script: one is under test, the others wait with their own numbers until `//# flow N` names them.
//!
//! A flow is numbered when it begins: by listen(), by connect(), or by being named, which makes another client of the
//! listener. The public tool has one flow only, so scripts that name flows are for lastack's own runners.

use super::numbers::Numbers;
use super::{Failure, Runner, machine};
use crate::octets::Ends;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// The tool's ports: of a listener, and of what connect() goes to; the peer's own begin above.
pub(super) const PORT: u16 = 8080;
const PEER_PORT: u16 = 41_000;

#[derive(Default)]
pub(super) struct Flows {
    waiting: BTreeMap<u16, (Ends, Numbers)>,
    /// Number of the flow under test; 0: none has begun.
    current: u16,
    begun: u16,
    listener: Option<SocketAddr>,
}

impl Flows {
    /// More than one flow has begun: packets of others may lie between those that are expected.
    pub(super) fn are_many(&self) -> bool {
        !self.waiting.is_empty()
    }
}

impl Runner<'_> {
    /// listen() succeeded: the next flow is a client of this listener.
    pub(super) fn begin_flow_to(&mut self, mut local: SocketAddr) {
        if local.ip().is_unspecified() {
            local.set_ip(machine::STACK[self.family()]);
        }
        self.flows.listener = Some(local);
        let number = self.flows.begun + 1;
        self.begin_flow(Ends { from: self.client(number), to: local });
    }

    fn client(&self, number: u16) -> SocketAddr {
        (machine::PEER[self.family()], PEER_PORT + number).into()
    }

    pub(super) fn begin_flow(&mut self, flow: Ends) {
        self.park();
        self.flows.begun += 1;
        self.flows.current = self.flows.begun;
        self.flow = Some(flow);
    }

    fn park(&mut self) {
        let numbers = std::mem::take(&mut self.numbers);
        if let Some(flow) = self.flow.take() {
            self.flows.waiting.insert(self.flows.current, (flow, numbers));
        }
    }

    /// `//# flow N`.
    pub(super) fn go_to_flow(&mut self, number: u16) -> Result<(), Failure> {
        if number == self.flows.current {
            return Ok(());
        }
        self.park();
        self.flows.current = number;
        if let Some((flow, numbers)) = self.flows.waiting.remove(&number) {
            (self.flow, self.numbers) = (Some(flow), numbers);
            return Ok(());
        }
        let Some(listener) = self.flows.listener else {
            return Err(self.fail(format!("there is no flow {number}, and no listener to begin it with")));
        };
        self.flows.begun = self.flows.begun.max(number);
        self.flow = Some(Ends { from: self.client(number), to: listener });
        Ok(())
    }
}
