use super::*;

#[test]
fn all_repetitions_must_have_come_twice() {
    let mut undo = Undo::default();
    undo.begin(Seq(1), 0);
    assert!(!undo.all_came_twice(), "nothing was repeated yet");
    undo.came_twice(1);
    assert!(!undo.all_came_twice(), "a D-SACK before the first repetition tells of something else");
    undo.repeated(2, 100);
    undo.came_twice(1);
    assert!(!undo.all_came_twice());
    undo.came_twice(5);
    assert!(undo.all_came_twice());
    undo.marker = None;
    assert!(!undo.all_came_twice(), "there is nothing to take back");
}

#[test]
fn repetitions_under_way_count_from_the_beginning() {
    let mut undo = Undo::default();
    undo.begin(Seq(1), 2);
    undo.came_twice(2);
    assert!(undo.all_came_twice());
}

#[test]
fn an_echo_is_older_than_the_first_repetition_alone() {
    let mut undo = Undo::default();
    assert!(!undo.echo_is_older(Some(1)), "nothing was repeated");
    undo.repeated(1, u32::MAX);
    undo.repeated(1, 50);
    assert!(undo.echo_is_older(Some(u32::MAX - 1)));
    assert!(!undo.echo_is_older(Some(u32::MAX)) && !undo.echo_is_older(Some(20)));
    assert!(!undo.echo_is_older(Some(0)) && !undo.echo_is_older(None), "no echo");
}
