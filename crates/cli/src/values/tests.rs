use super::*;
use proptest::prelude::*;

#[test]
fn a_network_holds_its_addresses() {
    let holds =
        |network: &str, address: &str| network.parse::<Cidr>().unwrap().contains(address.parse().unwrap());
    assert!(holds("10.0.0.0/8", "10.255.0.1") && !holds("10.0.0.0/8", "11.0.0.0"));
    assert!(holds("0.0.0.0/0", "192.0.2.1") && !holds("0.0.0.0/0", "::1"));
    assert!(holds("192.0.2.1", "192.0.2.1") && !holds("192.0.2.1", "192.0.2.2"));
    assert!(holds("192.0.2.0/24", "::ffff:192.0.2.9"));
    assert!(holds("fd00::/8", "fdff::1") && !holds("fd00::/8", "fe00::1"));
    for bad in ["", "x", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/"] {
        bad.parse::<Cidr>().unwrap_err();
    }
}

#[test]
fn the_nth_address_counts_from_the_network() {
    let nth = |network: &str, n| network.parse::<Cidr>().unwrap().nth(n).to_string();
    assert_eq!(nth("10.1.2.77/24", 1), "10.1.2.1");
    assert_eq!(nth("10.1.2.77/0", 2), "0.0.0.2");
    assert_eq!(nth("2001:2::77/64", 1), "2001:2::1");
}

#[test]
fn a_forward_is_a_port_and_a_target() {
    let forward: Forward = "8080=localhost:80".parse().unwrap();
    assert_eq!(forward, Forward { port: 8080, host: "localhost".to_owned(), host_port: 80 });
    assert_eq!("1=[::1]:2".parse::<Forward>().unwrap().host, "::1");
    for bad in ["", "80", "80=x", "80=x:0", "0=x:1", "80=:1", "80=::1:1", "80=[::1:1", "x=y:1", "80=x:70000"]
    {
        bad.parse::<Forward>().unwrap_err();
    }
}

#[test]
fn no_path_hides_in_a_name() {
    for good in ["a", "lastack0", "web-1_x.y"] {
        assert_eq!(good.parse::<StackName>().unwrap().as_str(), good);
    }
    for bad in ["", ".", "..", "../x", "a/b", "-x", "a b", "\u{e9}", "123456789012345678901234567890123"] {
        bad.parse::<StackName>().unwrap_err();
    }
}

proptest! {
    #[test]
    fn a_network_holds_itself(bits in any::<u32>(), prefix in 0_u8..=32, n in any::<u8>()) {
        let network = Cidr::new(IpAddr::V4(bits.into()), prefix).unwrap();
        prop_assert!(network.contains(network.address()));
        prop_assert_eq!(network.to_string().parse::<Cidr>().unwrap(), network);
        prop_assert!(prefix > 24 || network.contains(network.nth(n)));
    }
}
