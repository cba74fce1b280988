//! `devca explain`: explains a client's error message.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Read, Write};

use serde::Serialize;
use time::OffsetDateTime;

use crate::check::catalogue::search::{closest, search};
use crate::check::catalogue::{self, Client, Diagnosis};
use crate::cli;
use crate::disk::home::{CaName, Person};
use crate::error::{self, CaOption, OrHint};
use crate::report::{self, Outcome, Report};
use files::FolderFiles;
use lookup::{Evidence, Machine};

mod files;
mod lookup;

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Explained {
    faults: Vec<Explanation>,
    #[serde(skip)]
    markdown: bool,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Explanation {
    /// A name that never changes.
    id: &'static str,
    title: &'static str,
    meaning: &'static str,
    /// The most likely cause first.
    causes: &'static [&'static str],
    /// What to run or change.
    #[serde(rename = "hints")]
    fix: Vec<String>,
    /// What devca found on this machine that makes this cause likely or unlikely.
    #[serde(skip_serializing_if = "Option::is_none")]
    here: Option<String>,
    /// Whether that makes it unlikely.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unlikely: bool,
    /// The clients that print the message.
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    said_by: Vec<Client>,
}

pub(super) fn run(args: &cli::Explain, ca: &str, report: &Report) -> anyhow::Result<Explained> {
    if args.all {
        let faults = catalogue::ALL
            .iter()
            .map(|fault| explanation(fault, Vec::new(), &Surroundings::default()))
            .collect();
        return Ok(Explained { faults, markdown: true });
    }
    let text = message(args)?;
    let mut found = search(&text);
    if found.is_empty()
        && let Some(closest) = closest(&text)
    {
        report.note(format!("no exact match; the closest known message is {closest:?}"));
        found = search(closest);
    }
    if found.is_empty() {
        let shown: String = text.chars().take(SHOWN).collect();
        let more = if shown.len() < text.len() { "…" } else { "" };
        return Err(error::Fault::new(
            format!("no known TLS error message contains {shown:?}{more}"),
            "use the exact message, such as UNABLE_TO_VERIFY_LEAF_SIGNATURE, or check the server: devca check",
        )
        .into());
    }
    let here = Surroundings::look(&found, ca);
    found.sort_by_key(|(fault, by)| here.rank(fault, by));
    let faults = found.into_iter().map(|(fault, by)| explanation(fault, by, &here)).collect();
    Ok(Explained { faults, markdown: false })
}

/// How many characters of an unknown message are repeated in the error.
const SHOWN: usize = 100;

/// Reads the message from the arguments or, if there are none, from standard input, which may be a whole log.
fn message(args: &cli::Explain) -> anyhow::Result<String> {
    /// The limit in bytes, because a pipe may never end. There is no time limit, because a server that logs
    /// may run for hours.
    const LIMIT: u64 = 16 << 20;
    let text = if args.words.is_empty() || args.words == ["-"] {
        let stdin = io::stdin();
        let none = || {
            let hint = "for example: devca explain CERT_HAS_EXPIRED, or: npm start 2>&1 | devca explain";
            error::Fault::usage("no message was given", hint)
        };
        if stdin.is_terminal() {
            return Err(none().into());
        }
        let mut bytes = Vec::new();
        stdin.lock().take(LIMIT).read_to_end(&mut bytes).or_hint(
            || "cannot read standard input".into(),
            || "give the message as an argument: devca explain MESSAGE".into(),
        )?;
        if bytes.trim_ascii().is_empty() {
            return Err(none().into());
        }
        String::from_utf8_lossy(&bytes).into_owned()
    } else {
        args.words.join(" ")
    };
    // Logs may contain color codes.
    Ok(anstream::adapter::strip_str(&text).to_string())
}

/// What was found on this machine that tells how likely the causes are.
#[derive(Default)]
struct Surroundings {
    option: CaOption,
    machine: Option<Machine>,
    files: Option<FolderFiles>,
}

