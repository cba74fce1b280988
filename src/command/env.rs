//! `devca env`: the variables for programs that look elsewhere than in the system's store. And their file.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use devca_platform::runtime::{Effect, VARIABLES};
use devca_platform::{Host, Person, bundle};
use serde::Serialize;

use super::Context;
use crate::cli::{self, Dialect};
use crate::error::Fault;
use crate::files::{NewFile, Secrecy};
use crate::pem;
use crate::report::Outcome;

#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Environment {
    variables: serde_json::Map<String, serde_json::Value>,
    #[serde(skip)]
    dialect: Dialect,
}

pub(super) fn run(context: &Context, args: &cli::Env) -> anyhow::Result<Environment> {
    let dialect = args.shell.unwrap_or_else(Dialect::of_this_shell);
    let mut map = serde_json::Map::new();
    for (name, path) in variables(context)? {
        let path = path.into_os_string().into_string().map_err(|path| {
            Fault::new(
                format!("{} cannot be written as text", path.display()),
                "put the CA where the path is plain: export DEVCA_HOME=…",
            )
        })?;
        map.insert(name.into(), path.into());
    }
    Ok(Environment { variables: map, dialect })
}

/// Each variable with the file that it is to name; brings the file of all roots up to date.
pub(super) fn variables(context: &Context) -> anyhow::Result<Vec<(&'static str, PathBuf)>> {
    let root = context.root()?;
    let host =
        Host::this(Person { home: context.person.home.clone(), ids: context.person.ids }, super::is_root());
    let bundle_path = context.folder.bundle();
    let mut all = bundle::system_roots(&host);
    if all.is_empty() {
        return Err(Fault::new(
            "the system's own roots were not found, and variables that replace them would leave only devca's",
            "install the package ca-certificates",
        )
        .into());
    }
    // The variable may name this file by now: what it named before stands in the file's first lines.
    let mut sources = sources(&bundle_path);
    for variable in VARIABLES {
        let Some(current) =
            std::env::var_os(variable.name).filter(|value| !value.is_empty()).map(PathBuf::from)
        else {
            continue;
        };
        if current == bundle_path || current == context.folder.root() {
            continue;
        }
        match variable.effect {
            // A company's roots, say, which are not to be lost.
            Effect::Replaces => {
                if !sources.contains(&current) {
                    sources.push(current);
                }
            }
            Effect::Adds => context.report.note(format!("{} names {} now", variable.name, current.display())),
        }
    }
    sources.retain(|source| match std::fs::read(source) {
        Ok(pem) => {
            all.extend(bundle::certificates(&pem));
            true
        }
        Err(e) => {
            context.report.note(format!("{} cannot be read, and is left out: {e}", source.display()));
            false
        }
    });
    all.push(root.der);
    write_bundle(context, &bundle_path, &sources, &all)?;
    let file = |effect| if effect == Effect::Adds { context.folder.root() } else { bundle_path.clone() };
    Ok(VARIABLES.iter().map(|variable| (variable.name, file(variable.effect))).collect())
}

/// Begins a line that names a file whose roots are in the bundle. PEM passes over what stands outside of its blocks.
const SOURCE: &str = "# with the roots of ";

/// What was merged into the bundle before.
fn sources(bundle: &Path) -> Vec<PathBuf> {
    let text = std::fs::read_to_string(bundle).unwrap_or_default();
    text.lines().map_while(|line| line.strip_prefix(SOURCE)).map(PathBuf::from).collect()
}

/// Rewrites the bundle only where it has changed: programs may be reading it.
fn write_bundle(
    context: &Context,
    path: &Path,
    sources: &[PathBuf],
    roots: &[Vec<u8>],
) -> anyhow::Result<()> {
    let mut seen = std::collections::HashSet::new();
    let unique = roots.iter().filter(|der| seen.insert(*der));
    let named = sources.iter().map(|source| format!("{SOURCE}{}\n", source.display()).into_bytes());
    let bundle: Vec<u8> = named.chain(unique.map(|der| pem::certificate(der))).flatten().collect();
    if std::fs::read(path).is_ok_and(|current| current == bundle) {
        return Ok(());
    }
    let file =
        NewFile { path: path.to_owned(), content: bundle.into(), secrecy: Secrecy::Public, replace: true };
    context.person.files().stage(vec![file])?.commit()
}

impl Dialect {
    /// What `$SHELL` runs; on Windows, PowerShell.
    fn of_this_shell() -> Self {
        let shell = std::env::var_os("SHELL").map(PathBuf::from);
        let name = shell.as_deref().and_then(Path::file_name).map(OsString::from).unwrap_or_default();
        match name.to_str() {
            Some("fish") => Self::Fish,
            Some("pwsh") => Self::Powershell,
            _ if cfg!(windows) => Self::Powershell,
            _ => Self::Sh,
        }
    }

    /// One assignment, safe to evaluate whatever is in the path.
    fn assign(self, name: &str, value: &str) -> String {
        match self {
            Self::Sh => format!("export {name}='{}'", value.replace('\'', r"'\''")),
            Self::Fish => format!("set -gx {name} '{}'", value.replace('\\', r"\\").replace('\'', r"\'")),
            // It takes typographic quotes for its own as well.
            Self::Powershell => {
                let doubled =
                    |c: char| if "'‘’‚‛".contains(c) { format!("{c}{c}") } else { c.to_string() };
                format!("$env:{name} = '{}'", value.chars().map(doubled).collect::<String>())
            }
            Self::Cmd => format!("set \"{name}={}\"", value.replace('%', "%%")),
            Self::Dotenv => {
                format!(
                    "{name}=\"{}\"",
                    value.replace('\\', r"\\").replace('"', "\\\"").replace('$', r"\$").replace('`', r"\`")
                )
            }
            Self::Json => String::new(),
        }
    }
}

impl Outcome for Environment {
    fn is_payload(&self) -> bool {
        true
    }

    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        if self.dialect == Dialect::Json {
            return writeln!(page, "{:#}", serde_json::Value::from(self.variables.clone()));
        }
        self.variables.iter().try_for_each(|(name, value)| {
            writeln!(page, "{}", self.dialect.assign(name, value.as_str().unwrap_or_default()))
        })
    }
}
