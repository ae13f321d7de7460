use super::*;
use crate::commands::serve::network::parse_v6;

fn cidrs(texts: &[&str]) -> Vec<Cidr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn the_usual_place_needs_no_remark() {
    let place = Place::choose(&[], &[]).unwrap();
    assert_eq!(place.remark, None);
    assert_eq!(place.stack[0].0.to_string(), "198.18.0.2");
    assert_eq!(place.neighbours()[0].to_string(), "198.18.0.1/24");
}

#[test]
fn an_overlap_is_said() {
    let taken = parse_v6("20010002000000000000000000000000 40 00000000 00 00 00 00 00 lo\n");
    let remark = Place::choose(&[], &taken).unwrap().remark.unwrap();
    assert!(remark.contains("overlaps a route") && remark.contains("198.18.1.0/24"), "{remark}");
    let error = Place::choose(&cidrs(&["2001:2::2/64"]), &taken).unwrap_err().to_string();
    assert!(error.contains("overlaps a route"), "{error}");
}

#[test]
fn an_address_of_ones_own_leaves_the_first_other_to_the_host() {
    let place = Place::choose(&cidrs(&["10.9.0.1/24", "fd00::2/64"]), &[]).unwrap();
    assert_eq!(place.host[0].0.to_string(), "10.9.0.2");
    assert_eq!(place.host[1].0.to_string(), "fd00::1");
    for bad in [&["10.9.0.2/32"][..], &["10.9.0.2/24", "10.8.0.2/24"]] {
        Place::choose(&cidrs(bad), &[]).unwrap_err();
    }
}

#[test]
fn without_ipv6_it_goes_on_with_ipv4_and_says_so() {
    let mut place = Place::choose(&[], &[]).unwrap();
    place.limit_to(Ipv6::Disabled).unwrap();
    assert!(place.stack.iter().all(|(address, _)| address.is_ipv4()) && place.stack.len() == 1);
    assert!(place.remark.unwrap().contains("IPv4 only"));
    let mut six = Place::choose(&cidrs(&["fd00::2/64"]), &[]).unwrap();
    six.limit_to(Ipv6::Disabled).unwrap_err();
}
