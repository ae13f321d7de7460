use super::*;
use crate::receive::cost;
use proptest::prelude::*;

const RMEM_MAX: u32 = 33_554_432;

fn out() -> Output {
    Output::new(4, 0)
}

fn edge_of(window: &ReceiveWindow) -> Seq {
    window.acked + window.advertised
}

/// A window as the handshake leaves it, with the sequence number 1 next.
fn begin(advertised: u32, scale: u8, rcvbuf: u32) -> ReceiveWindow {
    ReceiveWindow::new(Beginning { nxt: Seq(1), advertised, scale, rcvbuf, mss: 1460, clamp: None })
}

fn server() -> ReceiveWindow {
    begin(65_160, 10, 131_072)
}

/// Queues segments of `len` octets, which the window learns from, and acknowledges each: the raw windows.
struct Peer {
    window: ReceiveWindow,
    nxt: Seq,
    charged: u32,
    segment: u16,
    shrinks: bool,
}

impl Peer {
    fn new(window: ReceiveWindow) -> Peer {
        Peer { window, nxt: Seq(1), charged: 0, segment: 536, shrinks: false }
    }

    fn sends(&mut self, len: u32) -> u16 {
        let cost = cost::of_packet(len + 40);
        self.charged += cost;
        self.nxt += len;
        if len >= u32::from(self.segment) && len != u32::from(self.segment) {
            self.segment = len as u16;
            self.window.learn(len, cost);
        }
        let (charged, segment) = (self.charged, self.segment);
        self.window.on_data(Queued { len, cost, charged, mss: 1460, segment, rcvbuf_max: RMEM_MAX });
        self.window.select(self.nxt, charged, segment, self.shrinks, &mut out())
    }
}

#[test]
fn the_first_raw_windows_are_63_and_64() {
    let mut client = begin(64_240, 10, 131_072);
    assert_eq!(client.select(Seq(1), 0, 536, false, &mut out()), 63);
    let mut server = ReceiveWindow::new(Beginning {
        nxt: Seq(1),
        advertised: 65_160,
        scale: 10,
        rcvbuf: 131_072,
        mss: 1448,
        clamp: None,
    });
    assert_eq!(server.select(Seq(1), 0, 536, false, &mut out()), 64);
}

#[test]
fn a_window_never_shrinks() {
    let mut window = server();
    window.select(Seq(1), 0, 536, false, &mut out());
    let edge = edge_of(&window);
    let mut out = out();
    // All memory is charged at once: what the peer was promised stays promised.
    assert_eq!(window.select(Seq(1), 200_000, 536, false, &mut out), 64);
    assert_eq!(edge_of(&window), edge);
    assert_eq!(out.counters.value(Counter::WantZeroWindowAdv), 1);
    window.close(Seq(1));
    assert_eq!(window.available(Seq(1)), 0, "but a segment in order that found no room closes it");
}

#[test]
fn a_full_buffer_closes_the_window_and_reading_opens_it() {
    let mut out = out();
    let mut window = server();
    window.select(Seq(1), 0, 536, false, &mut out);
    let nxt = edge_of(&window);
    assert_eq!(window.select(nxt, 131_072, 536, false, &mut out), 0);
    assert_eq!(window.available(nxt), 0);
    assert_eq!(out.counters.value(Counter::ToZeroWindowAdv), 1);
    assert!(
        !window.is_update_worth_sending(nxt, 131_072 - 2000, 536),
        "a silly window is not worth a segment"
    );
    assert!(window.is_update_worth_sending(nxt, 100_000, 536));
    assert_eq!(window.select(nxt, 0, 536, false, &mut out), 63);
    assert_eq!(out.counters.value(Counter::FromZeroWindowAdv), 1);
    assert!(!window.is_update_worth_sending(nxt, 0, 536), "it is open already");
}

