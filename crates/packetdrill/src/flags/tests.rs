use super::Flags;

#[test]
fn words_are_read_and_unknown_ones_told() {
    let (flags, unknown) = Flags::parse(
        "clock=real,sysctl=proc local=10.0.0.1/8,local=fd00::1,mtu=1400,seed=7 x,mtu=5,net.ipv4.tcp_rmem=4096:5000:6000,net.ipv4.tcp_x=1",
    );
    assert!(flags.real_clock && flags.sysctl_folder == Some("/proc/sys".into()));
    assert_eq!(flags.local, [("10.0.0.1".parse().unwrap(), 8), ("fd00::1".parse().unwrap(), 64)]);
    assert_eq!((flags.mtu, flags.seed), (Some(1400), 7));
    let reasons = [
        "`x` is passed over: it has no value",
        "`mtu=5` is passed over: an MTU is",
        "net.ipv4.tcp_x: no such",
    ];
    assert_eq!(unknown.len(), reasons.len());
    for (told, reason) in unknown.iter().zip(reasons) {
        assert!(told.contains(reason), "{told}");
    }
    assert_eq!(flags.knobs, [("net.ipv4.tcp_rmem".to_owned(), "4096 5000 6000".to_owned())]);
    assert!(!Flags::parse("").0.real_clock);
}

#[test]
fn what_is_wrong_is_said() {
    let told = |word: &str| Flags::parse(word).1.join("");
    assert!(told("clock=fast").ends_with("a clock is real or virtual"));
    assert!(told("sysctl=mine").contains("proc, default or a folder"));
    assert!(told("local=10.0.0.1/33").contains("192.0.2.1/24"));
    assert!(told("colour=red").contains("there is no `colour`; known are clock="));
    assert!(told("net.ipv4.tcp_syn_retries=many").contains("tcp_syn_retries"));
    assert_eq!(told("--clock=virtual,sysctl=default"), "");
}

#[test]
fn the_mtu_is_that_of_the_flags_or_the_command_line() {
    let mtu = |flags: &str, line: &str| {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        Flags::parse(flags).0.mtu(words.into_iter())
    };
    assert_eq!(mtu("", ""), 1500);
    assert_eq!(mtu("", "--ip_version=ipv6 --mtu=1520 --so_flags=x a.pkt"), 1520);
    assert_eq!(mtu("", "--mtu 1400 a.pkt"), 1400);
    assert_eq!(mtu("mtu=1300", "--mtu=1520 a.pkt"), 1300);
    assert_eq!(mtu("", "--mtu=big --mtux=1400 --mtu"), 1500);
    let script = std::env::temp_dir().join(format!("lastack-mtu-{}.pkt", std::process::id()));
    std::fs::write(&script, "// A path of jumbo frames.\n--tolerance_usecs=5\n --mtu=9000 // octets\n")
        .expect("a script");
    let name = script.display();
    assert_eq!(mtu("", &format!("--so_flags=x {name}")), 9000);
    assert_eq!(mtu("", &format!("--mtu=1520 {name}")), 1520);
    assert_eq!(mtu("", &format!("{name} {name}")), 1500);
    std::fs::remove_file(&script).expect("it was there");
}
