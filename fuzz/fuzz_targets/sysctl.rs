//! Any octets as a file in sysctl.conf's syntax: nothing panics, what is refused changes nothing, and what is printed reads back.
#![no_main]

use lastack_stack::Knobs;
use lastack_stack::knobs::conf;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let mut knobs = Knobs::default();
    let lines = conf::apply(&text, &mut knobs);
    if lines.iter().all(|line| line.result.is_err()) {
        assert_eq!(knobs, Knobs::default());
    }
    let mut again = Knobs::default();
    let printed = conf::print(&knobs);
    let lines = conf::apply(&printed, &mut again);
    assert_eq!((conf::status(&lines), &again), (0, &knobs));
});
