//! The program as a user meets it: curl gets its page over both IP versions, Ctrl-C leaves nothing behind.

use crate::namespace::{has_program, in_namespace};
use crate::program::Serve;
use std::process::{Command, Output};

#[test]
fn curl_gets_the_page_over_ipv4_and_ipv6_and_ctrl_c_leaves_no_device() {
    const TEST: &str = "curl_gets_the_page";
    if !has_program(TEST, "curl") {
        return;
    }
    in_namespace(TEST, || {
        let serve = Serve::start(&[]);
        let printed = serve.printed();
        let addresses: Vec<String> = printed.iter().flat_map(|line| urls(line)).collect();
        assert!(addresses.iter().any(|url| url.starts_with("http://198.18.")), "{printed:?}");
        assert!(addresses.iter().any(|url| url.starts_with("http://[")), "{printed:?}");
        for url in &addresses {
            let answer = run("curl", &["--silent", "--show-error", "--verbose", "--max-time", "10", url]);
            let page = String::from_utf8_lossy(&answer.stdout).into_owned();
            assert!(answer.status.success(), "curl {url}: {}", String::from_utf8_lossy(&answer.stderr));
            assert!(page.contains("ESTABLISHED"), "the page of {url} shows a census: {page}");
        }
        assert!(run("ip", &["link", "show", "lastack0"]).status.success());
        assert_eq!(serve.interrupt().code(), Some(0));
        assert!(!run("ip", &["link", "show", "lastack0"]).status.success(), "the device is still there");
    });
}

fn urls(line: &str) -> Vec<String> {
    let words = line.split_whitespace().map(|word| word.trim_matches('\''));
    words.filter(|word| word.starts_with("http://")).map(str::to_owned).collect()
}

fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().expect("the program is installed")
}
