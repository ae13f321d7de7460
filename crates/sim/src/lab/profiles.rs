//! Kernels and rules that a situation can be played with instead of today's Linux: how long TIME_WAIT lasts, when SYNs are
//! repeated, and the tcp_tw_recycle that Linux had until 4.12. No running stack has them: they are for teaching.

use lastack_stack::Knobs;
use std::time::Duration;

/// A rule book by name.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// The name on the command line.
    pub name: &'static str,
    /// One line.
    pub title: &'static str,
    set: fn(&mut Knobs),
}

impl Profile {
    /// Makes a stack with these knobs follow it.
    pub fn apply(&self, knobs: &mut Knobs) {
        (self.set)(knobs);
    }
}

fn time_wait(knobs: &mut Knobs, seconds: u64) {
    knobs.profile.time_wait = Duration::from_secs(seconds);
}

/// All of them.
pub const PROFILES: &[&Profile] =
    &[&RFC_9293, &WINDOWS_2000, &WINDOWS_2003, &WINDOWS_30, &CLASSIC_SYN, &LINUX_TO_4_11];

const RFC_9293: Profile = Profile {
    name: "rfc9293",
    title: "TIME_WAIT lasts 240 s: twice the MSL of two minutes that RFC 9293 assumes",
    set: |knobs| time_wait(knobs, 240),
};

const WINDOWS_2000: Profile = Profile {
    name: "windows-2000",
    title: "TIME_WAIT lasts 240 s: TcpTimedWaitDelay of Windows 2000, where nobody changed it",
    set: |knobs| time_wait(knobs, 240),
};

const WINDOWS_2003: Profile = Profile {
    name: "windows-2003",
    title: "TIME_WAIT lasts 120 s: TcpTimedWaitDelay since Windows Server 2003 (30 to 300 s may be set)",
    set: |knobs| time_wait(knobs, 120),
};

const WINDOWS_30: Profile = Profile {
    name: "windows-30",
    title: "TIME_WAIT lasts 30 s: the least that TcpTimedWaitDelay of Windows takes",
    set: |knobs| time_wait(knobs, 30),
};

const CLASSIC_SYN: Profile = Profile {
    name: "classic-syn",
    title: "SYNs are repeated after 1, 3, 7, 15, 31 and 63 s, and given up at 127 s: Linux before 6.5",
    set: |knobs| knobs.tcp_syn_linear_timeouts = 0,
};

/// The kernels that had `tcp_tw_recycle`, with it set.
pub(super) const LINUX_TO_4_11: Profile = Profile {
    name: "linux-2.6-to-4.11",
    title: "tcp_tw_recycle = 1: TIME_WAIT lasts 3.5 timeouts, and timestamps are compared per address",
    set: |knobs| {
        knobs.tcp_syn_linear_timeouts = 0;
        knobs.profile.tw_recycle = true;
    },
};

/// The profile with this name.
pub fn profile(name: &str) -> Option<&'static Profile> {
    PROFILES.iter().copied().find(|profile| profile.name == name)
}
