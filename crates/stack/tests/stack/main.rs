//! Whole stacks against each other over an exchange in memory, under a virtual clock.

mod as_measured;
mod autocork;
mod chaos;
mod connections;
mod cookies;
mod ecn;
mod fast_open;
mod flood;
mod icmp;
mod limits;
mod listeners;
mod matrix;
mod memory;
mod model;
mod overtaken;
mod ports;
mod raw;
mod shards;
mod syn_proxy;
mod urgent;
mod world;
