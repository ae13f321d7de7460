use super::*;
use lastack::observe::{Counter, State};

#[test]
fn every_state_and_counter_is_there_with_its_value() {
    let mut census = Census::default();
    census.enter(State::Listen);
    census.orphans = 3;
    let mut counters = Counters::default();
    counters.add(Counter::InSegs, 42);
    let page = page(&census, &counters).unwrap();
    for line in [
        "lastack_sockets{state=\"LISTEN\"} 1",
        "lastack_sockets{state=\"TIME_WAIT\"} 0",
        "lastack_orphans 3",
        "lastack_snmp_total{name=\"TcpInSegs\"} 42",
        "# TYPE lastack_snmp counter",
        "# EOF",
    ] {
        assert!(page.lines().any(|there| there == line), "{line} is missing in\n{page}");
    }
    for counter in Counter::ALL {
        assert!(page.contains(&format!("\"{}\"", counter.name())), "{} is missing", counter.name());
    }
}
