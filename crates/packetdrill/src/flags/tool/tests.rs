use super::read;

#[test]
fn the_tools_options_become_words() {
    let line =
        b"packetdrill\0--ip_version=ipv6\0--mtu=1520\0--local_ip\0fd3d::1\0--so_filename=lib.so\0-v\0a.pkt\0";
    assert_eq!(read(line), ["mtu=1520", "local=fd3d::1"]);
}

#[test]
fn another_programs_options_are_not_ours() {
    assert!(read(b"curl\0--mtu=1520\0").is_empty() && read(b"").is_empty());
    assert!(read(b"packetdrill\0--so_filename=lib.so\0--mtu").is_empty(), "an option without its value");
}
