use super::*;
use proptest::prelude::*;

#[test]
fn values_of_this_kernel() {
    assert!(number("net.ipv4.tcp_fin_timeout").is_some_and(|seconds| seconds > 0));
    let (low, high) = pair("net.ipv4.ip_local_port_range").unwrap();
    assert!(low <= high && high <= 65_535);
    value("net.ipv4.no_such_name").unwrap_err();
    assert_eq!(number("net.ipv4.tcp_congestion_control"), None);
    assert_eq!(value("net.ipv4.ip_local_port_range").unwrap(), format!("{low} {high}"));
    assert!(exists("net.ipv4.tcp_sack") && !exists("net.ipv4.tcp_no_such_name"));
}

proptest! {
    #[test]
    fn no_name_leads_out_of_proc_sys(name in any::<String>()) {
        let path = path(&name);
        prop_assert!(path.starts_with("/proc/sys") && !path.components().any(|part| part.as_os_str() == ".."));
    }
}
