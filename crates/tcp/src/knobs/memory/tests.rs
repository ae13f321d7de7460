use super::*;

/// A Linux 6.18 with 23 GiB was read: `cat /proc/sys/net/ipv4/tcp_mem`.
#[test]
fn tcp_mem_is_linuxs() {
    let pages_usable = 383_868 * 16;
    let knobs = Knobs::for_memory(pages_usable * PAGE as u64);
    assert_eq!(knobs.tcp_mem, [287_901, 383_868, 575_802]);
    assert_eq!(knobs, Knobs::default(), "the reference machine");
}

#[test]
fn a_small_machine_has_small_buffers_and_a_least() {
    let knobs = Knobs::for_memory(256 << 20);
    assert_eq!(knobs.tcp_mem, [3072, 4096, 6144]);
    assert_eq!((knobs.tcp_rmem[2], knobs.tcp_wmem[2]), (2 << 20, 2 << 20));
    let knobs = Knobs::for_memory(0);
    assert_eq!(knobs.tcp_mem, [96, 128, 192]);
    assert_eq!((knobs.tcp_rmem, knobs.tcp_wmem), ([4096, 131_072, 131_072], [4096, 16_384, 65_536]));
}
