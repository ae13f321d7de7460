use super::*;
use lastack::observe::{Flow, State};
use proptest::prelude::*;

fn row(state: State, local: &str, remote: &str) -> SocketRow {
    SocketRow::new(state, Flow { local: local.parse().unwrap(), remote: remote.parse().unwrap() })
}

fn parse(text: &str) -> Result<Filter, FilterError> {
    Filter::parse(text, &|name| (name == "http").then_some(80))
}

/// Whether a connection from 10.1.2.3:40000 to our port 80 passes.
#[track_caller]
fn passes(text: &str) -> bool {
    let filter = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let row = row(State::Established, "198.18.0.2:80", "10.1.2.3:40000");
    filter.states(States::USUAL).contains(row.state) && filter.passes(&row)
}

#[test]
fn what_holds_passes() {
    for text in [
        "",
        "sport = :80",
        "sport = 80",
        "sport=:http",
        "sport == http",
        "sport eq 80",
        "dport > :1024",
        "dport>=40000 dport<=40000",
        "sport < 1024 and dport > 1024",
        "sport != 81 & dport ne 1",
        "src 198.18.0.2",
        "src 198.18.0.0/24:80",
        "src = 198.18.0.2:http",
        "src :80",
        "src *:80",
        "dst 10.0.0.0/8",
        "dst != 10.2.0.0/16",
        "not dst 192.0.2.1",
        "!dst 192.0.2.1",
        "! ( sport = 1 or sport = 2 )",
        "(sport=1 or sport=80) and (dst 10.0.0.0/8)",
        "sport = 1 and sport = 2 or sport = 80",
        "sport = 80 or sport = 1 and sport = 2",
        "sport = 1 || sport = 80 && dport = 40000",
        "state established",
        "state ESTAB sport = 80",
        "state connected exclude time-wait dst 10.1.2.3",
        "exclude listening",
    ] {
        assert!(passes(text), "{text}");
    }
}

#[test]
fn what_does_not_hold_does_not_pass() {
    for text in [
        "sport = 81",
        "sport > 80",
        "sport < 80",
        "dport <= 39999",
        "src 10.1.2.3",
        "src 198.18.0.2:81",
        "dst ::/0",
        "dst [::ffff:10.9.9.9]",
        "not sport = 80",
        "sport = 80 sport = 81",
        "sport = 80 and not ( dst 10.0.0.0/8 )",
        "state listening",
        "state time-wait state syn-recv",
        "exclude established",
        "exclude connected",
    ] {
        assert!(!passes(text), "{text}");
    }
}

#[test]
fn ipv6_addresses_stand_bare_or_in_brackets() {
    let row = row(State::Established, "[2001:2::2]:80", "[fd00::9]:5000");
    for text in
        ["src 2001:2::2", "src 2001:2::/64", "src [2001:2::2]:80", "src [2001:2::]/64:80", "dst [fd00::9]"]
    {
        assert!(parse(text).unwrap().passes(&row), "{text}");
    }
    assert!(!parse("src [2001:2::2]:81").unwrap().passes(&row));
}

#[test]
fn a_filter_without_states_leaves_them_to_the_options() {
    let states = parse("sport = 80").unwrap().states(States::LISTENING);
    assert!(states.contains(State::Listen) && !states.contains(State::Established));
    for hidden in [State::Listen, State::TimeWait, State::SynRecv, State::Closed] {
        assert!(!States::USUAL.contains(hidden));
    }
}

#[test]
fn what_is_wrong_is_said() {
    for (text, said) in [
        ("sport", "then a port"),
        ("sport 80", "then a port"),
        ("sport = smtp", "no port and no service"),
        ("sport = 65536", "no port"),
        ("src example.org", "names are not looked up"),
        ("src > 10.0.0.1", "= and !="),
        ("src [::1", "not closed"),
        ("(sport = 1", "not closed"),
        ("sport = 1)", "nothing before it"),
        ("sport = 1 or", "ends where"),
        ("autobound", "not understood"),
        ("state", "needs the name"),
        ("state gone", "no TCP state"),
        ("sport = 1 state listening", "states come first"),
        (&"(".repeat(1000), "inside each other"),
        (&"not ".repeat(1000), "inside each other"),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(said), "{text}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
        let _ = parse(&text);
    }

    #[test]
    fn any_words_are_read_or_refused(words in proptest::collection::vec(
        prop::sample::select(vec![
            "src", "dst", "sport", "dport", "=", "!=", "<", ">", "(", ")", "not", "!", "and", "or", "&", "||", "80",
            ":80", "10.0.0.0/8", "[::1]:80", "state", "exclude", "established", "all",
        ]), 0..12)) {
        let _ = parse(&words.join(" "));
    }

    /// Comparisons agree with those of numbers, and a negation with the opposite comparison.
    #[test]
    fn ports_compare_as_numbers(port in 1_u16.., other in 1_u16..) {
        let row = row(State::Established, &format!("192.0.2.1:{port}"), "192.0.2.2:1");
        let holds = |text: String| parse(&text).unwrap().passes(&row);
        prop_assert_eq!(holds(format!("sport < {other}")), port < other);
        prop_assert_eq!(holds(format!("sport >= {other}")), port >= other);
        prop_assert_eq!(holds(format!("not sport > {other}")), port <= other);
        prop_assert_eq!(holds(format!("not (sport = {other} or sport < {other})")), port > other);
    }
}

#[test]
fn the_kernel_is_told_a_superset_of_the_ports() {
    let ports = |text: &str| Filter::parse(text, &|_| None).unwrap().ports();
    let all = lastack_host::PortFilter::default();
    assert_eq!(ports(""), Some(all));
    assert_eq!(ports("sport = 80"), Some(all.local(80..=80)));
    assert_eq!(ports("sport = 80 or sport = 90"), Some(all.local(80..=90)));
    assert_eq!(ports("sport >= 80 and dport < 10"), Some(all.local(80..=65_535).remote(0..=9)));
    assert_eq!(ports("src 10.0.0.1:80"), Some(all.local(80..=80)));
    assert_eq!(ports("not sport = 80"), Some(all));
    assert_eq!(ports("sport = 80 or dst 10.0.0.1"), Some(all));
    assert_eq!(ports("sport = 80 and sport = 81"), None);
    assert_eq!(ports("sport > 65535"), None);
}
