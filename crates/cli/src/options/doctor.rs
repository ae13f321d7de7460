//! What `lastack doctor` and `lastack snapshot` are told.

use super::Wanted;
use super::states::{Where, seconds};
use clap::Args;
use lastack_doctor::Severity;
use std::path::PathBuf;
use std::time::Duration;

/// What to look at: the kernel, or a stack.
#[derive(Args, Debug)]
pub(crate) struct LookOptions {
    /// Look at a running lastack stack instead of the kernel: the one with this name, without a name the only one.
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "", conflicts_with = "net")]
    pub(crate) stack: Option<Wanted>,
    #[command(flatten)]
    pub(crate) place: Where,
}

/// What `lastack snapshot` is told.
#[derive(Args, Debug)]
#[command(
    after_help = "The file is for --from of ss, states and doctor, here or on another machine. It holds addresses, names of \
    processes and settings, and nothing that was sent."
)]
pub(crate) struct SnapshotOptions {
    #[command(flatten)]
    pub(crate) look: LookOptions,
    /// Several looks over this time, one JSON object per line, so that the doctor sees what grows.
    #[arg(long = "for", value_name = "SECONDS", value_parser = seconds)]
    pub(crate) time: Option<Duration>,
}

/// What `lastack doctor` is told.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 healthy, 1 findings at or above --fail-on, 2 failed, 3 nothing found but some rules could not \
    see. With --nagios it is Nagios' own: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.\n\nThe doctor only looks: it changes nothing. \
    docs/DOCTOR.md lists the rules."
)]
pub(crate) struct DoctorOptions {
    #[command(flatten)]
    pub(crate) look: LookOptions,
    /// Read the looks from this file; `-` is stdin. It is what `lastack snapshot` wrote, or what somebody pasted: the output
    /// of `ss -tanpi`, of `netstat -an`, or the counts of `netstat | awk`.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["stack", "net", "time"])]
    pub(crate) from: Option<PathBuf>,
    /// Compare two such files, as of before and after a deploy: what is new, what is gone, and which counts, listeners and
    /// settings differ. New findings make the exit status 1.
    #[arg(long, num_args = 2, value_names = ["BEFORE", "AFTER"], conflicts_with_all = ["stack", "net", "time", "from", "nagios"])]
    pub(crate) diff: Vec<PathBuf>,
    /// Look for this long: what is rare or slow needs longer.
    #[arg(long = "for", value_name = "SECONDS", value_parser = seconds, default_value = "4")]
    pub(crate) time: Duration,
    /// Set a threshold; --thresholds lists them. May be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) set: Vec<String>,
    /// Do not ask this rule. May be repeated.
    #[arg(long, value_name = "ID")]
    pub(crate) ignore: Vec<String>,
    /// How long an address translator on the way keeps a port after its connection has ended (clouds: 60 to 240 s).
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) nat_hold: Option<Duration>,
    /// From which severity on a finding makes the exit status 1: info, warn or critical.
    #[arg(long, value_name = "SEVERITY", default_value = "warn")]
    pub(crate) fail_on: Severity,
    /// One line for Nagios, with performance data.
    #[arg(long, conflicts_with = "json")]
    pub(crate) nagios: bool,
    /// The same as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// List the rules, and what each needs to see.
    #[arg(long, conflicts_with_all = ["thresholds", "from", "stack", "net"])]
    pub(crate) rules: bool,
    /// List the thresholds with their defaults.
    #[arg(long, conflicts_with_all = ["from", "stack", "net"])]
    pub(crate) thresholds: bool,
}
