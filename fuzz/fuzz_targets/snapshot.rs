//! Any octets as snapshots, one JSON object after the other, and every rule of the doctor over them: nothing panics.
#![no_main]

use lastack_doctor::{Settings, examine};
use lastack_host::observe::Snapshot;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let looks: Vec<Snapshot> =
        serde_json::Deserializer::from_slice(data).into_iter().map_while(Result::ok).take(4).collect();
    if !looks.is_empty() {
        examine(&looks, &Settings::default());
    }
});
