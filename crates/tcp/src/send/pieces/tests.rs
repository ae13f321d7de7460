use super::*;

const MSS: u32 = 1000;

fn leave(nxt: Seq, room: u32) -> Leave {
    Leave { nxt, mss: MSS, goal: 16 * MSS, half: 16_448, room, packet: 2 }
}

/// Ends of marked pieces, from the first octet on.
fn marks(pieces: &Pieces) -> Vec<u32> {
    pieces.cuts.iter().filter(|piece| piece.push).map(|piece| Seq(1).distance_to(piece.end)).collect()
}

/// Linux 6.18: a window of two segments, the peer's of 257 << 7, one call with 150 octets of MSS 1000: PSH was seen at the ends
/// of these, and nowhere else.
#[test]
fn marks_are_where_linux_has_them() {
    let mut pieces = Pieces::new(Seq(1));
    let end = Seq(1) + 150_000;
    pieces.end_call(end, true, false);
    pieces.lay_out(end, Leave { packet: 1, ..leave(Seq(1), 2) });
    assert_eq!(marks(&pieces), [18_000, 34_000, 66_000, 98_000, 130_000, 150_000]);
    let mut pieces = Pieces::new(Seq(1));
    pieces.end_call(end, true, false);
    pieces.lay_out(end, Leave { packet: 1, goal: 32 * MSS, half: 32_000, ..leave(Seq(1), 2) });
    assert_eq!(marks(&pieces), [34_000, 66_000, 130_000, 150_000]);
}

#[test]
fn small_calls_share_a_piece_and_its_mark_moves() {
    let mut pieces = Pieces::new(Seq(1));
    for call in 1..=3 {
        pieces.end_call(Seq(1) + call * 100, true, false);
        pieces.lay_out(Seq(1) + call * 100, leave(Seq(1), 0));
    }
    assert_eq!(marks(&pieces), [300]);
    pieces.end_call(Seq(401), false, false);
    pieces.lay_out(Seq(401), leave(Seq(1), 0));
    assert_eq!(marks(&pieces), [], "MSG_MORE takes the mark away");
    assert!(!pieces.is_pushed(Seq(1), Seq(401)));
}

#[test]
fn a_record_ends_a_piece() {
    let mut pieces = Pieces::new(Seq(1));
    pieces.end_call(Seq(401), true, false);
    pieces.end_call(Seq(801), true, true);
    pieces.end_call(Seq(1201), true, true);
    pieces.end_call(Seq(9001), true, false);
    pieces.lay_out(Seq(9001), leave(Seq(1), 0));
    assert_eq!(pieces.record_left(Seq(1), 10 * MSS), Some(800), "the first call's octets go with it");
    assert_eq!(pieces.record_left(Seq(801), 10 * MSS), Some(400));
    assert_eq!(pieces.record_left(Seq(1201), 10 * MSS), None);
    assert_eq!(pieces.record_left(Seq(1), 700), None, "it ends beyond what may leave");
    pieces.forget(Seq(801));
    assert_eq!(pieces.record_left(Seq(801), 10 * MSS), Some(400));
}

#[test]
fn what_is_sent_is_not_appended_to() {
    let mut pieces = Pieces::new(Seq(1));
    pieces.end_call(Seq(101), true, false);
    pieces.lay_out(Seq(101), leave(Seq(1), 0));
    pieces.end_call(Seq(201), true, false);
    pieces.lay_out(Seq(201), leave(Seq(101), 0));
    assert_eq!(marks(&pieces), [100, 200]);
    assert!(pieces.is_pushed(Seq(1), Seq(101)) && !pieces.is_pushed(Seq(1), Seq(51)));
}

#[test]
fn a_part_of_a_call_is_no_end_of_one() {
    let mut pieces = Pieces::new(Seq(1));
    pieces.lay_out(Seq(5001), leave(Seq(1), 0));
    assert_eq!(marks(&pieces), []);
    pieces.end_call(Seq(5001), true, false);
    assert!(pieces.is_behind(Seq(5001)));
    pieces.lay_out(Seq(5001), leave(Seq(1), 0));
    assert_eq!(marks(&pieces), [5000]);
}

#[test]
fn the_list_is_bounded() {
    let mut pieces = Pieces::new(Seq(1));
    for call in 1..=10_000 {
        pieces.end_call(Seq(1) + call, true, true);
        pieces.lay_out(Seq(1) + call, leave(Seq(1), 0));
    }
    assert!(pieces.cuts.len() <= PIECES_MAX && pieces.calls.is_empty());
}
