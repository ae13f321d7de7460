//! What a kernel has compiled in, or once had: no sysctl of today turns it. Simulations ask for another profile to show what
//! an RFC, another system or an older Linux does.

use crate::time_wait::TIME_WAIT_LENGTH;
use std::time::Duration;

/// Which kernel a stack behaves like, beyond its knobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// How long TIME_WAIT lasts.
    pub time_wait: Duration,
    /// `tcp_tw_recycle = 1` of Linux before 4.12: TIME_WAIT of a connection with timestamps lasts three and a half timeouts,
    /// and a listener drops SYNs whose timestamp is older than the last one that came from the same address.
    pub tw_recycle: bool,
}

impl Profile {
    /// Linux of today.
    pub const LINUX: Profile = Profile { time_wait: TIME_WAIT_LENGTH, tw_recycle: false };
}

impl Default for Profile {
    fn default() -> Profile {
        Profile::LINUX
    }
}
