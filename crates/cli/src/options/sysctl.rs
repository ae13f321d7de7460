//! The options of `lastack sysctl`.

use clap::Args;
use std::path::PathBuf;

/// What `lastack sysctl` is told: sysctl's own options.
#[derive(Args, Debug)]
#[command(
    after_help = "Example: lastack sysctl --stack web -w net.ipv4.tcp_fin_timeout=30. What begins with net. is a knob, never the name of \
    a stack. The exit status is 1 when a name or a value was refused; everything else was applied."
)]
pub(crate) struct SysctlOptions {
    /// The running stack that is meant: the one with this name, without a name the only one.
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    pub(crate) stack: Option<String>,
    /// Every knob with its value.
    #[arg(short = 'a', long, conflicts_with_all = ["load", "knobs"])]
    pub(crate) all: bool,
    /// Turn knobs: every argument is NAME=VALUE.
    #[arg(short = 'w', long)]
    pub(crate) write: bool,
    /// Turn the knobs that a file in the syntax of sysctl.conf names; `-` is stdin.
    #[arg(short = 'p', long, value_name = "FILE", num_args = 0..=1, default_missing_value = "/etc/sysctl.conf")]
    pub(crate) load: Option<PathBuf>,
    /// Values without names.
    #[arg(short = 'n', long)]
    pub(crate) values: bool,
    /// NAME reads a knob, NAME=VALUE turns it.
    #[arg(value_name = "NAME[=VALUE]")]
    pub(crate) knobs: Vec<String>,
}
