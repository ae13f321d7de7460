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

    /// The one with this name.
    pub fn named(name: &str) -> Option<CongestionControl> {
        CongestionControl::ALL.into_iter().find(|control| control.name() == name)
    }
}

/// A set of them, as `tcp_allowed_congestion_control` lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CongestionControls(u8);

impl CongestionControls {
    /// Every one.
    pub const ALL: CongestionControls = CongestionControls(0b11);

    /// Those that the words name; `None`: one of them is unknown.
    pub fn named(words: &str) -> Option<CongestionControls> {
        let mut set = CongestionControls(0);
        for word in words.split_whitespace() {
            set = set.with(CongestionControl::named(word)?);
        }
        Some(set)
    }

    /// These and one more.
    #[must_use]
    pub fn with(self, control: CongestionControl) -> CongestionControls {
        CongestionControls(self.0 | 1 << control as u8)
    }

    /// True when any user may choose it.
    pub fn contains(self, control: CongestionControl) -> bool {
        self.0 & 1 << control as u8 != 0
    }

    /// Their names, one space between two.
    pub fn names(self) -> String {
        let names = CongestionControl::ALL.into_iter().filter(|control| self.contains(*control));
        names.map(CongestionControl::name).collect::<Vec<_>>().join(" ")
    }
}
