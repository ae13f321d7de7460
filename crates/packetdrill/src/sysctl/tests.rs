use super::read_proc;

#[test]
fn files_are_knobs_and_missing_ones_are_defaults() {
    let root = std::env::temp_dir().join(format!("lastack-sysctl-{}", std::process::id()));
    let folder = root.join("net/ipv4");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("tcp_fin_timeout"), "17\n").unwrap();
    std::fs::write(folder.join("tcp_rmem"), "4096\t100000\t200000\n").unwrap();
    std::fs::write(folder.join("tcp_retries2"), "many\n").unwrap();
    let knobs = read_proc(&root);
    std::fs::remove_dir_all(&root).unwrap();
    assert_eq!((knobs.tcp_fin_timeout, knobs.tcp_rmem), (17, [4096, 100_000, 200_000]));
    assert_eq!(knobs.tcp_retries2, 15);
}
