use super::*;

fn flow(port: u16) -> Flow {
    Flow { local: format!("192.0.2.1:{port}").parse().unwrap(), remote: "192.0.2.2:80".parse().unwrap() }
}

#[test]
fn two_looks_are_compared() {
    let before = HashMap::from([
        (flow(1), State::Established),
        (flow(2), State::FinWait2),
        (flow(3), State::TimeWait),
    ]);
    let now =
        HashMap::from([(flow(1), State::CloseWait), (flow(2), State::FinWait2), (flow(4), State::SynSent)]);
    let mut seen = Vec::new();
    compare(&before, &now, Duration::from_secs(3), &mut |change| {
        seen.push((change.flow.local.port(), change.from, change.to));
    });
    assert_eq!(
        seen,
        [
            (1, State::Established, State::CloseWait),
            (3, State::TimeWait, State::Closed),
            (4, State::Closed, State::SynSent),
        ]
    );
}

#[test]
fn a_state_lasts_from_change_to_change() {
    let mut ages = Ages::default();
    let second = Duration::from_secs;
    let mut left = |at, from, to| {
        ages.left(&Change { at: second(at), socket: 0, flow: flow(1), from, to })
            .map(|(age, least)| (age.as_secs(), least))
    };
    assert_eq!(left(10, State::Closed, State::SynSent), None);
    assert_eq!(left(12, State::SynSent, State::Established), Some((2, false)));
    assert_eq!(left(72, State::Established, State::Closed), Some((60, false)));
    assert_eq!(left(80, State::Closed, State::SynSent), None);
    ages.begin(flow(2), second(5));
    let change =
        Change { at: second(9), socket: 0, flow: flow(2), from: State::Established, to: State::CloseWait };
    assert_eq!(ages.left(&change), Some((second(4), true)));
}
