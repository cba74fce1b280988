//! Modules depend on each other in one direction: down the list in docs/design.md, and never in a circle.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use common::project;

/// Returns the modules of a crate (`ca::signer` for src/ca/signer.rs) with their source, without comments.
fn modules(folder: &Path) -> BTreeMap<String, String> {
    fn walk(folder: &Path, above: &str, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let name = if above.is_empty() { stem.clone() } else { format!("{above}::{stem}") };
            if path.is_dir() {
                walk(&path, &name, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = if stem == "mod" { above.to_owned() } else { name };
                let source = fs::read_to_string(&path).unwrap();
                let code = source.split("#[cfg(test)]").next().unwrap().lines();
                let code: Vec<&str> = code.filter(|line| !line.trim_start().starts_with("//")).collect();
                found.insert(name, code.join("\n"));
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(folder, "", &mut found);
    found
}

/// Returns the longest module that a path such as `ca::signer::Signer` begins with.
fn module_of(path: &str, modules: &BTreeMap<String, String>) -> Option<String> {
    let parts: Vec<&str> = path.split("::").collect();
    (1..=parts.len()).rev().map(|count| parts[..count].join("::")).find(|name| modules.contains_key(name))
}

/// Returns the modules of its own crate that each module imports by absolute path.
fn imports(modules: &BTreeMap<String, String>) -> BTreeMap<String, BTreeSet<String>> {
    let is_path = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let of = |(name, source): (&String, &String)| {
        let paths = source.split("crate::").skip(1);
        let paths = paths.map(|rest| rest.split(|c| !is_path(c)).next().unwrap().trim_end_matches(':'));
        let found = paths.filter_map(|path| module_of(path, modules)).filter(|other| other != name);
        (name.clone(), found.collect())
    };
    modules.iter().map(of).collect()
}

fn top(module: &str) -> &str {
    module.split("::").next().unwrap()
}

/// Returns the list below "## Order of modules" in docs/design.md.
fn order() -> Vec<String> {
    let page = fs::read_to_string(project().join("docs/design.md")).unwrap();
    let section = page.split("## Order of modules\n").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let is_item = |line: &&str| line.starts_with(|first: char| first.is_ascii_digit());
    let items = section.lines().filter(is_item).filter_map(|line| line.split_once(". `"));
    items.map(|(_, rest)| rest.split('`').next().unwrap().to_owned()).collect()
}

#[test]
fn modules_depend_on_each_other_down_the_list() {
    let modules = modules(&project().join("src"));
    let order = order();
    let tops: BTreeSet<&str> =
        modules.keys().map(|name| top(name)).filter(|name| !["main", "lib"].contains(name)).collect();
    let listed: BTreeSet<&str> = order.iter().map(String::as_str).collect();
    assert_eq!(tops, listed, "docs/design.md lists the modules");
    let place = |name: &str| order.iter().position(|listed| listed == name);
    let mut wrong = Vec::new();
    for (module, others) in imports(&modules) {
        for other in others {
            if let (Some(from), Some(to)) = (place(top(&module)), place(top(&other)))
                && from > to
            {
                wrong.push(format!("{module} imports {other}"));
            }
        }
    }
    assert!(wrong.is_empty(), "against the order of docs/design.md: {wrong:#?}");
}

/// A module and its parent belong together; apart from that, no module may depend on itself.
#[test]
fn no_modules_depend_on_each_other_in_a_circle() {
    for crate_ in ["src", "platform/src"] {
        let modules = modules(&project().join(crate_));
        // The crate roots and `command`, whose context is shared by its commands, are above all others.
        let is_root = |name: &str| ["lib", "main", "command"].contains(&name);
        let graph: BTreeMap<String, BTreeSet<String>> = imports(&modules)
            .into_iter()
            .filter(|(name, _)| !is_root(name))
            .map(|(name, others)| {
                let is_other = |other: &String| !is_root(other) && !name.starts_with(&format!("{other}::"));
                (name.clone(), others.into_iter().filter(is_other).collect())
            })
            .collect();
        for start in graph.keys() {
            let mut seen = BTreeSet::new();
            let mut next: Vec<&String> = graph[start].iter().collect();
            while let Some(module) = next.pop() {
                assert!(module != start, "{crate_}: {start} depends on itself through {seen:?}");
                if seen.insert(module) {
                    next.extend(graph.get(module).into_iter().flatten());
                }
            }
        }
    }
}

#[test]
fn only_commands_use_the_trust_stores() {
    // Reading with limits and the kinds of stores do not access any store.
    let harmless = [
        "devca_platform::read",
        "devca_platform::StoreKind",
        "devca_platform::ownership::",
        "devca_platform::accounts",
        "devca_platform::step::quoted",
    ];
    for (module, source) in modules(&project().join("src")) {
        if ["command", "main"].contains(&top(&module)) {
            continue;
        }
        for line in source.lines().filter(|line| line.contains("devca_platform")) {
            assert!(harmless.iter().any(|known| line.contains(known)), "{module}: {line}");
        }
    }
}

/// If two types had the same name, readers would have to check which one is meant. Only replacements for
/// other systems may share a name.
#[test]
fn no_two_types_share_a_name() {
    const ON_OTHER_SYSTEMS: [&str; 3] =
        ["disk::files::folder_by_path", "ca::keyring::no_service", "ca::keyring::native"];
    let kinds = ["struct ", "enum ", "trait ", "type "];
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for folder in ["src", "platform/src"] {
        for (module, source) in modules(&project().join(folder)) {
            if ON_OTHER_SYSTEMS.contains(&module.as_str()) {
                continue;
            }
            for line in source
                .lines()
                .filter(|line| line.starts_with("pub") || kinds.iter().any(|kind| line.starts_with(kind)))
            {
                let declared = kinds.iter().find_map(|kind| Some(line.split_once(kind)?.1));
                let name = declared.and_then(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric()).next());
                if let Some(name) = name.filter(|name| name.starts_with(char::is_uppercase)) {
                    places.entry(name.to_owned()).or_default().push(format!("{folder}: {module}"));
                }
            }
        }
    }
    assert!(places.len() > 200, "{} types were found", places.len());
    places.retain(|_, modules| modules.len() > 1);
    assert!(places.is_empty(), "types that share a name: {places:#?}");
}

/// Certificates are parsed in one place, and everything else is derived from that.
#[test]
fn one_module_reads_certificates() {
    for (module, source) in modules(&project().join("src")) {
        assert!(module == "x509::parsed" || !source.contains("X509Certificate::from_der"), "{module}");
    }
}
