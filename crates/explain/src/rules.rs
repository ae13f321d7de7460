//! The values of the knobs that govern a socket's life, as far as they are known.

use std::time::Duration;

macro_rules! rules {
    ($($variant:ident $name:literal;)*) => {
        /// A knob that governs a socket's life: a Linux sysctl.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the names are those of the sysctls")]
        pub enum Rule {
            $($variant,)*
        }

        impl Rule {
            /// All of them.
            pub const ALL: &[Rule] = &[$(Rule::$variant,)*];

            /// The sysctl's whole name: `net.ipv4.tcp_fin_timeout`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Rule::$variant => $name,)*
                }
            }
        }
    };
}

rules! {
    AbortOnOverflow "net.ipv4.tcp_abort_on_overflow";
    FinTimeout "net.ipv4.tcp_fin_timeout";
    KeepaliveInterval "net.ipv4.tcp_keepalive_intvl";
    KeepaliveProbes "net.ipv4.tcp_keepalive_probes";
    KeepaliveTime "net.ipv4.tcp_keepalive_time";
    OrphanRetries "net.ipv4.tcp_orphan_retries";
    Retries2 "net.ipv4.tcp_retries2";
    RtoMax "net.ipv4.tcp_rto_max_ms";
    RtoMin "net.ipv4.tcp_rto_min_us";
    Somaxconn "net.core.somaxconn";
    SynLinearTimeouts "net.ipv4.tcp_syn_linear_timeouts";
    SynRetries "net.ipv4.tcp_syn_retries";
    SynAckRetries "net.ipv4.tcp_synack_retries";
    TwReuse "net.ipv4.tcp_tw_reuse";
    TwReuseDelay "net.ipv4.tcp_tw_reuse_delay";
    TwTimeout "net.ipv4.tcp_tw_timeout";
}

impl Rule {
    /// `tcp_fin_timeout`.
    pub fn short_name(self) -> &'static str {
        self.name().rsplit('.').next().unwrap_or(self.name())
    }
}

/// Which of them have which value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules([Option<i64>; Rule::ALL.len()]);

impl Rules {
    /// Nothing is known.
    pub const UNKNOWN: Rules = Rules([None; Rule::ALL.len()]);

    /// Asks for each; `None` is an unknown value or a knob that this TCP does not have.
    pub fn read(mut value: impl FnMut(Rule) -> Option<i64>) -> Rules {
        let mut rules = Rules::UNKNOWN;
        for &rule in Rule::ALL {
            rules.0[rule as usize] = value(rule);
        }
        rules
    }

    /// The value, when it is known.
    pub fn value(&self, rule: Rule) -> Option<i64> {
        self.0[rule as usize]
    }

    /// The same with another value.
    pub fn with(mut self, rule: Rule, value: i64) -> Rules {
        self.0[rule as usize] = Some(value);
        self
    }

    /// `tcp_fin_timeout = 60`, or the name alone.
    pub(crate) fn named(&self, rule: Rule) -> String {
        match self.value(rule) {
            Some(value) => format!("{} = {value}", rule.short_name()),
            None => rule.short_name().to_owned(),
        }
    }

    /// A count, when it is known.
    pub(crate) fn count(&self, rule: Rule) -> Option<u32> {
        self.value(rule).and_then(|value| u32::try_from(value).ok())
    }

    /// Seconds, when they are known.
    pub(crate) fn seconds(&self, rule: Rule) -> Option<Duration> {
        self.count(rule).map(|seconds| Duration::from_secs(seconds.into()))
    }

    /// The least part of a retransmission timeout. A kernel without the knob has the constant (before 6.11).
    pub(crate) fn rto_min(&self) -> Duration {
        let micros = self.count(Rule::RtoMin).filter(|micros| *micros > 0);
        micros.map_or(Duration::from_millis(200), |micros| Duration::from_micros(micros.into()))
    }

    /// The longest timeout. A kernel without the knob has the constant (before 6.15).
    pub(crate) fn rto_max(&self) -> Duration {
        let millis = self.count(Rule::RtoMax).filter(|millis| *millis > 0);
        millis.map_or(Duration::from_secs(120), |millis| Duration::from_millis(millis.into()))
    }

    /// SYNs at a constant second. A kernel without the knob sends none (before 6.5).
    pub(crate) fn linear(&self) -> u32 {
        self.count(Rule::SynLinearTimeouts).unwrap_or(0)
    }
}
