//! What a script says, before it is run. Numbers are the script's own: relative to whatever its first SYNs say.

pub use super::marks::{Marks, Tos};
pub use super::settings::{IpVersion, Settings};
use lastack_wire::tcp::Flags;

/// A whole script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Name for messages.
    pub name: String,
    /// `--tolerance_usecs=`, when given.
    pub tolerance_usecs: Option<i64>,
    /// `--ip_version=ipv6`.
    pub ipv6: bool,
    /// The other options of the tool.
    pub settings: Settings,
    /// The preamble runs `defaults.sh`: the path that it names.
    pub defaults: Option<String>,
    /// Files of zeros that its commands make: path and octets.
    pub zeros: Vec<(String, u64)>,
    /// Sysctls of the preamble, in order: those before the first step.
    pub sysctls: Vec<Sysctl>,
    /// The steps in the order of the text.
    pub steps: Vec<Step>,
}

/// One knob to set before the script begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sysctl {
    /// Line in the script.
    pub line: usize,
    /// `net.ipv4.tcp_fin_timeout`.
    pub name: String,
    /// Its value, as written.
    pub value: String,
}

/// One timed step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Line in the script, from one.
    pub line: usize,
    /// When it happens.
    pub when: When,
    /// What happens.
    pub action: Action,
}

/// A time, in microseconds. Relative ones count from the moment the step before was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// `*`.
    Any,
    /// `0.1`.
    At(i64),
    /// `+0.1`.
    After(i64),
    /// `0.1~0.2`.
    Between(i64, i64),
    /// `+0~+0.04`.
    AfterBetween(i64, i64),
}

/// What a step does or expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// `<`: the script's peer sends a segment.
    Send(Segment),
    /// `>`: the stack must send this.
    Expect(Segment),
    /// `<` of an ICMP error.
    SendIcmp(Icmp),
    /// A system call of the application.
    Call(Call),
    /// `//# ...` or `%{ assert ... }%`: something that must be true now.
    Check(Check),
    /// A shell command in the middle of a script: the sysctls that it sets, which take effect at once.
    Set(Vec<Sysctl>),
    /// A shell command that is none of those that are understood.
    Shell(String),
    /// `%{ ... }%`: Python, and what it asserts when that is all it does.
    Code(String, Option<Check>),
    /// A packet that is neither TCP nor an ICMP error for the stack: in words, for who must refuse it.
    Foreign(String),
}

/// A TCP segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The control bits.
    pub flags: Flags,
    /// First sequence number.
    pub start: u32,
    /// Payload octets.
    pub len: u32,
    /// Acknowledgment number, when the script names one.
    pub ack: Option<u32>,
    /// Raw window field; `None` on an expected segment: any.
    pub window: Option<u16>,
    /// Urgent pointer.
    pub urgent: Option<u16>,
    /// Options in order; `None`: any (`<...>`).
    pub options: Option<Vec<Opt>>,
    /// What the IP header says, and the bit that AccECN adds.
    pub marks: Marks,
}

/// One TCP option, as it stands on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opt {
    /// End of options.
    Eol,
    /// Padding.
    Nop,
    /// Maximum segment size.
    Mss(u16),
    /// Window scale shift.
    WindowScale(u8),
    /// SACK permitted.
    SackOk,
    /// SACK blocks.
    Sack(Vec<(u32, u32)>),
    /// Timestamps: TSval, TSecr.
    Timestamps(u32, u32),
    /// Fast Open: a cookie, or none.
    FastOpen(Vec<u8>),
    /// Fast Open in the form of the experiment (kind 254).
    FastOpenExperiment(Vec<u8>),
    /// MD5 digest (RFC 2385).
    Md5(Vec<u8>),
    /// AccECN's counters of 24 bits as they stand (RFC 9768 section 3.2.3): true is order 1, which begins with ECT(1).
    AccEcn(bool, Vec<u32>),
    /// A kind that the language has no word for (only seen, never written).
    Unknown(u8),
}

/// An ICMP error about a segment of the stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Icmp {
    /// Kind of error.
    pub kind: IcmpKind,
    /// Sequence numbers of the segment it quotes: start and payload octets.
    pub quoted: Option<(u32, u32)>,
}

/// The errors a script may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IcmpKind {
    /// `unreachable frag_needed mtu N` or `packet_too_big mtu N`.
    TooBig(u32),
    /// `unreachable net_unreachable` and its sisters: the ICMPv4 code.
    Unreachable(u8),
    /// Any other: type and code as they are on the wire of the family that is in use.
    Other(u8, u8),
}

/// A system call with the result it must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its name.
    pub name: String,
    /// Its arguments.
    pub arguments: Vec<Value>,
    /// Blocking calls: when it must return.
    pub returns: Option<When>,
    /// What it must return; `None`: not looked at.
    pub result: Option<i64>,
    /// What it must return, when that is no number.
    pub outcome: Option<Value>,
    /// errno, for -1.
    pub errno: Option<String>,
}

/// An argument of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `...`
    Any,
    /// A number.
    Number(i64),
    /// A constant, or several joined by `|`; a number among them as it is written.
    Words(Vec<String>),
    /// `"text"`.
    Text(String),
    /// `[a, b]`.
    List(Vec<Value>),
    /// `{field=value, ...}`; a field without a name is numbered.
    Fields(Vec<(String, Value)>),
    /// `htons(80)`, `inet_addr("1.2.3.4")`.
    Apply(String, Vec<Value>),
}

/// Something that must be true at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// `state NAME [off | on S | keepalive S | timewait S | persist S]`: the row of the flow under test.
    Row {
        /// The kernel's name of the state.
        state: String,
        /// Which timer, by ss's name, and the microseconds it has left.
        timer: Option<(String, Option<i64>)>,
    },
    /// `anew`: the stack's next SYN begins a new scale of numbers.
    Anew,
    /// `flow N`: that flow is under test from here on.
    Flow(u16),
    /// `gone`: the flow under test has no row.
    Gone,
    /// `counters A=1 B=2`: changes since the script began, by name without its group.
    Counters(Vec<(String, i64)>),
    /// `assert tcpi_x == v`.
    Info(String, Value),
}
