//! The snippets of docs/servers.md.

use std::fs;

use super::common::project;

/// Returns the blocks of the page: info string and text.
pub(super) fn blocks() -> Vec<(String, String)> {
    let page = fs::read_to_string(project().join("docs/servers.md")).unwrap();
    let mut parts = page.split("```");
    let mut blocks = Vec::new();
    while let (Some(_), Some(block)) = (parts.next(), parts.next()) {
        let (info, text) = block.split_once('\n').unwrap();
        blocks.push((info.to_owned(), text.to_owned()));
    }
    blocks
}

/// Returns the only block with this name, which is the part of its info string after the language.
pub(super) fn block(name: &str) -> String {
    let mut found = blocks().into_iter().filter(|(info, _)| info.split_once(' ').unwrap().1 == name);
    let (_, text) = found.next().unwrap_or_else(|| panic!("the page has no block {name}"));
    assert!(found.next().is_none(), "the page has two blocks {name}");
    text
}

/// Uncomments the lines below "Mutual TLS", as the page says; `None` if there are none.
pub(super) fn mutual(snippet: &str) -> Option<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut rest = snippet.lines();
    let marked = loop {
        match rest.next()? {
            line if line.contains("Mutual TLS") => break line,
            line => lines.push(line.to_owned()),
        }
    };
    if marked.contains("instead of the line above") {
        lines.pop();
    }
    let sign = marked.split("Mutual").next().unwrap();
    let indent = sign.trim_end().trim_end_matches(['#', '/']);
    let mut below = rest.peekable();
    while let Some(line) = below.next_if(|line| line.starts_with(sign)) {
        lines.push(line.replacen(sign, indent, 1));
    }
    lines.extend(below.map(ToOwned::to_owned));
    Some(lines.join("\n") + "\n")
}
