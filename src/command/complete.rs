//! Shell completion. The code that `devca completions SHELL` prints runs devca with [`VARIABLE`] set, and
//! reads the possible words at the cursor.
//!
//! The completers of the arguments are defined here rather than with the arguments, so that other commands do
//! not spend time on setting them up.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::Command;
use clap_complete::CompleteEnv;
use clap_complete::engine::{
    ArgValueCompleter, CompletionCandidate as Candidate, PathCompleter, ValueCompleter,
};
use devca_platform::StoreKind;

use super::act_as;
use crate::ca::faulty::BadKind;
use crate::check::catalogue;
use crate::cli::help;
use crate::disk::home::{CaFolder, CaName, Person};
use crate::issued::inventory::{Entry, Inventory};
use crate::issued::presence;
use crate::x509::kind::Kind;

/// The variable with the name of the shell that asks for completions.
pub(super) const VARIABLE: &str = "DEVCA_COMPLETE";

/// Prints completions if a shell asks for them. Returns `false` if not, so that the command line is executed.
pub fn complete() -> bool {
    let Some(shell) = env::var_os(VARIABLE) else { return false };
    // Read nothing with root's rights; if they cannot be dropped, complete nothing.
    let is_safe = Person::current().is_ok_and(|person| act_as(&person).is_ok());
    if is_safe && !shell.is_empty() {
        let here = env::current_dir().ok();
        let _ =
            CompleteEnv::with_factory(command).var(VARIABLE).try_complete(env::args_os(), here.as_deref());
    }
    true
}

/// The command line with a completer for each argument.
fn command() -> Command {
    let mut command = help::command();
    command.build();
    with_completers(command)
}

fn with_completers(command: Command) -> Command {
    let name = command.get_name().to_owned();
    // There are many options, so offer them only after a hyphen or if there is nothing else.
    let begins_option =
        env::args_os().next_back().is_some_and(|word| word.as_encoded_bytes().starts_with(b"-"));
    let command = command.mut_args(|argument| {
        let is_hidden = !argument.is_positional() && !begins_option;
        let argument = if is_hidden { argument.hide(true) } else { argument };
        match completer(&name, argument.get_id().as_str()) {
            Some(completer) => argument.add(completer),
            None => argument,
        }
    });
    command.mut_subcommands(with_completers)
}

fn completer(command: &str, argument: &str) -> Option<ArgValueCompleter> {
    let list: fn() -> Vec<Candidate> = match (command, argument) {
        (_, "ca") => cas,
        (_, "store") => store_kinds,
        ("man", "command") | ("help", "subcommand") => commands,
        ("issue", "names") => names,
        ("issue", "bad") => return Some(ArgValueCompleter::new(faults)),
        ("add" | "remove", "name") => clients,
        ("explain", "words") => messages,
        ("renew", "what") | ("revoke", "certificate") => {
            return Some(ArgValueCompleter::new(|current: &OsStr| files_and(current, names())));
        }
        ("inspect" | "check", "what") => {
            return Some(ArgValueCompleter::new(|current: &OsStr| files_and(current, Vec::new())));
        }
        ("run", "command") => return Some(ArgValueCompleter::new(programs_and_files)),
        _ => return None,
    };
    Some(ArgValueCompleter::new(move |current: &OsStr| matching(current, list())))
}

fn matching(current: &OsStr, mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    let begins = |word: &OsStr| word.as_encoded_bytes().starts_with(current.as_encoded_bytes());
    candidates.retain(|candidate| begins(candidate.get_value()));
    candidates
}

fn files_and(current: &OsStr, candidates: Vec<Candidate>) -> Vec<Candidate> {
    let mut all = matching(current, candidates);
    all.extend(PathCompleter::any().complete(current));
    all.retain(|candidate| candidate.get_value() != ".");
    all
}

/// All CAs with their folders.
fn cas() -> Vec<Candidate> {
    let folders = ca().map(|folder| folder.siblings()).unwrap_or_default();
    let candidate = |folder: CaFolder| {
        Candidate::new(folder.name.to_string()).help(Some(folder.path.display().to_string().into()))
    };
    folders.into_iter().map(candidate).collect()
}

fn store_kinds() -> Vec<Candidate> {
    StoreKind::ALL.iter().map(|kind| Candidate::new(kind.name())).collect()
}

