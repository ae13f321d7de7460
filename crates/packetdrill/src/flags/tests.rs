use super::Flags;

#[test]
fn words_are_read_and_unknown_ones_told() {
    let (flags, unknown) = Flags::parse(
        "clock=real,sysctl=proc local=10.0.0.1/8,local=fd00::1,mtu=1400,seed=7,x,mtu=5,net.ipv4.tcp_rmem=4096:5000:6000,net.ipv4.tcp_x=1",
    );
    assert!(flags.real_clock && flags.sysctl_proc);
    assert_eq!(flags.local, [("10.0.0.1".parse().unwrap(), 8), ("fd00::1".parse().unwrap(), 64)]);
    assert_eq!((flags.mtu, flags.seed), (1400, 7));
    assert_eq!(unknown, ["x", "mtu=5", "net.ipv4.tcp_x=1"]);
    assert_eq!(flags.knobs, [("net.ipv4.tcp_rmem".to_owned(), "4096 5000 6000".to_owned())]);
    assert!(!Flags::parse("").0.real_clock);
}
