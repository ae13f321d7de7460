use super::*;

#[test]
fn every_state_is_on_the_page() {
    let census = Census::default();
    for page in [text(&census), html(&census)] {
        for state in lastack::observe::State::ALL {
            assert!(page.contains(state.name()), "{} is missing", state.name());
        }
    }
}
