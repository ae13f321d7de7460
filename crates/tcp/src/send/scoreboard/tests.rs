use super::*;

fn board(segments: u32) -> Scoreboard {
    let mut board = Scoreboard::new(Seq(0));
    board.push(Run::new(Seq(0), Seq(segments * 100), 100, false, Instant::ZERO, 0));
    board
}

fn again(board: &mut Scoreboard, run: Run, len: u32) -> bool {
    let (index, ends) = board.prepare_again(run.start, len, run.len(), 100);
    board.leave_again(index, false, Instant::from_millis(1), 0);
    ends
}

#[test]
fn lost_segments_leave_again_in_order_and_once() {
    let mut board = board(5);
    board.lose_if(|_| true);
    assert_eq!((board.in_flight(), board.lost_ever()), (0, 5));
    let run = board.next_lost().unwrap();
    assert!(!again(&mut board, run, 200), "two of the five; the packet goes on");
    let rest = board.next_lost().unwrap();
    assert_eq!((rest.start, rest.segments()), (Seq(200), 3));
    assert!(again(&mut board, rest, 300), "the packet ends");
    assert_eq!((board.next_lost(), board.in_flight()), (None, 5));
    assert_eq!(board.mark_lost(0), Loss::Again(2));
    assert_eq!((board.next_lost().map(|run| run.start), board.in_flight()), (Some(Seq(0)), 3));
}

#[test]
fn the_first_segment_alone_can_be_lost() {
    let mut board = board(3);
    assert_eq!(board.lose_first_segment(), Loss::First(1));
    assert_eq!(board.lose_first_segment(), Loss::Known);
    assert_eq!((board.in_flight(), board.recounted()), (2, [3, 0, 1, 0]));
}

#[test]
fn acknowledgments_take_segments_and_their_marks_away() {
    let mut board = board(4);
    board.lose_if(|_| true);
    let run = board.next_lost().unwrap();
    again(&mut board, run, 200);
    assert_eq!(board.take_acked(Seq(50)), None, "a part of a segment");
    let (_, segments, whole) = board.take_acked(Seq(150)).unwrap();
    assert_eq!((segments, whole, board.recounted()), (1, false, [3, 0, 3, 1]));
    assert!(board.take_acked(Seq(200)).unwrap().2);
    assert!(board.take_acked(Seq(400)).unwrap().2);
    assert_eq!((board.recounted(), board.in_flight(), board.take_acked(Seq(400))), ([0; 4], 0, None));
}

#[test]
fn the_highest_block_is_remembered_while_there_is_one() {
    let mut board = board(4);
    assert_eq!(board.highest_sacked(Seq(0)), Seq(0));
    assert_eq!(board.fit(0, Seq(100), Seq(200)), Some(false));
    assert_eq!(board.fit(1, Seq(100), Seq(200)), Some(true));
    board.mark_sacked(1);
    assert_eq!(board.highest_sacked(Seq(0)), Seq(200));
    board.forget_sacked();
    assert_eq!((board.highest_sacked(Seq(0)), board.recounted()[1]), (Seq(0), 0));
}
