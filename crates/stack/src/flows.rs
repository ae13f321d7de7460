//! What one four-tuple holds, as the index knows it: a kind and a slot in four octets; and the slabs behind.

pub(crate) mod small;
pub(crate) mod table;

pub(crate) use table::{Entry, Flows};

/// Which of the four types a flow is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FlowKind {
    ActiveOpen,
    HalfOpen,
    Connection,
    TimeWait,
}

/// Kind (two bits), family (one bit) and slot of a flow.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FlowRef(u32);

impl FlowRef {
    /// Slots are below this.
    pub(crate) const SLOTS: u32 = 1 << 29;

    pub(crate) const fn new(kind: FlowKind, v6: bool, slot: u32) -> FlowRef {
        debug_assert!(slot < FlowRef::SLOTS);
        FlowRef(((kind as u32) << 30) | ((v6 as u32) << 29) | slot)
    }

    pub(crate) const fn kind(self) -> FlowKind {
        match self.0 >> 30 {
            0 => FlowKind::ActiveOpen,
            1 => FlowKind::HalfOpen,
            2 => FlowKind::Connection,
            _ => FlowKind::TimeWait,
        }
    }

    pub(crate) const fn v6(self) -> bool {
        self.0 & FlowRef::SLOTS != 0
    }

    pub(crate) const fn slot(self) -> u32 {
        self.0 & (FlowRef::SLOTS - 1)
    }
}

impl std::fmt::Debug for FlowRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}#{}{}", self.kind(), self.slot(), if self.v6() { "v6" } else { "" })
    }
}
