use super::*;
use lastack_wire::tcp::{Flags, Header, Options, Timestamps};

const IRS: Seq = Seq(7_000);

fn flow() -> Flow {
    Flow { local: ([10, 0, 0, 1], 80).into(), remote: ([10, 0, 0, 2], 40_000).into() }
}

fn secrets() -> CookieSecrets {
    CookieSecrets::new(Secret::new([1, 2]))
}

fn third(cookie: Seq, echo: Option<u32>) -> Arrival {
    let timestamps = echo.map(|echo| Timestamps { value: 5, echo });
    let options = Options { timestamps, ..Options::default() };
    let header = Header { seq: IRS + 1, ack: cookie + 1, flags: Flags::ACK, options, ..Header::default() };
    Arrival {
        header,
        payload: bytes::Bytes::new(),
        pinned: 0,
        packet: 40,
        piece: 0,
        ecn: crate::Codepoint::NotEct,
    }
}

fn checked(secrets: &CookieSecrets, cookie: Seq, now: Instant) -> Option<u16> {
    let knobs = Knobs::default();
    secrets.check(&flow(), &third(cookie, None), 0, &knobs, now).map(|remembered| remembered.mss)
}

/// TIMELINES T20c.
#[test]
fn a_cookie_keeps_one_mss_of_four() {
    let now = Instant::from_millis(1_000);
    for (peer, kept) in [
        (88, 536),
        (536, 536),
        (537, 536),
        (1299, 536),
        (1300, 1300),
        (1439, 1300),
        (1440, 1440),
        (1459, 1440),
        (1460, 1460),
        (8960, 1460),
    ] {
        let cookie = secrets().mint(&flow(), IRS, peer, now);
        assert_eq!(checked(&secrets(), cookie, now), Some(kept), "{peer}");
    }
    let flow6 = Flow { local: ([1; 8], 80).into(), remote: ([2; 8], 1).into() };
    let cookie = secrets().mint(&flow6, IRS, 1440, now);
    let remembered = secrets().check(&flow6, &third(cookie, None), 0, &Knobs::default(), now);
    assert_eq!(remembered.map(|remembered| remembered.mss), Some(1440));
}

/// TIMELINES T20d: 60 to 120 s, as the minute has it.
#[test]
fn a_cookie_lives_for_the_rest_of_its_minute_and_the_next() {
    for phase in [0, 1_000, 30_000, 59_999] {
        let minted = Instant::from_millis(300_000 + phase);
        let cookie = secrets().mint(&flow(), IRS, 1460, minted);
        let valid = |after| checked(&secrets(), cookie, minted + Duration::from_millis(after)).is_some();
        assert!(valid(0) && valid(119_999 - phase), "{phase}");
        assert!(!valid(120_000 - phase) && !valid(200_000) && !valid(256 * MINUTE_MS - phase - 1), "{phase}");
    }
}

/// The octets between it and the SYN are lost or late; who believed it would never ask for them.
#[test]
fn a_later_segment_brings_no_cookie() {
    let now = Instant::from_millis(90_000);
    for peer in [536, 1300, 1440, 1460] {
        let cookie = secrets().mint(&flow(), IRS, peer, now);
        for ahead in 1..2000 {
            let mut later = third(cookie, None);
            later.header.seq += ahead;
            assert_eq!(secrets().check(&flow(), &later, 0, &Knobs::default(), now), None, "{ahead}");
        }
    }
}

#[test]
fn nobody_else_can_make_one() {
    let now = Instant::from_millis(90_000);
    let cookie = secrets().mint(&flow(), IRS, 1460, now);
    assert_eq!(checked(&CookieSecrets::new(Secret::new([1, 3])), cookie, now), None);
    let other = Flow { remote: ([10, 0, 0, 2], 40_001).into(), ..flow() };
    assert_eq!(secrets().check(&other, &third(cookie, None), 0, &Knobs::default(), now), None);
    let guessed = (0..4096).filter(|&n| checked(&secrets(), cookie + n * 4099 + 1, now).is_some()).count();
    assert!(guessed <= 1, "{guessed} of 4096 guesses were believed");
}

#[test]
fn a_rotation_loses_no_handshake_and_the_next_ends_the_secret() {
    let (mut secrets, now) = (secrets(), Instant::from_millis(4_000));
    let cookie = secrets.mint(&flow(), IRS, 1460, now);
    assert!(!secrets.is_old(now) && !secrets.is_old(now + SECRET_LIFE - Duration::from_nanos(1)));
    assert!(secrets.is_old(now + SECRET_LIFE));
    secrets.rotate(Secret::new([3, 4]), now);
    assert!(!secrets.is_old(now));
    assert_ne!(secrets.mint(&flow(), IRS, 1460, now), cookie);
    assert_eq!(checked(&secrets, cookie, now), Some(1460));
    secrets.rotate(Secret::new([5, 6]), now);
    assert_eq!(checked(&secrets, cookie, now), None);
}

/// TIMELINES T20f; the clock never runs ahead, or the peer's echo would lie in the future.
#[test]
fn the_timestamp_carries_scale_sack_and_ecn() {
    let now = Instant::from_millis(1_000_000);
    for (sack, scale, ecn, bits) in [
        (true, Some(7), false, 0b01_0111),
        (true, None, false, 0b01_1111),
        (false, Some(7), false, 0b00_0111),
        (false, None, false, 0b00_1111),
        (true, Some(14), false, 0b01_1110),
        (true, Some(7), true, 0b11_0111),
    ] {
        let stamped = stamp(now, sack, scale, ecn);
        assert_eq!(stamped & STAMP_BITS, bits);
        assert!(stamped <= tick(now) && tick(now) - stamped < 64);
        let cookie = secrets().mint(&flow(), IRS, 1460, now);
        let offset = 0xffff_ff00;
        let arrival = third(cookie, Some(stamped.wrapping_add(offset)));
        let check = |knobs: &Knobs| secrets().check(&flow(), &arrival, offset, knobs, now);
        let remembered = check(&Knobs::default()).expect("it is ours");
        assert_eq!(remembered, Remembered { mss: 1460, timestamps: true, sack, window_scale: scale, ecn });
        let deaf = check(&Knobs { tcp_ecn: 0, ..Knobs::default() });
        assert_eq!(deaf, Some(Remembered { ecn: false, ..remembered }), "the rest of the cookie counts");
        assert_eq!(check(&Knobs { tcp_timestamps: 0, ..Knobs::default() }), None);
        assert_eq!(check(&Knobs { tcp_sack: false, ..Knobs::default() }).is_some(), !sack);
        let unscaled = Knobs { tcp_window_scaling: false, ..Knobs::default() };
        assert_eq!(check(&unscaled).is_some(), scale.is_none());
    }
}