fn commands() -> Vec<Candidate> {
    let all = help::command();
    let commands = all.get_subcommands();
    commands.map(|command| Candidate::new(command.get_name()).help(command.get_about().cloned())).collect()
}

/// The faults for `--bad`, after those that the word already lists.
fn faults(current: &OsStr) -> Vec<Candidate> {
    let current = current.to_string_lossy();
    let listed = current.rfind(',').map_or("", |comma| &current[..=comma]);
    let kinds = BadKind::ALL.iter().filter(|kind| !kind.is_of_server());
    let candidate =
        |kind: &BadKind| Candidate::new(format!("{listed}{}", kind.name())).help(Some(kind.what().into()));
    matching(OsStr::new(&*current), kinds.map(candidate).collect())
}

/// The names in issued certificates, each with the file of its newest certificate.
fn names() -> Vec<Candidate> {
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    for entry in entries().into_iter().rev() {
        let path = presence::first(&entry).to_owned();
        let names = entry.names.into_iter().chain(entry.common_name);
        for name in names {
            if !found.iter().any(|(known, _)| *known == name) {
                found.push((name, path.clone()));
            }
        }
    }
    let candidate = |(name, path): (String, PathBuf)| with_file(&name, &path);
    found.into_iter().map(candidate).collect()
}

/// The clients with a certificate.
fn clients() -> Vec<Candidate> {
    let mut entries = entries();
    entries.retain(|entry| entry.kind != Kind::Server);
    let of_client = |entry: &Entry| Some(with_file(entry.common_name.as_deref()?, presence::first(entry)));
    entries.iter().filter_map(of_client).collect()
}

fn with_file(name: &str, path: &Path) -> Candidate {
    Candidate::new(name).help(Some(path.display().to_string().into()))
}

/// The error codes, which are messages of a single word.
fn messages() -> Vec<Candidate> {
    let words =
        catalogue::ALL.iter().flat_map(|fault| fault.words.iter().map(|words| (words.says, fault.title)));
    let mut codes: Vec<_> = words.filter(|(says, _)| !says.contains(char::is_whitespace)).collect();
    codes.sort_unstable();
    codes.dedup_by_key(|(says, _)| *says);
    codes.into_iter().map(|(says, title)| Candidate::new(says).help(Some(title.into()))).collect()
}

/// A program on the `PATH` with the files that it accepts.
fn programs_and_files(current: &OsStr) -> Vec<Candidate> {
    let words = env::args_os().skip_while(|word| word != "run").skip(1);
    let is_program = words.filter(|word| word != "--").count() <= 1;
    if !is_program || Path::new(current).components().count() > 1 {
        return files_and(current, Vec::new());
    }
    let folders: Vec<PathBuf> = env::var_os("PATH").iter().flat_map(env::split_paths).collect();
    let entries = folders.iter().filter_map(|folder| folder.read_dir().ok()).flatten().flatten();
    let mut programs: Vec<OsString> = entries.map(|entry| entry.file_name()).collect();
    programs.sort_unstable();
    programs.dedup();
    matching(current, programs.into_iter().map(Candidate::new).collect())
}

/// The certificates issued by the CA of the command line.
fn entries() -> Vec<Entry> {
    let inventory = ca().and_then(|folder| Inventory::load(&folder.inventory()).ok());
    inventory.map(Inventory::in_use).unwrap_or_default()
}

/// The CA that the command line selects so far, by option or variable.
fn ca() -> Option<CaFolder> {
    let words: Vec<String> = env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let mut named = env::var("DEVCA_CA").ok().filter(|name| !name.is_empty());
    for (index, word) in words.iter().enumerate() {
        // bash splits `--ca=NAME` into three words.
        let next = words.iter().skip(index + 1).find(|word| *word != "=").cloned();
        if word == "--ca" {
            named = next;
        } else if let Some(name) = word.strip_prefix("--ca=") {
            named = Some(name.to_owned());
        }
    }
    let name = named.unwrap_or_else(|| CaName::DEFAULT.to_owned());
    let person = Person::current().ok()?;
    let locate = |name: &str| CaFolder::locate(&person, name.parse().ok()?).ok();
    // While the name is being typed, it may not be that of a CA yet.
    locate(&name).or_else(|| locate(CaName::DEFAULT))
}
