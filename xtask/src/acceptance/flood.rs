//! A SYN flood: a million forged SYNs in virtual time, and a real one over TUN while a hundred curl run; each with cookies,
//! without, and behind a SYN proxy.

use super::{Item, Part, forward, hours, program};
use crate::run::Run;

/// Forged SYNs and honest clients in virtual time.
const SYNS: &str = "1000000";
const CLIENTS: &str = "1000";

pub(super) const PART: Part = Part {
    name: "flood",
    about: "a SYN flood with cookies, without, and behind --syn-proxy: simulated, and over TUN",
    items: || {
        let simulated = ["cookies", "nothing", "syn-proxy"].into_iter().map(simulated);
        let real = [
            ("tun/cookies", "flood::with_cookies_everybody_is_served"),
            ("tun/nothing", "flood::without_cookies_nobody_gets_in_and_it_is_said"),
            ("tun/syn-proxy", "flood::behind_a_syn_proxy_the_service_sees_nothing_of_it"),
        ];
        let real =
            real.into_iter().map(|(name, test)| forward::measured(name, test, ("LASTACK_FLOOD", "large")));
        simulated.chain(real).collect()
    },
    conclude: None,
};

fn simulated(defence: &'static str) -> Item {
    let run = move || {
        let words = ["run", "--quiet", "--release", "--package", "lastack-sim", "--example", "flood", "--"];
        let words: Vec<&str> = words.into_iter().chain([defence, SYNS, CLIENTS]).collect();
        Run::cargo(&words, hours(1))
    };
    program(run, &format!("simulated/{defence}"))
}
