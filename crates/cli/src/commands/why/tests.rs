use super::*;
use crate::options::{Command, Options};
use clap::Parser;
use std::fs;
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn options(words: &[&str]) -> WhyOptions {
    let all = ["lastack", "why"].iter().chain(words);
    match Options::try_parse_from(all).expect("the options are valid").command {
        Command::Why(options) => options,
        other => panic!("{other:?}"),
    }
}

fn printed(words: &[&str]) -> String {
    let mut out = Vec::new();
    assert_eq!(run_to(&options(words), &mut out).unwrap(), Verdict::Fine);
    String::from_utf8(out).unwrap()
}

/// Statements that are often read and are not true, or not any more.
const FALSE_CLAIMS: &[&str] = &[
    "HS-02", "HS-10", "HS-17", "HS-20", "ST-09", "QU-03", "QU-07", "QU-19", "CL-05", "CL-10", "TW-04",
    "TW-08", "TW-09", "TW-10", "TW-16", "TW-17", "PA-02", "PA-03", "PA-05", "PA-07", "PA-10", "PA-11",
    "PA-13", "PA-20", "DI-02",
];

#[test]
fn the_seventeen_questions_have_answers() {
    let names: Vec<&str> = TOPICS.iter().take(17).map(|topic| topic.name).collect();
    let asked = [
        "handshake",
        "why-three",
        "half-open",
        "isn",
        "data-in-handshake",
        "third-ack-lost",
        "syn-flood",
        "why-four",
        "two-msl",
        "time-wait",
        "time-wait-many",
        "close-wait-many",
        "syn-queue",
        "connect-timeout",
        "time-wait-count",
        "tw-recycle",
        "keepalive",
    ];
    assert_eq!(names, asked);
    for (index, name) in asked.iter().enumerate() {
        assert_eq!(find(&(index + 1).to_string()).unwrap().name, *name);
    }
}

#[test]
fn every_false_claim_is_corrected_somewhere() {
    for claim in FALSE_CLAIMS {
        assert!(TOPICS.iter().any(|topic| topic.claims.contains(claim)), "{claim}");
        assert!(find(claim).unwrap().claims.contains(claim), "{claim}");
    }
    for topic in TOPICS {
        let unknown = topic.claims.iter().find(|claim| !FALSE_CLAIMS.contains(claim));
        assert_eq!(unknown, None, "{}", topic.name);
    }
}

#[test]
fn an_answer_has_at_most_fifteen_lines() {
    for topic in TOPICS {
        let text = printed(&[topic.name]);
        assert!(text.lines().count() <= 15, "{} has {} lines:\n{text}", topic.name, text.lines().count());
        // A test's name is not broken.
        let fits = |line: &str| line.chars().count() <= 100 || !line.trim().contains(' ');
        assert!(text.lines().all(fits), "{text}");
        for part in ["Linux: ", "Often told: ", "See it: lastack lab ", "Proof: "] {
            assert!(text.contains(part), "{part} is missing: {text}");
        }
        assert!(topic.linux.ends_with('.') && topic.told.ends_with(['.', ')']), "{}", topic.name);
    }
}

#[test]
fn the_situations_exist_and_so_do_the_tests() {
    let mut named = Vec::new();
    for topic in TOPICS {
        for words in topic.lab {
            let all = ["lastack", "lab"].into_iter().chain(words.split(' '));
            let Command::Lab(lab) = Options::try_parse_from(all).unwrap().command else { panic!("{words}") };
            for what in &lab.what {
                let name = what.to_str().unwrap();
                let exists = name == "states" || lastack_sim::lab::preset(name).is_some();
                assert!(exists, "{}: there is no situation {name}", topic.name);
                named.push(name.to_owned());
            }
        }
        assert!(!topic.proof.is_empty(), "{}", topic.name);
        for proof in topic.proof {
            let (file, test) =
                proof.split_once("::").map_or((*proof, None), |(file, test)| (file, Some(test)));
            let text = fs::read_to_string(repository().join(file))
                .unwrap_or_else(|error| panic!("{proof}: {error}"));
            match test {
                Some(test) => {
                    let line = format!("fn {test}()");
                    let before = text.split(&line).next().filter(|before| before.len() < text.len());
                    let before = before.unwrap_or_else(|| panic!("{file} has no {test}"));
                    assert!(before.trim_end().ends_with("#[test]"), "{proof} is no test");
                }
                None => assert!(file.ends_with(".pkt"), "{proof}: name the test"),
            }
        }
    }
    for preset in lastack_sim::lab::PRESETS {
        assert!(
            named.iter().any(|name| name == preset.name),
            "no answer points to the situation {}",
            preset.name
        );
    }
}

#[test]
fn a_topic_is_found_by_what_people_type() {
    for (typed, name) in [
        ("TIME_WAIT", "time-wait"),
        ("tcp_tw_recycle", "tw-recycle"),
        ("net.ipv4.tcp_fin_timeout", "fin-timeout"),
        ("Third-Ack-Lost", "third-ack-lost"),
        ("hs-17", "third-ack-lost"),
        ("2msl", "two-msl"),
        ("CLOSE_WAIT", "close-wait-many"),
    ] {
        assert_eq!(find(typed).unwrap().name, name, "{typed}");
    }
}

#[test]
fn a_topic_may_be_several_words() {
    assert_eq!(printed(&["third", "ack", "lost"]), printed(&["third-ack-lost"]));
}

#[test]
fn an_unknown_topic_has_suggestions() {
    let said = |typed: &str| find(typed).unwrap_err().to_string();
    assert!(said("keepalife").contains("near it: keepalive"), "{}", said("keepalife"));
    assert!(said("many time_waits").contains("time-wait-many"), "{}", said("many time_waits"));
    assert!(said("third-ack").contains("third-ack-lost"), "{}", said("third-ack"));
    assert_eq!(said("zzzzzzz"), "there is no topic \"zzzzzzz\": `lastack why` lists them");
    assert_eq!(said("0"), "there is no topic \"0\": `lastack why` lists them");
    for alias in ["syncookies", "msl", "emfile"] {
        assert!(find(alias).is_ok(), "{alias}");
    }
}

#[test]
fn the_list_names_every_topic_and_json_tells_all() {
    let list = printed(&[]);
    assert_eq!(list.lines().count(), TOPICS.len() + 1);
    assert!(list.starts_with(" 1 handshake ") && list.contains("tw-recycle"), "{list}");
    let json: serde_json::Value = serde_json::from_str(&printed(&["--json", "isn"])).unwrap();
    assert_eq!(json["schema"], SCHEMA);
    assert_eq!(json["topics"][0]["claims"][0], "HS-20");
}

/// `lastack why --markdown > docs/WHY.md` makes it anew.
#[test]
fn the_page_in_docs_says_the_same() {
    let page = fs::read_to_string(repository().join("docs/WHY.md")).expect("docs/WHY.md");
    assert!(page == printed(&["--markdown"]), "docs/WHY.md is older: lastack why --markdown > docs/WHY.md");
}
