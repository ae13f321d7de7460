//! The chart is a well-formed document whose bars are as long as the medians say.

use super::*;
use crate::pairs::Series;
use crate::report::{Better, NotRun};

fn report() -> Report {
    let series = |name, samples: &[f64]| Series { name, unit: "µs & <more>", samples: samples.to_vec() };
    let mut report = Report::new("memory", &["a < b"]);
    let rows = vec![series("lastack", &[1.0, 2.0, 3.0]), series("peer", &[4.0, 4.0, 8.0])];
    report.tables.push(Table::new("requests", Better::Lower, rows));
    report.not_run.push(NotRun { what: "other", why: "\"no\" & never".to_owned() });
    report
}

#[test]
fn the_document_is_well_formed_and_bars_have_the_medians_lengths() {
    let svg = draw(&report());
    let document = roxmltree::Document::parse(&svg).expect("well-formed XML");
    let widths: Vec<f64> = document
        .descendants()
        .filter(|node| node.attribute("class") == Some("bar"))
        .map(|node| node.attribute("width").expect("a bar has a width").parse().expect("a number"))
        .collect();
    assert_eq!(widths, [BARS_WIDTH / 4.0, BARS_WIDTH / 2.0]);
}

#[test]
fn everything_stands_inside_the_picture_and_nothing_is_lost() {
    let svg = draw(&report());
    let document = roxmltree::Document::parse(&svg).expect("well-formed XML");
    let root = document.root_element();
    let height: f64 = root.attribute("height").expect("a height").parse().expect("a number");
    let mut words = String::new();
    for node in root.descendants().filter(|node| node.has_tag_name("text")) {
        let y: f64 = node.attribute("y").expect("a text has a place").parse().expect("a number");
        assert!(y < height, "{:?} stands below the picture", node.text());
        words += node.text().unwrap_or("");
    }
    for part in ["requests (µs & <more>, lower", "2.67x as fast", "other: not run: \"no\" & never", "a < b"]
    {
        assert!(words.contains(part), "{part:?} is missing in {words}");
    }
}

#[test]
fn a_table_of_zeros_has_no_infinite_bar() {
    let mut report = Report::new("memory", &[]);
    let zeros = vec![Series { name: "lastack", unit: "", samples: vec![0.0] }];
    report.tables.push(Table::new("nothing", Better::Higher, zeros));
    let svg = draw(&report);
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
}
