//! Any octets as an answer of sock_diag, as TCP_INFO and as texts of /proc: nothing panics.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| lastack_host::fuzz::read(data));
