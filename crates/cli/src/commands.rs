//! One file per command.

pub(crate) mod connect;
pub(crate) mod doctor;
pub(crate) mod generate;
pub(crate) mod lab;
mod owners;
pub(crate) mod selftest;
pub(crate) mod serve;
pub(crate) mod snapshot;
pub(crate) mod ss;
pub(crate) mod states;
pub(crate) mod sysctl;
pub(crate) mod why;