impl Surroundings {
    /// Looks only at what tells something about one of these faults. Under sudo it looks as the user, or not at all: the
    /// message is explained all the same.
    fn look(faults: &[(&'static Diagnosis, Vec<Client>)], ca: &str) -> Self {
        let name = if ca.is_empty() { CaName::DEFAULT } else { ca };
        let Ok(name) = name.parse::<CaName>() else { return Self::default() };
        let option = name.option();
        let Some(person) = Person::current().ok().filter(|person| super::act_as(person).is_ok()) else {
            return Self { option, ..Self::default() };
        };
        let any = |applies: fn(&Diagnosis) -> bool| faults.iter().any(|(fault, _)| applies(fault));
        Self {
            machine: any(lookup::applies).then(|| Machine::look(&person, name)).flatten(),
            files: any(files::applies).then(FolderFiles::look),
            option,
        }
    }

    /// The position among faults with the same message, the most likely first.
    fn rank(&self, fault: &Diagnosis, said_by: &[Client]) -> u8 {
        let has_self_signed = || self.in_folder(fault).is_some();
        match &self.machine {
            _ if *fault == catalogue::SELF_SIGNED && has_self_signed() => 0,
            Some(machine) => machine.rank(fault, said_by),
            None => 1,
        }
    }

    fn in_folder(&self, fault: &Diagnosis) -> Option<Evidence> {
        self.files.as_ref()?.evidence(fault, OffsetDateTime::now_utc())
    }

    fn evidence(&self, fault: &Diagnosis, said_by: &[Client]) -> Option<Evidence> {
        let of_machine = self.machine.as_ref().and_then(|machine| machine.evidence(fault, said_by));
        of_machine.or_else(|| self.in_folder(fault))
    }
}

fn explanation(fault: &'static Diagnosis, said_by: Vec<Client>, found: &Surroundings) -> Explanation {
    let Diagnosis { id, title, meaning, causes, fix, .. } = fault;
    let mut fix = fix.to_vec();
    // A client that does not read the stores is not affected by `install`, nor is anything if that was done.
    let is_installed = found.machine.as_ref().is_some_and(Machine::is_installed);
    if is_installed || lookup::has_own_roots(&said_by) {
        fix.sort_by_key(|fix| !fix.starts_with("devca run"));
    }
    let mut fix: Vec<String> = fix.into_iter().map(|fix| found.option.hint(fix)).collect();
    let Some(evidence) = found.evidence(fault, &said_by) else {
        return Explanation { id, title, meaning, causes, fix, here: None, unlikely: false, said_by };
    };
    if let Some(exact) = evidence.fix {
        // The first of a fault's fixes is the command that the exact one replaces.
        fix[0] = found.option.hint(&exact);
    }
    let here = Some(found.option.hint(&evidence.text));
    Explanation { id, title, meaning, causes, fix, here, unlikely: evidence.is_unlikely, said_by }
}

impl Outcome for Explained {
    fn is_answer(&self) -> bool {
        true
    }

    fn is_payload(&self) -> bool {
        self.markdown
    }

    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        if self.markdown {
            return page.write_all(troubleshooting().as_bytes());
        }
        for (index, explanation) in self.faults.iter().enumerate() {
            explanation.write(page, index, self.faults.len())?;
        }
        writeln!(page, "\nTo find out which it is: devca check https://localhost:PORT")
    }
}

impl Explanation {
    fn write(&self, page: &mut dyn Write, index: usize, of: usize) -> io::Result<()> {
        let Self { title, meaning, causes, fix, here, said_by, .. } = self;
        let (gap, number) = match (index, of) {
            (_, 1) => ("", String::new()),
            (0, _) => ("Most likely first:\n\n", "1. ".to_owned()),
            (index, _) => ("\n", format!("{}. ", index + 1)),
        };
        let by = if said_by.is_empty() {
            String::new()
        } else {
            format!(" ({})", said_by.iter().map(|client| client.name()).collect::<Vec<_>>().join(", "))
        };
        writeln!(page, "{gap}{number}{}{by}", report::verdict(false, title))?;
        if let (Some(here), true) = (here, self.unlikely && of > 1) {
            return writeln!(page, "{}", wrapped(&format!("unlikely here: {here}"), "   "));
        }
        writeln!(page, "{}", wrapped(meaning, ""))?;
        if let Some(here) = here {
            writeln!(page, "\n  On this machine\n{}", wrapped(here, "    "))?;
        }
        writeln!(page, "\n  Fix")?;
        fix.iter().try_for_each(|fix| writeln!(page, "    {fix}"))?;
        writeln!(page, "  Usual causes")?;
        causes.iter().try_for_each(|cause| writeln!(page, "{}", wrapped(cause, "    ")))
    }
}

fn wrapped(text: &str, indent: &str) -> String {
    report::filled(text, indent, indent)
}

/// Renders `docs/troubleshooting.md`.
fn troubleshooting() -> String {
    let mut page = String::from(
        "# Troubleshooting\n\nWhat clients say when TLS fails, what it means, and what fixes it. `devca check ADDRESS` finds \
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
        for fix in fault.fix {
            let _ = writeln!(page, "* {fix}");
        }
    }
    page
}
