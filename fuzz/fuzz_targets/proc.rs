//! Any octets as texts of /proc, and as the formats and pages of a tracepoint: nothing panics.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| lastack_host::fuzz::proc(data));
