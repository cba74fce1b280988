//! The help of every command, and the manual pages.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;

use common::{Home, project, words};
use devca::cli::help;

/// Returns every command with its words; `browser add` counts as one.
fn commands() -> Vec<(Vec<String>, String)> {
    fn walk(command: &clap::Command, above: &[String], found: &mut Vec<(Vec<String>, String)>) {
        for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
            let mut words = above.to_vec();
            words.push(below.get_name().to_owned());
            found.push((words.clone(), below.get_about().map(ToString::to_string).unwrap_or_default()));
            walk(below, &words, found);
        }
    }
    let mut all = help::command();
    all.build();
    let mut found = Vec::new();
    walk(&all, &[], &mut found);
    found
}

#[test]
fn every_page_begins_with_what_the_command_does() {
    let home = Home::new();
    let commands = commands();
    assert!(commands.len() > 20, "{commands:?}");
    for (words, about) in commands {
        assert!(about.starts_with(|first: char| first.is_ascii_uppercase()), "{words:?}: {about:?}");
        for ask in [[words.clone(), vec!["--help".into()]].concat(), [vec!["help".into()], words].concat()] {
            let page = home.ok(&ask);
            assert_eq!(page.lines().next(), Some(about.as_str()), "{ask:?}");
            assert!(page.contains("\nUsage: devca "), "{ask:?}: {page}");
        }
    }
}

#[test]
fn the_reference_in_docs_has_every_page() {
    let home = Home::new();
    let mut text = "# Commands\n\nThe help of every command, as `devca help COMMAND` prints it.\n".to_owned();
    for (words, _) in [(Vec::new(), String::new())].into_iter().chain(commands()) {
        let page = home.ok([vec!["help".to_owned()], words.clone()].concat());
        let name = [vec!["devca".to_owned()], words].concat().join(" ");
        text.extend(["\n## ", &name, "\n\n```text\n", page.trim_end(), "\n```\n"]);
    }
    let path = project().join("docs/commands.md");
    if std::env::var_os("DEVCA_OVERWRITE").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    let differs = kept.lines().zip(text.lines()).find(|(old, new)| old != new);
    assert!(kept == text, "docs/commands.md is not up to date (DEVCA_OVERWRITE=1 writes it): {differs:?}");
}

#[test]
fn the_list_of_commands_is_complete_and_in_groups() {
    let grouped: Vec<&str> = help::GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
    let listed: BTreeSet<&str> = grouped.iter().copied().collect();
    assert_eq!(grouped.len(), listed.len(), "a command is in two groups");
    let all = help::command();
    let known: BTreeSet<&str> = all.get_subcommands().map(clap::Command::get_name).chain(["help"]).collect();
    assert_eq!(listed, known);
    let page = Home::new().ok(["--help"]);
    for name in grouped {
        assert!(page.lines().any(|line| line.starts_with(&format!("  {name} "))), "{name}: {page}");
    }
}

#[test]
fn every_manual_page_has_its_sections_and_keeps_the_lines_of_examples() {
    let home = Home::new();
    let pages = [Vec::new()].into_iter().chain(commands().into_iter().map(|(words, _)| words));
    for command in pages.filter(|words| words.len() < 2) {
        let roff = home.ok([vec!["man".to_owned()], command.clone()].concat());
        let path = home.file("page.1");
        std::fs::write(&path, &roff).unwrap();
        let text = common::ok("man", ["-P", "cat", "-l", path.to_str().unwrap()]);
        for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "ENVIRONMENT", "FILES"] {
            assert!(text.lines().any(|line| line == section), "{command:?}: no {section}: {text}");
        }
        let mut help = command.clone();
        help.push("--help".into());
        let help = home.ok(&help);
        let examples =
            help.split_once("Examples:\n").map_or("", |(_, rest)| rest.split("\n\n").next().unwrap());
        for example in examples.lines() {
            assert!(text.lines().any(|line| line.trim() == example.trim()), "{command:?}: {example}: {text}");
        }
    }
    let unknown = home.devca(["man", "nothing"]).output().unwrap();
    assert!(unknown.status.code() == Some(2) && words(&unknown).contains("is not a command"));
}
