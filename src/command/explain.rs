//! `devca explain`: from a client's words to what they mean.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;

use crate::check::catalogue::{self, Fault};
use crate::cli;
use crate::error;
use crate::report::{self, Outcome};

#[derive(Serialize)]
pub(super) struct Explained {
    faults: Vec<Explanation>,
    #[serde(skip)]
    markdown: bool,
}

#[derive(Serialize)]
struct Explanation {
    id: &'static str,
    title: &'static str,
    meaning: &'static str,
    causes: &'static [&'static str],
    mend: &'static [&'static str],
    /// Who says what was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    said_by: Vec<&'static str>,
}

pub(super) fn run(args: &cli::Explain) -> Result<Explained, error::Fault> {
    if args.all {
        let faults = catalogue::ALL.iter().map(|fault| explanation(fault, Vec::new())).collect();
        return Ok(Explained { faults, markdown: true });
    }
    let text = args.words.join(" ");
    let faults: Vec<Explanation> =
        search(&text).into_iter().map(|(fault, by)| explanation(fault, by)).collect();
    if faults.is_empty() {
        return Err(error::Fault::new(
            format!("{text:?} is in no message that is known"),
            "give the client's own words, such as UNABLE_TO_VERIFY_LEAF_SIGNATURE, or look at the server: devca check",
        ));
    }
    Ok(Explained { faults, markdown: false })
}

/// The faults whose words are in the text, or whose name it is: those with the longest words first.
fn search(text: &str) -> Vec<(&'static Fault, Vec<&'static str>)> {
    let text = plain(text);
    let mut found: Vec<(usize, usize, &'static Fault, Vec<&'static str>)> = Vec::new();
    for (rank, fault) in catalogue::ALL.iter().enumerate() {
        let in_text = |says: &str| text.contains(&plain(says)) || plain(says) == format!("net::{text}");
        let words: Vec<_> = fault.words.iter().filter(|words| in_text(words.says)).collect();
        let longest = words.iter().map(|words| words.says.len()).max();
        let longest =
            longest.or_else(|| (text == fault.id || text == plain(fault.title)).then_some(usize::MAX));
        if let Some(longest) = longest {
            let mut by: Vec<&str> = words.iter().map(|words| words.client).collect();
            by.dedup();
            found.push((longest, rank, fault, by));
        }
    }
    // What is said of every fault tells nothing beside what is said of one.
    if found.iter().any(|(.., fault, _)| *fault != &catalogue::REFUSED) {
        found.retain(|(.., fault, _)| *fault != &catalogue::REFUSED);
    }
    found.sort_by_key(|(longest, rank, ..)| (std::cmp::Reverse(*longest), *rank));
    let best = found.first().map_or(0, |(longest, ..)| *longest);
    // Words that are part of longer ones that are there as well say less.
    found.into_iter().filter(|(longest, ..)| *longest == best).map(|(_, _, fault, by)| (fault, by)).collect()
}

/// Case, quotes and dashes differ from version to version.
fn plain(text: &str) -> String {
    text.to_lowercase().replace(['‘', '’', '`'], "'").replace("self signed", "self-signed").trim().to_owned()
}

fn explanation(fault: &'static Fault, said_by: Vec<&'static str>) -> Explanation {
    let Fault { id, title, meaning, causes, mend, .. } = fault;
    Explanation { id, title, meaning, causes, mend, said_by }
}

impl Outcome for Explained {
    fn is_payload(&self) -> bool {
        self.markdown
    }

    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        if self.markdown {
            return page.write_all(troubleshooting().as_bytes());
        }
        for (index, explanation) in self.faults.iter().enumerate() {
            let Explanation { title, meaning, causes, mend, said_by, .. } = explanation;
            let gap = if index > 0 { "\n" } else { "" };
            let by = if said_by.is_empty() { String::new() } else { format!(" ({})", said_by.join(", ")) };
            writeln!(page, "{gap}{}{by}\n{meaning}\n\nusual causes", report::verdict(false, title))?;
            causes.iter().try_for_each(|cause| writeln!(page, "  - {cause}"))?;
            writeln!(page, "what to do")?;
            mend.iter().try_for_each(|mend| writeln!(page, "  - {mend}"))?;
        }
        Ok(())
    }
}

/// `docs/troubleshooting.md`.
fn troubleshooting() -> String {
    let mut page = String::from(
        "# Troubleshooting\n\nWhat clients say when TLS fails, what it means, and what mends it. `devca check ADDRESS` finds \
         out which of these it is; `devca explain WORDS` looks up what a client said.\n\nThis page is printed by `devca explain --all`.\n",
    );
    for fault in catalogue::ALL {
        let title: String = fault
            .title
            .chars()
            .take(1)
            .flat_map(char::to_uppercase)
            .chain(fault.title.chars().skip(1))
            .collect();
        let _ = write!(page, "\n## {title}\n\n{}\n", fault.meaning);
        if !fault.words.is_empty() {
            page += "\n| client | says |\n|---|---|\n";
            for words in fault.words {
                let _ = writeln!(page, "| {} | `{}` |", words.client, words.says);
            }
        }
        page += "\nUsual causes:\n\n";
        for cause in fault.causes {
            let _ = writeln!(page, "* {cause}");
        }
        page += "\nWhat to do:\n\n";
        for mend in fault.mend {
            let _ = writeln!(page, "* {mend}");
        }
    }
    page
}
