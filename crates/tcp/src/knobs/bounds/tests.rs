use super::*;

fn bounds() -> BufferBounds {
    BufferBounds::from(&Knobs { rmem_max: 100_000, wmem_max: 50_000, ..Knobs::default() })
}

#[test]
fn buffers_are_doubled_and_bounded_as_linux_does() {
    assert_eq!(bounds().rcvbuf(30_000), 60_000);
    assert_eq!(bounds().rcvbuf(1_000_000), 200_000);
    assert_eq!(bounds().rcvbuf(1), 2304);
    assert_eq!(bounds().sndbuf(30_000), 60_000);
    assert_eq!(bounds().sndbuf(u32::MAX), 100_000);
    assert_eq!(bounds().sndbuf(0), 4608);
    let wide = BufferBounds::from(&Knobs { rmem_max: u32::MAX, wmem_max: u32::MAX, ..Knobs::default() });
    assert_eq!((wide.rcvbuf(u32::MAX), wide.sndbuf(u32::MAX)), (i32::MAX as u32, i32::MAX as u32));
}

#[test]
fn the_low_water_mark_fits_the_buffer_or_the_buffer_fits_it() {
    let mut options = SocketOptions::default();
    assert_eq!(bounds().rcvlowat(0, &options), 1);
    assert_eq!(bounds().rcvlowat(u32::MAX, &options), 33_554_432 / 2);
    options.rcvlowat = Some(100_000);
    assert_eq!(bounds().receive_memory(&options), 200_000);
    options.rcvlowat = Some(1000);
    assert_eq!(bounds().receive_memory(&options), 131_072);
    options.rcvbuf = Some(60_000);
    assert_eq!(bounds().rcvlowat(100_000, &options), 30_000);
    assert_eq!(bounds().receive_memory(&options), 60_000);
}

#[test]
fn segments_and_windows_have_linuxs_ends() {
    let answers = [0, 87, 88, 32_767, 32_768].map(|octets| bounds().maxseg(octets));
    assert_eq!(answers, [Some(None), None, Some(Some(88)), Some(Some(32_767)), None]);
    assert_eq!(
        [0, 1, 1152, 9000].map(|octets| bounds().window_clamp(octets)),
        [None, Some(1152), Some(1152), Some(9000)]
    );
}
