//! Any octets as an output of ss, netstat or awk that somebody pasted: nothing panics.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| lastack_host::fuzz::pasted(data));
