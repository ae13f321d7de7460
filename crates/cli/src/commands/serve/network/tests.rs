use super::routes::{parse_v4, parse_v6};
use super::*;

/// As the kernel prints them on a little-endian machine.
fn v4(lines: &[(&str, &str)]) -> Vec<Route> {
    let mut text =
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n".to_owned();
    for (destination, mask) in lines {
        let hex = |address: &str| {
            let address: Ipv4Addr = address.parse().expect("a test writes valid addresses");
            format!("{:08X}", u32::from_ne_bytes(address.octets()))
        };
        text += &format!("eth0\t{}\t00000000\t0001\t0\t0\t0\t{}\t0\t0\t0\n", hex(destination), hex(mask));
    }
    parse_v4(&text)
}

#[track_caller]
fn picks(routes: &[Route], stack: &str) {
    let network = Network::first_free(routes).expect("one is free");
    assert_eq!(network.stack()[0].0.to_string(), stack);
}

#[test]
fn the_first_network_is_taken_when_no_route_overlaps() {
    picks(&[], "198.18.0.2");
    picks(
        &v4(&[("0.0.0.0", "0.0.0.0"), ("128.0.0.0", "128.0.0.0"), ("10.0.0.0", "255.0.0.0")]),
        "198.18.0.2",
    );
}

#[test]
fn a_network_that_overlaps_a_route_is_passed_over() {
    picks(&v4(&[("198.18.0.0", "255.255.255.0")]), "198.18.1.2");
    picks(&v4(&[("198.18.0.77", "255.255.255.255"), ("198.18.2.0", "255.255.255.0")]), "198.18.1.2");
    picks(&v4(&[("198.18.0.0", "255.255.0.0")]), "198.19.0.2");
}

#[test]
fn the_ipv6_network_has_the_same_number() {
    let routes = parse_v6("20010002000000000000000000000000 40 00000000 00 00 00 00 00 lo\n");
    let network = Network::first_free(&routes).expect("one is free");
    assert_eq!(network.host(), [("198.18.1.1".parse().unwrap(), 24), ("2001:2:0:1::1".parse().unwrap(), 64)]);
    assert_eq!(
        network.stack(),
        [("198.18.1.2".parse().unwrap(), 24), ("2001:2:0:1::2".parse().unwrap(), 64)]
    );
}

#[test]
fn nothing_free_is_said() {
    let error = Network::first_free(&v4(&[("198.18.0.0", "255.254.0.0")])).unwrap_err().to_string();
    assert!(error.contains("overlaps a route") && error.contains("ip route"), "{error}");
}

#[test]
fn lines_that_make_no_sense_are_no_routes() {
    assert_eq!(parse_v4("head\nx\neth0 zz 0 0\n"), []);
    assert_eq!(parse_v6("x 40\n\n"), []);
}
