use super::super::{KnobError, Knobs};
use super::{apply, print, status};
use proptest::prelude::*;

/// The settings that an old article hands round.
const ARTICLE: &str = "\
# TIME_WAIT
net.ipv4.tcp_syncookies = 1
net.ipv4.tcp_tw_recycle = 1
net.ipv4.tcp_tw_reuse = 1
net.ipv4.tcp_fin_timeout = 30
net.ipv4.tcp_keepalive_time = 1200
net.ipv4.ip_local_port_range = 1024 65000
net.ipv4.tcp_max_syn_backlog = 8192
net.ipv4.tcp_max_tw_buckets = 5000
";

#[test]
fn a_file_made_for_an_old_linux_is_applied_but_for_what_was_removed() {
    let mut knobs = Knobs::default();
    let lines = apply(ARTICLE, &mut knobs);
    let refused: Vec<_> = lines.iter().filter(|line| line.is_error()).collect();
    assert_eq!(refused.len(), 1);
    assert_eq!((refused[0].number, refused[0].name), (3, "net.ipv4.tcp_tw_recycle"));
    assert!(matches!(refused[0].result, Err(KnobError::Removed { since: "4.12", .. })));
    assert_eq!(status(&lines), 1);
    let expected = Knobs {
        tcp_tw_reuse: 1,
        tcp_fin_timeout: 30,
        tcp_keepalive_time: 1200,
        ip_local_port_range: [1024, 65000],
        tcp_max_syn_backlog: 8192,
        tcp_max_tw_buckets: 5000,
        ..Knobs::default()
    };
    assert_eq!(knobs, expected);
}

#[test]
fn the_syntax_is_that_of_sysctl_conf() {
    let text = "\n; a comment\n  # another\n net/ipv4/tcp_sack=0 \r\n-net.ipv4.tcp_nothing = 1\nnet.core.somaxconn\t=\t7\n";
    let mut knobs = Knobs::default();
    let lines = apply(text, &mut knobs);
    assert_eq!(lines.iter().map(|line| line.number).collect::<Vec<_>>(), [4, 5, 6]);
    assert!(lines[1].result.is_err() && !lines[1].is_error());
    assert_eq!(status(&lines), 0);
    assert_eq!(knobs, Knobs { tcp_sack: false, somaxconn: 7, ..Knobs::default() });
    let lines = apply("net.ipv4.tcp_sack 1", &mut knobs);
    assert_eq!(lines[0].result, Err(KnobError::NoAssignment));
    assert_eq!(status(&lines), 1);
}

#[test]
fn what_is_printed_can_be_applied() {
    let mut knobs = Knobs::default();
    apply(ARTICLE, &mut knobs);
    let mut again = Knobs::default();
    assert_eq!(status(&apply(&print(&knobs), &mut again)), 0);
    assert_eq!(again, knobs);
}

#[test]
fn the_order_of_lines_that_are_read_back_as_written_makes_no_difference() {
    let lines = ["net.ipv4.tcp_dsack = 47", "net.ipv4.tcp_sack = 40"];
    let [there, back] = [lines, [lines[1], lines[0]]].map(|lines| {
        let mut knobs = Knobs::default();
        assert_eq!(status(&apply(&lines.join("\n"), &mut knobs)), 0);
        knobs
    });
    assert_eq!(there, back);
    let mut again = Knobs::default();
    apply(&print(&there), &mut again);
    assert_eq!(again, there);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn hostile_text_is_refused_and_no_more(text in "([-#;=./ \\n\\t]|net\\.ipv4\\.|tcp_rmem|tcp_sack|[0-9]{1,30}|\\PC){0,60}") {
        let mut knobs = Knobs::default();
        let lines = apply(&text, &mut knobs);
        let applied = lines.iter().any(|line| line.result.is_ok());
        prop_assert!(applied || knobs == Knobs::default());
    }
}
