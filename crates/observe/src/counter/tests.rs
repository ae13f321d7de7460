use super::*;

#[test]
fn names_are_unique_and_found() {
    for &counter in Counter::ALL {
        assert_eq!(Counter::from_name(counter.name()), Some(counter));
    }
    assert_eq!(Counter::from_name("TcpExtNothing"), None);
    assert!(Counter::ALL.iter().all(|counter| counter.meaning().ends_with('.')));
    assert_eq!(Counter::SynRetrans.meaning(), "SYNs and SYN-ACKs retransmitted.");
}

#[test]
fn counters_read_back_from_json() {
    let mut counters = Counters::default();
    counters.add(Counter::SynRetrans, 10);
    counters.bump(Counter::ActiveOpens);
    let json = serde_json::to_string(&counters).unwrap();
    assert!(json.contains("\"TcpExtTCPSynRetrans\":10"), "{json}");
    assert_eq!(serde_json::from_str::<Counters>(&json).unwrap(), counters);
    assert_eq!(serde_json::from_str::<Counters>("{}").unwrap(), Counters::default());
    let error = serde_json::from_str::<Counters>("{\"TcpExtNothing\":1}").unwrap_err();
    assert!(error.to_string().starts_with("no counter is called TcpExtNothing"), "{error}");
}

#[test]
fn only_what_counted_is_printed() {
    let mut counters = Counters::default();
    assert_eq!(counters.to_string(), "");
    counters.add(Counter::OutRsts, 3);
    assert_eq!(counters.to_string(), "TcpOutRsts                      3\n");
}
