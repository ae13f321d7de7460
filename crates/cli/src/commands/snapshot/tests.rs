use super::load::parse;
use lastack::observe::snapshot::{Target, UnreadSource};
use lastack::observe::{Flow, Snapshot, SocketRow, State};
use proptest::prelude::*;

fn text() -> String {
    let target = Target::Stack { name: "a".to_owned(), device: "b".to_owned() };
    let rows = vec![SocketRow::new(State::CloseWait, Flow::NONE)];
    let look = Snapshot { target, rows, ..Snapshot::default() };
    serde_json::to_string(&look).unwrap()
}

#[test]
fn several_looks_may_follow_each_other() {
    let text = format!("{}\n{} {}", text(), text(), text());
    assert_eq!(parse(text.as_bytes()).unwrap().len(), 3);
}

#[test]
fn what_is_no_snapshot_is_refused_with_a_reason() {
    let later = text().replace("snapshot/1", "snapshot/9");
    for (text, told) in [
        ("", "it is empty"),
        ("hello", "expected value"),
        ("{}", "missing field `schema`"),
        (later.as_str(), "its form is \"lastack.snapshot/9\""),
        ("[1,2]", "invalid"),
    ] {
        let error = format!("{:#}", parse(text.as_bytes()).unwrap_err());
        assert!(error.contains(told), "{text}: {error}");
    }
}

#[test]
fn a_pasted_text_is_a_look_that_says_what_it_lacks() {
    let netstat = "tcp 0 0 0.0.0.0:80 0.0.0.0:* LISTEN\ntcp 1 0 10.0.0.1:80 10.0.0.2:4000 CLOSE_WAIT\n";
    let look = parse(netstat.as_bytes()).unwrap().remove(0);
    assert_eq!((look.rows.len(), look.census.count(State::CloseWait)), (2, 1));
    assert_eq!(look.listeners[0].flows.count(State::CloseWait), 1);
    assert_eq!(look.listeners[0].drops, None);
    let lacks: Vec<UnreadSource> = look.unread.iter().map(|unread| unread.source).collect();
    use UnreadSource::{Counters, Processes, SocketUse, Sockets, SysctlFiles};
    assert_eq!(lacks, [Processes, Counters, SocketUse, SysctlFiles]);

    let look = parse(b"TIME_WAIT 814\nESTABLISHED 634\n").unwrap().remove(0);
    assert_eq!((look.rows.len(), look.census.count(State::TimeWait)), (0, 814));
    assert_eq!(look.unread[0].source, Sockets);
}

proptest! {
    #[test]
    fn nothing_panics(cut in 0..400_usize, octet in any::<u8>(), noise in any::<Vec<u8>>()) {
        let mut octets = text().into_bytes();
        let cut = cut % octets.len();
        let _ = parse(&octets[..cut]);
        octets[cut] = octet;
        let _ = parse(&octets);
        let _ = parse(&noise);
    }
}

/// A look with something of everything, as the first version of the form wrote it.
const FULL: &str = include_str!("../../../../observe/src/snapshot/first.json");

/// Every number of a JSON value, one after the other, is replaced by `extreme`.
fn with_number(value: &mut serde_json::Value, left: &mut usize, extreme: &serde_json::Value) {
    match value {
        serde_json::Value::Number(_) if *left == 0 => {
            *value = extreme.clone();
            *left = usize::MAX;
        }
        serde_json::Value::Number(_) => *left -= 1,
        serde_json::Value::Array(all) => all.iter_mut().for_each(|value| with_number(value, left, extreme)),
        serde_json::Value::Object(all) => {
            all.values_mut().for_each(|value| with_number(value, left, extreme))
        }
        _ => {}
    }
}

#[test]
fn the_doctor_survives_every_extreme_number() {
    let extremes = [serde_json::json!(u64::MAX), serde_json::json!(u32::MAX), serde_json::json!(0)];
    let mut judged = 0;
    for at in 0..60 {
        for extreme in &extremes {
            let mut value = serde_json::from_str(FULL).unwrap();
            with_number(&mut value, &mut { at }, extreme);
            let look = serde_json::to_string(&value).unwrap();
            // A field may be too narrow for it: that is a reason to refuse the file, no more.
            if let Ok(looks) = parse(format!("{FULL}\n{look}\n{look}").as_bytes()) {
                judged += 1;
                let report = lastack_doctor::examine(&looks, &lastack_doctor::Settings::default());
                lastack_doctor::text::full(&report);
            }
        }
    }
    assert!(judged > 100, "{judged}");
}

#[test]
fn names_cannot_write_to_the_terminal() {
    let text = FULL.replace("leaky", "\\u001b[2J");
    let look = parse(text.as_bytes()).unwrap().remove(0);
    assert_eq!(look.processes[0].name, " [2J");
    assert_eq!(look.rows[0].host.as_ref().unwrap().holders[0].name, " [2J");
    assert_eq!(look.listeners[0].holders[0].name, " [2J");
}
