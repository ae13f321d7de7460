use super::*;

fn lived(seed: u64, octets: u64, loss: u8) -> (Outcome, String) {
    let mut out = Vec::new();
    let outcome = live(&SelftestOptions { seed, octets, loss }, &mut out).unwrap();
    (outcome, String::from_utf8(out).unwrap())
}

#[test]
fn without_loss_the_drawing_is_a_life_as_in_the_books() {
    let (outcome, drawn) = lived(1, 3000, 0);
    assert_eq!((outcome.complaint, outcome.lost, outcome.again), (None, 0, 0));
    insta::assert_snapshot!(drawn);
}

#[test]
fn under_loss_every_octet_comes_back() {
    for seed in 1..8 {
        let (outcome, drawn) = lived(seed, 60_000, 10);
        assert_eq!(outcome.complaint, None, "seed {seed}\n{drawn}");
        assert!(outcome.lost > 0 && outcome.again > 0, "{outcome:?}");
        assert!(drawn.contains("X lost") || drawn.contains("lost X"), "{drawn}");
        assert!(drawn.contains("TIME_WAIT"), "{drawn}");
    }
}

#[test]
fn the_same_seed_is_the_same_life() {
    assert_eq!(lived(5, 20_000, 10), lived(5, 20_000, 10));
    assert_ne!(lived(5, 20_000, 10).1, lived(6, 20_000, 10).1);
}

#[test]
fn a_line_that_loses_everything_fails_with_a_reason() {
    let (outcome, drawn) = lived(1, 1000, 100);
    let complaint = outcome.complaint.unwrap();
    assert!(complaint.contains("connecting failed"), "{complaint}\n{drawn}");
}
