//! The algorithms by name: what TCP_CONGESTION, `ss -i` and the knobs call them.

/// A congestion control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum CongestionControl {
    /// Reno with NewReno's recovery (RFC 5681): always there, as in Linux.
    Reno,
    /// CUBIC (RFC 9438) with HyStart: Linux's default and ours.
    #[default]
    Cubic,
}

impl CongestionControl {
    /// All there are, in the order in which Linux lists them.
    pub const ALL: [CongestionControl; 2] = [CongestionControl::Reno, CongestionControl::Cubic];

    /// Linux's name.
    pub fn name(self) -> &'static str {
        match self {
            CongestionControl::Reno => "reno",
            CongestionControl::Cubic => "cubic",
        }
    }

    /// The names of all, one space between two.
    pub fn names() -> String {
        CongestionControl::ALL.map(CongestionControl::name).join(" ")
    }

    /// The one with this name.
    pub fn named(name: &str) -> Option<CongestionControl> {
        CongestionControl::ALL.into_iter().find(|control| control.name() == name)
    }
}
