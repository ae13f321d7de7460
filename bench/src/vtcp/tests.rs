//! The rig does what it says: whole lives, requests and every octet of a bulk transfer.

use super::*;

#[test]
fn short_connections_live_their_whole_lives() {
    for port in 1024..1034 {
        Pktkit::short_connection(port);
    }
}

#[test]
fn a_stream_carries_requests_and_bulk() {
    let mut rig = Pktkit::connect(1024);
    rig.request();
    rig.bulk(&vec![1; 3 << 20]);
    rig.request();
}
