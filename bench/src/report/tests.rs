//! Ratios point the right way for costs and for rates, and every form of the report tells them.

use super::*;

fn series(name: &'static str, samples: &[f64]) -> Series {
    Series { name, unit: "units", samples: samples.to_vec() }
}

fn ratio(better: Better) -> Spread {
    let table =
        Table::new("t", better, vec![series("lastack", &[1.0, 2.0, 4.0]), series("peer", &[2.0, 4.0, 4.0])]);
    assert!(table.rows()[0].first_is_faster_by.is_none());
    table.rows()[1].first_is_faster_by.expect("the second row is compared")
}

#[test]
fn a_lower_cost_is_faster() {
    assert_eq!(ratio(Better::Lower), Spread { min: 1.0, median: 2.0, max: 2.0 });
}

#[test]
fn a_higher_rate_is_faster() {
    assert_eq!(ratio(Better::Higher), Spread { min: 0.5, median: 0.5, max: 1.0 });
}

fn report() -> Report {
    let mut report = Report::new("memory", &["measured by hand"]);
    let series = vec![series("lastack", &[10.0]), series("peer", &[25.0])];
    report.tables.push(Table::new("requests", Better::Lower, series));
    report.not_run.push(NotRun { what: "other", why: "nobody has it".to_owned() });
    report
}

#[test]
fn the_text_has_every_number_the_reason_and_the_summary() {
    let text = report().to_string();
    for part in [
        "requests (units, lower is better)",
        "25.00  lastack is 2.50x as fast (2.50-2.50)",
        "other: not run: nobody has it",
        "note: measured by hand",
    ] {
        assert!(text.contains(part), "{part:?} is missing in\n{text}");
    }
    assert!(text.ends_with("memory: lastack's speed against its peers: requests 2.50x peer"), "{text}");
}

#[test]
fn the_json_has_samples_and_ratios() {
    let json = serde_json::to_value(report()).expect("a report is JSON");
    assert_eq!(json["schema"], 1);
    let rows = &json["tables"][0]["rows"];
    assert_eq!(rows[0]["samples"][0], 10.0);
    assert!(rows[0]["first_is_faster_by"].is_null());
    assert_eq!(rows[1]["first_is_faster_by"]["median"], 2.5);
    assert_eq!(json["tables"][0]["better"], "lower");
    assert_eq!(json["not_run"][0]["why"], "nobody has it");
}
