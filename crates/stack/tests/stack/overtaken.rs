//! Calls that a packet overtakes on their way to the stack.

use crate::raw::{PEER, Raw, ack, segment, syn};
use crate::world::Seeded;
use lastack_stack::Shutdown;
use lastack_stack::observe::State;
use std::net::SocketAddr;

/// shutdown() in SYN_SENT gives the attempt up; when the peer's SYN crosses it before the stack looks, it ends the writing.
#[test]
fn a_shutdown_that_a_crossing_syn_overtakes() {
    let mut raw = Raw::new();
    let client = raw.world.connect(0, SocketAddr::new(PEER, 80));
    let (port, first) = {
        raw.world.run_ms(0);
        let own = client.local_addr().expect("a port was chosen").port();
        (own, raw.segments().pop().expect("a SYN").1)
    };
    client.shutdown(Shutdown::Write).expect("it connects");
    let now = raw.world.now;
    let crossing = segment(SocketAddr::new(PEER, 80), port, &syn(100), "");
    raw.world.stack(0).handle_frame(now, &mut Seeded(1), crossing);
    assert_eq!(raw.world.count(0, State::SynRecv), 1);
    raw.segments();
    raw.send(80, port, ack(101, first.seq.0.wrapping_add(1)), "");
    let fin = raw.segments().pop().expect("a FIN").1;
    assert!(fin.flags.fin(), "{fin:?}");
    assert_eq!(raw.world.count(0, State::FinWait1), 1);
}
