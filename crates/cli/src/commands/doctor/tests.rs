use super::verdict;
use crate::Verdict;
use lastack_doctor::{Blind, Finding, Report, Severity};

fn report(severities: &[Severity], blind: bool) -> Report {
    let findings = severities.iter().map(|severity| Finding::new("LA-XX01", *severity, "")).collect();
    let blind = if blind { vec![Blind { id: "LA-XX02", missing: String::new() }] } else { Vec::new() };
    Report { findings, blind }
}

#[test]
fn the_exit_status_follows_the_worst_finding() {
    use Severity::{Critical, Info, Warn};
    let cases: &[(&[Severity], bool, Severity, Verdict, Verdict)] = &[
        (&[], false, Warn, Verdict::Fine, Verdict::Fine),
        (&[], true, Warn, Verdict::Blind, Verdict::Blind),
        (&[Info], false, Warn, Verdict::Fine, Verdict::Fine),
        (&[Info], false, Info, Verdict::Found, Verdict::Found),
        (&[Info, Warn], true, Warn, Verdict::Found, Verdict::Found),
        (&[Warn], false, Critical, Verdict::Fine, Verdict::Fine),
        (&[Warn], true, Critical, Verdict::Blind, Verdict::Blind),
        (&[Critical], true, Critical, Verdict::Found, Verdict::Critical),
    ];
    for (severities, blind, fail_on, plain, nagios) in cases {
        let report = report(severities, *blind);
        assert_eq!(verdict(&report, *fail_on, false), *plain, "{severities:?} {blind} {fail_on}");
        assert_eq!(verdict(&report, *fail_on, true), *nagios, "{severities:?} {blind} {fail_on}");
    }
}
