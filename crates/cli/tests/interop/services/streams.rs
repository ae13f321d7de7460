//! iperf3 both ways: one stream as fast as it goes.

use super::daemon::Daemon;
use super::{are_here, client, line, measured, size};
use crate::namespace::in_namespace;
use crate::program::{STACK, Serve};
use std::time::Duration;

#[test]
fn iperf3_measures_both_ways() {
    const TEST: &str = "iperf3";
    if !are_here(TEST, &["iperf3"]) {
        return;
    }
    in_namespace(TEST, || {
        let _iperf3 = Daemon::start("iperf3", &["-s", "-B", "127.0.0.1", "-p", "5201"], 5201);
        let _serve = Serve::start(&["--forward", "5201=127.0.0.1:5201"]);
        let (stack, seconds) = (STACK.to_string(), size().seconds.to_string());
        for (way, more) in [("to the stack", None), ("from the stack", Some("-R"))] {
            let usual = ["-c", &stack, "-p", "5201", "-t", &seconds, "-f", "m"];
            let arguments: Vec<&str> = usual.into_iter().chain(more).collect();
            let printed = client(Duration::from_secs(120), "iperf3", &arguments);
            let received = line(&printed, "receiver");
            let mut words = received.split_whitespace().rev();
            let rate = words.find_map(|word| word.parse::<f64>().ok()).expect("a rate");
            assert!(rate > 1.0, "{received}");
            measured(&format!("iperf3, {way}, {seconds} s: {rate} Mbit/s arrived"));
        }
    });
}
