//! The diagram of every table in Graphviz' language: the usual client's path bold and solid, the usual server's
//! bold and dashed, as printed state diagrams do; everything else thin.

use super::EDGES;
use lastack_observe::State;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The client that connects and closes first.
const CLIENT: [(State, State); 6] = [
    (State::Closed, State::SynSent),
    (State::SynSent, State::Established),
    (State::Established, State::FinWait1),
    (State::FinWait1, State::FinWait2),
    (State::FinWait2, State::TimeWait),
    (State::TimeWait, State::Closed),
];

/// The server that accepts and closes second.
const SERVER: [(State, State); 6] = [
    (State::Closed, State::Listen),
    (State::Listen, State::SynRecv),
    (State::SynRecv, State::Established),
    (State::Established, State::CloseWait),
    (State::CloseWait, State::LastAck),
    (State::LastAck, State::Closed),
];

fn style(pair: (State, State)) -> &'static str {
    if CLIENT.contains(&pair) {
        "style=bold"
    } else if SERVER.contains(&pair) {
        "style=\"bold,dashed\""
    } else {
        "color=gray40, fontcolor=gray40"
    }
}

/// The whole diagram as DOT text: one node per state, one arrow per pair of states, labelled with its causes.
pub fn dot() -> String {
    let mut arrows: BTreeMap<(State, State), Vec<&'static str>> = BTreeMap::new();
    for edge in EDGES {
        let label = edge.cause.text();
        let labels = arrows.entry((edge.from, edge.to)).or_default();
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    let mut text = String::from("digraph tcp {\n    node [shape=box, fontname=\"sans-serif\"];\n");
    text.push_str("    edge [fontname=\"sans-serif\", fontsize=9];\n");
    for state in State::ALL {
        let _ = writeln!(text, "    {};", state.name());
    }
    for ((from, to), labels) in arrows {
        let label = labels.join("\\n");
        let _ = writeln!(text, "    {from} -> {to} [{}, label=\"{label}\"];", style((from, to)));
    }
    text.push_str("}\n");
    text
}
