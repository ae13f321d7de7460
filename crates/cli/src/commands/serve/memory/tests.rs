use super::*;

#[test]
fn the_total_is_read_in_octets() {
    assert_eq!(total("MemTotal:       24684092 kB\nMemFree: 1 kB\n"), Some(24_684_092 * 1024));
    assert_eq!(total("MemFree: 1 kB\n"), None);
    assert_eq!(total("MemTotal: many kB\n"), None);
}
