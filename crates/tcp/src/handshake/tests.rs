use super::*;
use bytes::Bytes;

#[test]
fn first_windows_are_whole_segments() {
    let (options, knobs) = (SocketOptions::default(), Knobs::default());
    assert_eq!(first_window(1460, false, &options, &knobs), 64_240);
    assert_eq!(first_window(1460, true, &options, &knobs), 65_160);
    assert_eq!(first_window(65_495, false, &options, &knobs), 65_495);
    let small = SocketOptions { rcvbuf: Some(2304), ..SocketOptions::default() };
    assert_eq!(first_window(1460, true, &small, &knobs), 1152);
}

#[test]
fn the_shift_reaches_the_largest_buffer_or_the_fixed_one() {
    let (options, knobs) = (SocketOptions::default(), Knobs::default());
    assert_eq!(Offer::ours(1460, &options, &knobs).window_scale, Some(10));
    let fixed = SocketOptions { rcvbuf: Some(425_984), ..SocketOptions::default() };
    assert_eq!(Offer::ours(1460, &fixed, &knobs).window_scale, Some(2));
    let off = Knobs { tcp_window_scaling: false, ..Knobs::default() };
    assert_eq!(Offer::ours(1460, &options, &off).window_scale, None);
}

#[test]
fn an_answer_repeats_only_what_was_offered() {
    let ours = Offer::ours(1460, &SocketOptions::default(), &Knobs::default());
    let bare = Offer::of_peer(&Header::default());
    assert_eq!(bare.mss, 536);
    let answer = ours.answer(bare);
    assert_eq!(answer, Offer { mss: 1460, timestamps: false, sack: false, window_scale: None, ecn: false });
    let wide = Options { window_scale: Some(200), mss: Some(1), ..Options::default() };
    let peer = Offer::of_peer(&Header { options: wide, ..Header::default() });
    assert_eq!(
        (peer.window_scale, peer.mss),
        (Some(14), 48),
        "RFC 7323 section 2.3: more than 14 counts as 14"
    );
}

#[test]
fn maxseg_lowers_the_offer_only() {
    let (options, knobs) =
        (SocketOptions { maxseg: Some(1000), ..SocketOptions::default() }, Knobs::default());
    assert_eq!(Offer::ours(1460, &options, &knobs).mss, 1000);
    assert_eq!(Offer::ours(600, &options, &knobs).mss, 600);
    assert_eq!(send_mss(1460, 1000), 1000);
}

#[test]
fn only_a_syns_window_is_not_scaled() {
    let mut header = Header { window: 100, ..Header::default() };
    assert_eq!(peer_window(&header, Some(7)), 12_800);
    header.flags = Flags::SYN;
    assert_eq!(peer_window(&header, Some(7)), 100, "a SYN's window is never scaled");
}

#[test]
fn the_window_test_knows_both_edges() {
    let at = |seq: u32, len: usize| {
        let header = Header { seq: Seq(seq), flags: Flags::ACK, ..Header::default() };
        let arrival = Arrival {
            header,
            payload: Bytes::from(vec![0; len]),
            pinned: len,
            packet: len as u32 + 40,
            piece: 0,
            ecn: crate::Codepoint::NotEct,
        };
        in_window(&arrival, Seq(1000), 100)
    };
    assert!(at(1000, 0) && at(1099, 1) && at(1100, 0) && at(990, 11) && at(990, 500));
    assert!(!at(999, 0) && !at(990, 10) && !at(1100, 1) && !at(1101, 0));
    assert!(!at(0x8000_1000, 1));
}

#[test]
fn a_clamped_window_needs_no_shift_and_offers_no_more() {
    let clamped = SocketOptions { window_clamp: Some(9000), ..SocketOptions::default() };
    assert_eq!(window_shift(&clamped, &Knobs::default()), 0);
    assert_eq!(first_window(1460, false, &clamped, &Knobs::default()), 8760);
    let low_water = SocketOptions { rcvlowat: Some(60_000), ..SocketOptions::default() };
    assert_eq!(
        first_window(1460, false, &low_water, &Knobs::default()),
        64_240,
        "the default buffer holds it"
    );
}
