//! One record of `sock:inet_sock_set_state`.

use super::Change;
use super::format::{Field, field, id};
use crate::diag::state_of;
use lastack_observe::Flow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

const V4: u64 = 2;
const V6: u64 = 10;
const TCP: u64 = 6;

/// Where the fields are, in this kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordLayout {
    id: u16,
    kind: Field,
    socket: Field,
    from: Field,
    to: Field,
    sport: Field,
    dport: Field,
    family: Field,
    /// Older kernels tell of TCP alone.
    protocol: Option<Field>,
    v4: [Field; 2],
    v6: [Field; 2],
}

impl RecordLayout {
    /// From the text of the event's `format`; None when a field is missing that is needed.
    pub(super) fn parse(text: &str) -> Option<RecordLayout> {
        let sized = |name, size| field(text, name).filter(|field| field.size == size);
        Some(RecordLayout {
            id: id(text)?,
            kind: sized("common_type", 2)?,
            socket: field(text, "skaddr")?,
            from: sized("oldstate", 4)?,
            to: sized("newstate", 4)?,
            sport: sized("sport", 2)?,
            dport: sized("dport", 2)?,
            family: sized("family", 2)?,
            protocol: field(text, "protocol"),
            v4: [sized("saddr", 4)?, sized("daddr", 4)?],
            v6: [sized("saddr_v6", 16)?, sized("daddr_v6", 16)?],
        })
    }

    /// None for a record of another kind or protocol, or one that makes no sense.
    pub(super) fn read(&self, time: u64, record: &[u8]) -> Option<Change> {
        let number = |field: &Field| field.number(record);
        let tcp = self.protocol.is_none_or(|protocol| number(&protocol) == Some(TCP));
        if number(&self.kind)? != u64::from(self.id) || !tcp {
            return None;
        }
        let state = |field: &Field| state_of(u8::try_from(number(field)?).ok()?);
        let address = |end: usize| match number(&self.family)? {
            V4 => Some(IpAddr::V4(Ipv4Addr::from(*self.v4[end].of(record)?.first_chunk::<4>()?))),
            V6 => Some(IpAddr::V6(Ipv6Addr::from(*self.v6[end].of(record)?.first_chunk::<16>()?))),
            _ => None,
        };
        let port = |field: &Field| u16::try_from(number(field)?).ok();
        let flow = Flow {
            local: SocketAddr::new(address(0)?, port(&self.sport)?),
            remote: SocketAddr::new(address(1)?, port(&self.dport)?),
        };
        let (from, to) = (state(&self.from)?, state(&self.to)?);
        Some(Change { at: Duration::from_nanos(time), socket: number(&self.socket)?, flow, from, to })
    }
}