#[test]
fn windows_are_those_of_the_kernel() {
    // Raw windows and rcv_ssthresh after each segment, as Linux 6.18 had them (TUN, nothing read).
    let mut default = Peer::new(begin(64_240, 10, 131_072));
    assert_eq!(default.window.threshold, 64_076, "a segment is kept back");
    for (raw, threshold) in [(66, 67_160), (69, 70_080), (72, 73_000)] {
        assert_eq!((default.sends(1460), default.window.threshold), (raw, threshold));
    }
    let mut small = Peer::new(begin(8760, 0, 20_000));
    let raws: Vec<u16> = (0..7).map(|_| small.sends(560)).collect();
    assert_eq!(raws, [8200, 7640, 7080, 6520, 5960, 5400, 4840]);
    assert_eq!(small.window.threshold, 8750);
    let mut least = Peer::new(begin(2920, 0, 8192));
    assert_eq!((least.sends(1000), least.window.threshold), (2000, 2920));
}

#[test]
fn a_window_that_may_shrink_follows_the_memory() {
    // tcp_shrink_window 1, tcp_rmem 32768: 15 and 13 units of 1024 (Linux 6.18). Else the edge would have stayed.
    let learnt = |shrinks| {
        let mut peer = Peer { shrinks, segment: 1000, ..Peer::new(begin(16_060, 10, 32_768)) };
        let cost = cost::of_packet(10_040);
        peer.window.learn(10_000, cost);
        peer.charged = cost;
        peer.nxt += 10_000;
        let first = peer.window.select(peer.nxt, peer.charged, 1000, shrinks, &mut out());
        peer.charged += cost::of_packet(1063);
        peer.nxt += 1023;
        (first, peer.window.select(peer.nxt, peer.charged, 1000, shrinks, &mut out()))
    };
    assert_eq!(learnt(true), (15, 13));
    assert_eq!(learnt(false), (16, 16));
}

#[test]
fn without_scaling_the_edge_may_lie_beyond_the_field() {
    let mut peer = Peer::new(begin(64_240, 0, 131_072));
    peer.sends(1460);
    assert_eq!(peer.sends(1460), u16::MAX);
    assert!(peer.window.available(peer.nxt) > u32::from(u16::MAX));
}

#[test]
fn without_scaling_the_offer_is_whole_segments() {
    let mut window = begin(64_240, 0, 131_072);
    let raw = u32::from(window.select(Seq(1461), 80_000, 1460, false, &mut out()));
    assert_eq!(raw, 64_240 - 1460, "not taken back");
    let later = Seq(1461) + raw;
    assert_eq!(u32::from(window.select(later, 80_000, 1460, false, &mut out())) % 1460, 0);
}

#[test]
fn the_clamp_bounds_the_offer_until_segments_show_more() {
    let mut window = server();
    window.set_clamp(Some(3000));
    assert_eq!(window.threshold, 3000);
    assert!(window.learn(1400, 2304));
    assert_eq!(window.clamp(), 131_072 * 155 / 256, "Linux forgets the application's clamp then");
    assert!(!window.learn(1400, 2304));
}

#[test]
fn restraint_leaves_two_segments() {
    let mut window = server();
    window.restrain(1460);
    assert_eq!(window.threshold, 2920);
    window.set_rcvbuf(4000);
    assert_eq!(window.full(), 2000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn the_right_edge_never_moves_back(
        start in any::<u32>(), scale in 0u8..15, steps in prop::collection::vec((0u32..40_000, 0u32..150_000), 1..40)
    ) {
        let mut nxt = Seq(start);
        let from = Beginning { nxt, advertised: 65_160, scale, rcvbuf: 131_072, mss: 1460, clamp: None };
        let mut window = ReceiveWindow::new(from);
        let mut out = out();
        for (arrived, charged) in steps {
            let len = arrived.min(window.available(nxt));
            nxt += len;
            let cost = cost::of_packet(len + 40);
            window.on_data(Queued { len, cost, charged, mss: 1460, segment: 1460, rcvbuf_max: RMEM_MAX });
            let edge = edge_of(&window);
            let raw = window.select(nxt, charged, 1460, false, &mut out);
            // The field says less only where it cannot say more.
            prop_assert_eq!(u32::from(raw), (window.available(nxt) >> scale).min(u32::from(u16::MAX)));
            prop_assert!(edge_of(&window).ge(edge));
        }
    }
}
