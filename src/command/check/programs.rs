//! Which kinds of programs accept a root that is not shipped with them. Some use the system's store unless a variable
//! names another file; others ship their own roots and accept others only if a variable adds them.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::Serialize;

use crate::x509::pem;

/// The source of roots for a kind of program.
struct ProgramKind {
    name: &'static str,
    /// Variables that name a file with roots; the first one that is set is used.
    files: &'static [&'static str],
    /// A variable that makes it use the system's store, and the text that its value must contain.
    switch: Option<(&'static str, &'static str)>,
    /// Whether it uses the system's store by default.
    reads_system: bool,
    /// Whether it also reads OpenSSL's folder of hash links, whatever file is named: Debian's system store
    /// fills that folder.
    reads_folder: bool,
}

const fn of_system(name: &'static str, files: &'static [&'static str]) -> ProgramKind {
    ProgramKind { name, files, switch: None, reads_system: true, reads_folder: false }
}

const fn own_roots(
    name: &'static str,
    files: &'static [&'static str],
    switch: Option<(&'static str, &'static str)>,
) -> ProgramKind {
    ProgramKind { name, files, switch, reads_system: false, reads_folder: false }
}

/// docs/stores.md says the same about more programs, which tests/runtimes.rs verifies.
const PROGRAMS: &[ProgramKind] = &[
    of_system("curl", &["CURL_CA_BUNDLE", "SSL_CERT_FILE"]),
    of_system("git", &["GIT_SSL_CAINFO"]),
    ProgramKind {
        reads_folder: true,
        ..of_system("OpenSSL programs (Python, Ruby, PHP)", &["SSL_CERT_FILE"])
    },
    own_roots("Node", &["NODE_EXTRA_CA_CERTS"], Some(("NODE_USE_SYSTEM_CA", "1"))),
    own_roots("Deno", &["DENO_CERT", "NODE_EXTRA_CA_CERTS"], Some(("DENO_TLS_CA_STORE", "system"))),
    own_roots("requests", &["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"], None),
    own_roots("httpx", &["SSL_CERT_FILE"], None),
    own_roots("gRPC", &["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"], None),
    own_roots("aws", &["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"], None),
];

/// Whether a kind of program accepts the root, in this environment.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ProgramVerdict {
    pub(super) name: &'static str,
    pub(super) trusts: bool,
    /// The variable that decides it, if one is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) variable: Option<&'static str>,
    /// The variable that could name a file with the root.
    #[serde(skip)]
    setting: &'static str,
}

/// The verdict of each kind of program about a root; `is_in_system` says whether the system's store contains
/// it.
pub(super) fn verdicts(root: &[u8], is_in_system: bool) -> Vec<ProgramVerdict> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    PROGRAMS.iter().map(|program| verdict(program, root, is_in_system, &set)).collect()
}

fn verdict(
    program: &ProgramKind,
    root: &[u8],
    is_in_system: bool,
    set: &dyn Fn(&str) -> Option<OsString>,
) -> ProgramVerdict {
    let named = program.files.iter().find_map(|name| Some((*name, set(name)?)));
    let switch = program.switch.filter(|(name, value)| {
        set(name)
            .is_some_and(|present| present.to_string_lossy().split(',').any(|word| word.trim() == *value))
    });
    let holds = |path: OsString| pem::certificates(&PathBuf::from(path)).iter().any(|der| der == root);
    let (trusts, variable) = match (named, switch) {
        (_, Some((name, _))) if is_in_system => (true, Some(name)),
        (Some((name, path)), _) => (holds(path) || program.reads_folder && is_in_folder(root), Some(name)),
        (None, _) => (program.reads_system && is_in_system, None),
    };
    ProgramVerdict { name: program.name, trusts, variable, setting: program.files[0] }
}

/// Checks `SSL_CERT_DIR`, or else the default folder of OpenSSL on Debian and its derivatives.
fn is_in_folder(root: &[u8]) -> bool {
    let folder = std::env::var_os("SSL_CERT_DIR").unwrap_or_else(|| "/usr/lib/ssl/certs".into());
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut hashed = entries.filter(|entry| entry.path().extension().is_some_and(|end| end == "0"));
    hashed.any(|entry| pem::certificates(&entry.path()).iter().any(|der| der == root))
}

/// What makes the other programs accept a root.
pub(super) enum ProgramFix {
    /// This command does it for all of them.
    Command(String),
    /// Each of them has a variable, which has to name this file.
    File(&'static str),
}

/// The verdicts as text: the programs that accept the root, those that do not because of a variable, and the
/// others.
pub(super) fn lines(verdicts: &[ProgramVerdict], fix: &ProgramFix) -> Vec<String> {
    let list = |is_wanted: &dyn Fn(&ProgramVerdict) -> bool, of: &dyn Fn(&ProgramVerdict) -> String| {
        let wanted = verdicts.iter().filter(|verdict| is_wanted(verdict)).map(of);
        wanted.collect::<Vec<_>>().join(", ")
    };
    let names = |is_wanted: &dyn Fn(&ProgramVerdict) -> bool| list(is_wanted, &|one| one.name.to_owned());
    let mut lines = Vec::new();
    let accepting = names(&|verdict| verdict.trusts);
    if !accepting.is_empty() {
        lines.push(format!("by {accepting}"));
    }
    let mut variables: Vec<_> =
        verdicts.iter().filter(|verdict| !verdict.trusts).filter_map(|verdict| verdict.variable).collect();
    variables.sort_unstable();
    variables.dedup();
    for variable in variables {
        let misled = names(&|verdict| !verdict.trusts && verdict.variable == Some(variable));
        lines.push(format!("not by {misled}: {variable} names a file without it"));
    }
    let is_other = |verdict: &ProgramVerdict| !verdict.trusts && verdict.variable.is_none();
    if verdicts.iter().any(is_other) {
        lines.push(match fix {
            ProgramFix::Command(command) => format!("not by {}: {command}", names(&is_other)),
            ProgramFix::File(path) => {
                let others = list(&is_other, &|one| format!("{} ({})", one.name, one.setting));
                format!("not by {others}: set the variable to {path}")
            }
        });
    }
    lines
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_decides_before_the_store() {
        let root = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.der().to_vec();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), pem::certificate(&root)).unwrap();
        let path = || Some(file.path().as_os_str().to_owned());
        let trusts = |name: &str, is_in_system, set: &dyn Fn(&str) -> Option<OsString>| {
            let program = PROGRAMS.iter().find(|program| program.name == name).unwrap();
            verdict(program, &root, is_in_system, set).trusts
        };
        let unset = |_: &str| None;
        assert!(trusts("curl", true, &unset) && !trusts("curl", false, &unset));
        assert!(!trusts("Node", true, &unset));
        assert!(trusts("Node", false, &|name| (name == "NODE_EXTRA_CA_CERTS").then(path)?));
        assert!(trusts("Node", true, &|name| (name == "NODE_USE_SYSTEM_CA").then(|| "1".into())));
        assert!(!trusts("Node", false, &|name| (name == "NODE_USE_SYSTEM_CA").then(|| "1".into())));
        assert!(trusts("Deno", true, &|name| (name == "DENO_TLS_CA_STORE").then(|| "system,mozilla".into())));
        // For example, a company's file, which replaces the roots that the program would use.
        assert!(!trusts("curl", true, &|name| (name == "SSL_CERT_FILE").then(|| "/dev/null".into())));
        assert!(trusts("curl", false, &|name| (name == "CURL_CA_BUNDLE").then(path)?));
    }
}
