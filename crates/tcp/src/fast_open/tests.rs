use super::*;
use crate::{Instant, Knobs};
use std::time::Duration;

fn keys(text: &str) -> FastOpenKeys {
    text.parse().expect("a key")
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// What Linux makes of these keys and addresses; its own tests name the same cookies.
#[test]
fn cookies_are_linux_cookies() {
    let (local, remote) = (ip("192.168.0.1"), ip("192.0.2.1"));
    let known = |key: &str| keys(key).mint(local, remote).as_slice().to_vec();
    assert_eq!(
        known("a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4"),
        [0x30, 0x21, 0xb9, 0xd8, 0x89, 0x01, 0x7e, 0xeb]
    );
    assert_eq!(known("0-0-0-0"), [0xb7, 0xc1, 0x23, 0x50, 0xa9, 0x0d, 0xc8, 0xf5]);
    let (local, remote) = (ip("fd3d:0a0b:17d6::1"), ip("fd3d:fa7b:d17d::1"));
    let cookie = keys("a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4").mint(local, remote);
    assert_eq!(cookie.as_slice(), [0xc1, 0xd1, 0xe9, 0x74, 0x2a, 0x47, 0xa9, 0xbc]);
}

#[test]
fn a_cookie_holds_for_one_client_and_one_server_and_two_keys() {
    let old = keys("1-2-3-4");
    let (local, remote, other) = (ip("10.0.0.1"), ip("10.0.0.2"), ip("10.0.0.3"));
    let cookie = old.mint(local, remote);
    assert_eq!(old.check(local, remote, &cookie), Some(MadeWith::Primary));
    assert_eq!(old.check(local, other, &cookie), None);
    assert_eq!(old.check(other, remote, &cookie), None);
    let rotated = keys("5-6-7-8,1-2-3-4");
    assert_eq!(rotated.check(local, remote, &cookie), Some(MadeWith::Backup));
    assert_eq!(rotated.check(local, remote, &rotated.mint(local, remote)), Some(MadeWith::Primary));
    assert_eq!(keys("5-6-7-8").check(local, remote, &cookie), None);
    let short = FastOpenCookie::new(&cookie.as_slice()[..4]).expect("four octets");
    assert_eq!(old.check(local, remote, &short), None);
}

#[test]
fn keys_are_read_and_revealed_in_the_sysctl_form() {
    for text in [
        "00000001-00000002-00000003-deadbeef",
        "0000000a-00000000-00000000-00000000,00000001-00000002-00000003-00000004",
    ] {
        assert_eq!(keys(text).reveal(), text);
    }
    assert_eq!(keys("1-2-3-DEADBEEF").reveal(), "00000001-00000002-00000003-deadbeef");
    for wrong in [
        "",
        "1-2-3",
        "1-2-3-4-5",
        "1-2-3-g",
        "1-2-3-123456789",
        "1-2-3-4,",
        "1-2-3-4,5",
        "+1-2-3-4",
        "1--2-3",
    ] {
        assert_eq!(wrong.parse::<FastOpenKeys>(), Err(key::NoKey), "{wrong}");
    }
    let octets: Vec<u8> = (0..32).collect();
    let both = FastOpenKeys::from_octets(&octets).expect("two keys");
    assert_eq!(both.reveal(), "03020100-07060504-0b0a0908-0f0e0d0c,13121110-17161514-1b1a1918-1f1e1d1c");
    assert_eq!(FastOpenKeys::from_octets(&octets[..16]), Some(FastOpenKeys::new(both.primary)));
    assert_eq!(FastOpenKeys::from_octets(&octets[..20]), None);
}

#[test]
fn keys_are_shown_by_nothing() {
    let knobs = Knobs { tcp_fastopen_key: Some(keys("abcdef01-2-3-4")), ..Knobs::default() };
    assert!(!format!("{knobs:?}").contains("abcdef"), "{knobs:?}");
}

/// tcp_fastopen_active_disable: the pause doubles, up to 64 times.
#[test]
fn pauses_double_and_are_forgotten() {
    let knobs = Knobs { tcp_fastopen_blackhole_timeout_sec: 10, ..Knobs::default() };
    let mut hole = BlackHole::default();
    let mut now = Instant::from_millis(1000);
    assert!(!hole.is_paused(&knobs, now));
    for pause in [10, 20, 40, 80, 160, 320, 640, 640, 640] {
        assert!(hole.suspect(&knobs, now));
        let end = now + Duration::from_secs(pause);
        assert!(hole.is_paused(&knobs, Instant(end.0 - 1)) && !hole.is_paused(&knobs, end), "{pause} s");
        now = end;
    }
    assert!(hole.is_on_trial());
    hole.forget();
    assert!(!hole.is_on_trial() && !hole.is_paused(&knobs, now));
    assert!(!hole.suspect(&Knobs::default(), now), "by default nothing is paused");
}
