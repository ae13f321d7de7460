//! Topics as text and as Markdown.

use super::Topic;
use std::fmt::Write;

/// Columns of an answer.
const WIDTH: usize = 100;

/// Every topic with its number and question.
pub(super) fn list(topics: &[&Topic]) -> String {
    let mut text = String::new();
    for (index, topic) in topics.iter().enumerate() {
        let _ = writeln!(text, "{:>2} {:<19}{}", index + 1, topic.name, topic.question);
    }
    text + "`lastack why TOPIC` answers; a number, a sysctl's name or a misspelt topic will do.\n"
}

/// At most fifteen lines.
pub(super) fn answer(topic: &Topic) -> String {
    let mut text = format!("{}\n", topic.question);
    wrap(&mut text, "Linux: ", topic.linux);
    wrap(&mut text, "Often told: ", topic.told);
    wrap(&mut text, "See it: ", &topic.lab.iter().map(|words| lab(words)).collect::<Vec<_>>().join(" · "));
    wrap(&mut text, "Proof: ", &topic.proof.join(" · "));
    text
}

fn lab(words: &str) -> String {
    format!("lastack lab {words}")
}

/// Words in lines, all but the first indented by two.
fn wrap(text: &mut String, head: &str, body: &str) {
    let mut line = format!("  {}", head.trim_end());
    for word in body.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            text.push_str(&line);
            text.push('\n');
            line = "   ".to_owned();
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}

/// The page `docs/WHY.md`.
pub(super) fn markdown(topics: &[&Topic]) -> String {
    let mut text = "# Why?\n\nWhat people ask about TCP's connections: what Linux does, what is often told instead, the \
                    situation to play, the test that proves it. The same as `lastack why`, which prints this page with \
                    `--markdown`.\n"
        .to_owned();
    for topic in topics {
        let _ = writeln!(text, "\n## {}\n\n`lastack why {}`\n", topic.question, topic.name);
        let _ = writeln!(text, "{}\n\n**Often told:** {}\n", topic.linux, topic.told);
        let lab: Vec<String> = topic.lab.iter().map(|words| format!("`{}`", lab(words))).collect();
        let proof: Vec<String> = topic.proof.iter().map(|proof| link(proof)).collect();
        let _ = writeln!(text, "See it: {}. Proof: {}.", lab.join(", "), proof.join(", "));
    }
    text
}

/// From `docs/`.
fn link(proof: &str) -> String {
    let file = proof.split("::").next().unwrap_or(proof);
    let name = proof.rsplit(['/', ':']).next().unwrap_or(proof);
    format!("[{name}](../{file})")
}
