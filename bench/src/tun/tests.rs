//! The client and the kernel's services understand each other, on this machine's loopback; no TUN is needed.

use super::*;

#[test]
fn every_case_runs_against_the_kernel() {
    let peer = kernel::start().expect("loopback takes listeners");
    for rate in [client::pour(peer.discard, 2), client::drain(peer.chargen, 2), client::ask(peer.echo, 20)] {
        assert!(rate.expect("the service answers") > 0.0);
    }
}

#[test]
fn a_service_that_does_not_do_its_work_is_an_error_and_not_a_number() {
    let peer = kernel::start().expect("loopback takes listeners");
    assert!(client::pour(peer.echo, 1).is_err());
    let swapped = Peer { discard: peer.echo, ..peer };
    let failed = series(2, "MiB/s", &[peer, swapped], |peer| client::pour(peer.discard, 1));
    assert!(failed.expect_err("echo is no discard").to_string().starts_with("kernel, loopback: "));
}
