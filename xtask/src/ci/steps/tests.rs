use super::STEPS;
use crate::tree;

#[test]
fn the_readme_shows_the_steps_that_there_are() {
    let readme = std::fs::read_to_string(tree::root().join("README.md")).expect("the README is there");
    let (_, table) = readme.split_once("# cargo xtask ci\n").expect("the README runs CI");
    let (table, _) = table.split_once("```").expect("the block ends");
    let shown = table.lines().filter_map(|line| line.split_once(" ok ")).map(|(name, _)| name.trim());
    let steps = STEPS.iter().map(|step| step.name).chain(["skips"]);
    assert_eq!(shown.collect::<Vec<_>>(), steps.collect::<Vec<_>>());
}
