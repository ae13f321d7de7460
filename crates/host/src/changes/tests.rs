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
