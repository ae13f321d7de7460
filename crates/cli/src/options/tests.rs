use super::*;
use clap::CommandFactory;

#[test]
fn the_command_line_is_well_formed() {
    Options::command().debug_assert();
}

#[test]
fn a_device_name_is_one_that_linux_takes() {
    for good in ["lastack0", "lastack%d", "a", "fifteen-letters"] {
        assert_eq!(good.parse::<DeviceName>().unwrap().as_str(), good);
    }
    for bad in ["", "sixteen-letters!", "a b", "a/b", "a:b", "..", "%d%d", "%s"] {
        bad.parse::<DeviceName>().unwrap_err();
    }
}

#[test]
fn an_mtu_too_small_for_ipv6_is_refused() {
    Options::try_parse_from(["lastack", "serve", "--mtu", "1280"]).unwrap();
    Options::try_parse_from(["lastack", "serve", "--mtu", "1279"]).unwrap_err();
}
