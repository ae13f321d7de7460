//! Any octets as answers of sock_diag and rtnetlink, and as TCP_INFO: nothing panics.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| lastack_host::fuzz::netlink(data));
