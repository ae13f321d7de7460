use super::*;
use proptest::prelude::*;

fn ip(number: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, number])
}

fn cookie(number: u8) -> Option<FastOpen> {
    FastOpen::new(&[number; 8], false)
}

fn news(cookie: Option<FastOpen>) -> FastOpenNews {
    FastOpenNews { mss: 1000, cookie, ignored: None }
}

#[test]
fn a_cookie_is_for_one_pair_and_stays_until_a_new_one_comes() {
    let mut cache = CookieCache::new(8);
    cache.learn(ip(1), ip(2), news(cookie(7)));
    assert_eq!(cache.known(ip(1), ip(2)), Some(Known { mss: 1000, option: cookie(7).unwrap() }));
    assert_eq!(cache.known(ip(2), ip(1)), None);
    cache.learn(ip(1), ip(2), FastOpenNews { mss: 900, ..news(None) });
    assert_eq!(cache.known(ip(1), ip(2)), Some(Known { mss: 900, option: cookie(7).unwrap() }));
    cache.learn(ip(1), ip(2), news(cookie(8)));
    assert_eq!(cache.known(ip(1), ip(2)).map(|known| known.option), cookie(8));
    cache.clear();
    assert_eq!(cache.known(ip(1), ip(2)), None);
    cache.learn(ip(1), ip(2), news(cookie(9)));
    assert_eq!(cache.known(ip(1), ip(2)).map(|known| known.option), cookie(9));
}

/// Linux's try_exp: kind 34, then the experiment's option once, then kind 34 for good.
#[test]
fn a_wish_that_is_passed_over_is_made_in_the_other_form_once() {
    let mut cache = CookieCache::new(8);
    for (asked, next) in [(false, true), (true, false), (false, false)] {
        cache.learn(ip(1), ip(2), FastOpenNews { ignored: Some(asked), ..news(None) });
        let wish = FastOpen { cookie: FastOpenCookie::NONE, experimental: next };
        assert_eq!(cache.known(ip(1), ip(2)).map(|known| known.option), Some(wish));
    }
    let experimental = FastOpen::new(&[5; 8], true);
    cache.learn(ip(1), ip(2), news(experimental));
    assert_eq!(cache.known(ip(1), ip(2)).map(|known| known.option), experimental);
}

#[test]
fn a_cache_for_nobody_keeps_nothing() {
    let mut cache = CookieCache::new(0);
    cache.learn(ip(1), ip(2), news(cookie(7)));
    assert_eq!(cache.known(ip(1), ip(2)), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Against a list: the bound holds, and whoever was heard of longest ago is gone.
    #[test]
    fn the_oldest_gives_way(max in 1_usize..6, heard in prop::collection::vec((0_u8..12, any::<bool>()), 0..60)) {
        let mut cache = CookieCache::new(max);
        let mut model: Vec<(u8, Option<FastOpen>)> = Vec::new();
        for (step, (server, gives)) in heard.into_iter().enumerate() {
            let given = if gives { cookie(step as u8) } else { None };
            cache.learn(ip(0), ip(server), news(given));
            let before = model.iter().position(|known| known.0 == server).map(|at| model.remove(at));
            if model.len() == max {
                model.remove(0);
            }
            model.push((server, given.or(before.and_then(|known| known.1))));
            prop_assert!(cache.servers.len() <= max && cache.order.len() == cache.servers.len());
        }
        for server in 0..12 {
            let expected = model.iter().find(|known| known.0 == server);
            let wish = FastOpen::default();
            let expected = expected.map(|known| Known { mss: 1000, option: known.1.unwrap_or(wish) });
            prop_assert_eq!(cache.known(ip(0), ip(server)), expected);
        }
    }
}
