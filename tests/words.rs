//! Messages, help texts and documentation are written in plain American English: certain phrases are not
//! allowed.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::project;

/// Translated, archaic or British phrases, each with a replacement.
const PHRASES: &[(&str, &str)] = &[
    ("is no ", "is not a"),
    ("are no ", "are not"),
    ("no more", "no longer, removed"),
    ("anew", "again, a new"),
    ("mends", "fixes"),
    (" mend ", "fix"),
    ("left alone", "skipped"),
    ("whoever", "anyone who"),
    ("Whoever", "Anyone who"),
    ("aloud", "shows"),
    ("vouch", "self-signed"),
    ("spoil", "reject"),
    ("there already", "already exists"),
    ("not done", "failed"),
    ("comes about", "completes"),
    ("come about", "complete"),
    ("come together", "agree"),
    ("of one's own", "your own"),
    ("by half", "partly"),
    ("honour", "honor"),
    ("colour", "color"),
    ("organis", "organiz"),
    ("recognis", "recogniz"),
    ("internationalis", "internationaliz"),
    ("e-mail", "email"),
    ("misspelt", "misspelled"),
    ("Licence", "License"),
    ("licence", "license"),
    ("taken over", "imported"),
    ("take over", "import"),
    ("leave out", "omit"),
    ("as in: ", "for example: "),
];

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, extension, found);
            } else if path.extension().is_some_and(|its| its == extension) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&project().join(folder), extension, &mut found);
    found.sort();
    found
}

/// Returns the string literals of a source file and, for the command line, the doc comments, because they are
/// help texts.
fn texts(path: &Path) -> Vec<(usize, String)> {
    let source = fs::read_to_string(path).unwrap();
    let source = source.split("#[cfg(test)]").next().unwrap();
    let is_help = path.components().any(|part| part.as_os_str() == "cli") || path.ends_with("cli.rs");
    let mut texts = Vec::new();
    let mut literal: Option<(usize, String)> = None;
    for (index, line) in source.lines().enumerate() {
        let number = index + 1;
        let trimmed = line.trim_start();
        if literal.is_none() && trimmed.starts_with("//") {
            if let (true, Some(help)) = (is_help, trimmed.strip_prefix("/// ")) {
                texts.push((number, help.to_owned()));
            }
            continue;
        }
        let mut characters = line.chars().peekable();
        while let Some(character) = characters.next() {
            match (&mut literal, character) {
                // A character or byte literal; only the quotation mark matters here.
                (None, '\'') if characters.peek() == Some(&'"') => {
                    characters.next();
                }
                (None, '"') => literal = Some((number, String::new())),
                (None, '/') if characters.peek() == Some(&'/') => break,
                (None, _) => {}
                (Some(_), '"') => texts.extend(literal.take()),
                (Some((_, text)), '\\') => {
                    text.extend(characters.next().filter(|next| "\"'".contains(*next)));
                }
                (Some((_, text)), character) => text.push(character),
            }
        }
        if let Some((_, text)) = &mut literal {
            let trimmed = text.trim_end().len();
            text.truncate(trimmed);
            text.push(' ');
        }
    }
    texts
}

#[test]
fn no_message_has_a_phrase_that_is_not_to_be_written() {
    let mut found = Vec::new();
    let sources = files("src", "rs").into_iter().chain(files("platform/src", "rs"));
    let mut all: Vec<(PathBuf, usize, String)> = Vec::new();
    for path in sources {
        all.extend(texts(&path).into_iter().map(|(line, text)| (path.clone(), line, text)));
    }
    assert!(all.len() > 1000, "the source files have more texts than that");
    let pages =
        ["README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| project().join(name));
    for path in pages.into_iter().chain(files("docs", "md")) {
        let page = fs::read_to_string(&path).unwrap();
        all.extend(page.lines().enumerate().map(|(index, line)| (path.clone(), index + 1, line.to_owned())));
    }
    for (path, line, text) in all {
        // "There is no terminal" is English, but "this is no terminal" is not.
        let text = text.replace("there is no ", "there is not a ");
        for (phrase, better) in PHRASES.iter().filter(|(phrase, _)| text.contains(phrase)) {
            found.push(format!("{}:{line}: {phrase:?} (write {better:?}): {text}", path.display()));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Every message in the catalogue, apart from those of programs that no package registry here has, is one that a test sees
/// the program print.
#[test]
fn every_message_of_the_catalogue_is_captured() {
    use devca::check::catalogue::{self, Client};
    let captured = common::captured::captured();
    let is_of_registry = |client: Client| {
        use Client::{
            Android, Apple, CurlOnWindows, DotNet, Electron, GitOnWindows, GoOnMacOs, LibreSsl, Safari,
            WgetWithOpenSsl,
        };
        !matches!(
            client,
            Android
                | Apple
                | CurlOnWindows
                | DotNet
                | Electron
                | GitOnWindows
                | GoOnMacOs
                | LibreSsl
                | Safari
                | WgetWithOpenSsl
        )
    };
    let words =
        || catalogue::ALL.iter().flat_map(|fault| fault.words.iter().map(move |words| (fault, words)));
    let is_captured =
        |client: Client, says: &str| captured.contains_key(&(client.name().to_owned(), says.to_owned()));
    let typed: Vec<String> = words()
        .filter(|(_, words)| is_of_registry(words.client) && !is_captured(words.client, words.says))
        .map(|(fault, words)| format!("{} ({}): {}", words.client, fault.id, words.says))
        .collect();
    assert!(typed.is_empty(), "{} messages are not seen by any test:\n{}", typed.len(), typed.join("\n"));
    let is_known = |client: &str, says: &str| {
        words().any(|(_, words)| words.client.name() == client && words.says == says)
    };
    let gone: Vec<_> = captured.keys().filter(|(client, says)| !is_known(client, says)).collect();
    assert!(gone.is_empty(), "not in the catalogue: {gone:?}");
}
