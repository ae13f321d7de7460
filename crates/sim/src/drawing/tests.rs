use super::*;
use crate::lab::{PRESETS, preset};
use crate::world::Edges;
use lastack_tcp::state::EDGES;

fn texts(svg: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(svg).expect("well-formed XML");
    assert_eq!(document.root_element().tag_name().name(), "svg");
    let texts =
        document.descendants().filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "text")));
    texts.map(|node| node.text().unwrap_or_default().to_owned()).collect()
}

#[test]
fn every_preset_is_well_formed_svg_with_its_states_packets_and_sentences() {
    for preset in PRESETS {
        let diagram = preset.play().diagram;
        let texts = texts(&svg::render(&diagram));
        let has = |wanted: &str| texts.iter().any(|text| text.starts_with(wanted));
        for moment in &diagram.moments {
            if let What::State { to, .. } = moment.what {
                assert!(has(to.name()), "{}: {to} is missing", preset.name);
            }
        }
        for packet in &diagram.packets {
            assert!(has(&packet.label()), "{}: {} is missing", preset.name, packet.label());
        }
        let lost = diagram.packets.iter().filter(|packet| packet.lost).count();
        assert_eq!(texts.iter().filter(|text| *text == "lost").count(), lost, "{}", preset.name);
        assert!(has(&diagram.title) && has("What to see"));
    }
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for preset in PRESETS {
        let diagram = preset.play().diagram;
        for width in [76, 80, 100, 140] {
            let text = terminal::render(&diagram, terminal::Style { width, colour: false });
            let title = diagram.title.chars().count();
            for line in text.lines().skip(1) {
                let columns = line.chars().count();
                assert!(
                    columns <= width,
                    "{} at {width}: {columns} columns, title {title}: {line}",
                    preset.name
                );
            }
        }
    }
}

#[test]
fn colour_adds_nothing_but_escapes() {
    let diagram = preset("lost-third-ack").unwrap().play().diagram;
    let style = terminal::Style { width: 100, colour: false };
    let plain = terminal::render(&diagram, style);
    assert!(!plain.contains('\x1b'));
    let coloured = terminal::render(&diagram, terminal::Style { colour: true, ..style });
    let mut bare = String::new();
    for (number, part) in coloured.split('\x1b').enumerate() {
        bare += if number == 0 { part } else { part.split_once('m').expect("the end of an escape").1 };
    }
    let trimmed = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    assert_eq!(trimmed(&bare), trimmed(&plain));
}

#[test]
fn the_state_diagram_has_every_state_and_tells_what_was_crossed() {
    let none = texts(&states::render("nothing", &Edges::default()));
    assert!(none.contains(&format!("0 of {} edges were crossed (green)", EDGES.len())));
    for state in State::ALL {
        assert!(none.iter().any(|text| text == state.name()), "{state} is missing");
    }
    let edges = preset("close4").unwrap().play().edges;
    let svg = states::render("close4", &edges);
    let document = roxmltree::Document::parse(&svg).expect("well-formed XML");
    let crossed = document.descendants().filter(|node| node.attribute("class") == Some("crossed")).count();
    // The ways of both ends: five of the client's, six of the server's; TIME_WAIT and LAST_ACK each end in CLOSE.
    assert_eq!(crossed, 12);
}

#[test]
fn what_a_stranger_says_cannot_break_the_picture() {
    let title = "<b> & \"quotes\" \u{1b}[31m".to_owned();
    let diagram = Diagram { title, ..Diagram::default() };
    assert_eq!(texts(&svg::render(&diagram))[0], "<b> & \"quotes\"  [31m");
}

#[test]
fn exchanging_the_ends_twice_changes_nothing() {
    let diagram = preset("reset").unwrap().play().diagram;
    let mirrored = diagram.clone().mirrored();
    assert_ne!(diagram, mirrored);
    assert_eq!(diagram, mirrored.mirrored());
}
