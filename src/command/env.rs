//! `devca env`: prints the variables for programs that do not use the system's store.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

use devca_platform::bundle;
use devca_platform::runtime::{Effect, VARIABLES, Variable};
use serde::Serialize;

use super::Context;
use crate::cli::{self, Dialect};
use crate::command::shared::bundles::{Bundle, Content};
use crate::command::shared::sources::Sources;
use crate::disk::files::NewFile;
use crate::error::Fault;
use crate::format::trust_store;
use crate::report::Outcome;

mod dialect;
pub(super) mod java;

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Environment {
    variables: serde_json::Map<String, serde_json::Value>,
    #[serde(skip)]
    dialect: Dialect,
}

pub(super) fn run(context: &Context, args: &cli::Env) -> anyhow::Result<Environment> {
    let dialect = args.shell.unwrap_or_else(Dialect::of_this_shell);
    let mut map = serde_json::Map::new();
    for (name, value) in variables(context)? {
        let value = value.into_string().map_err(|value| {
            Fault::new(
                format!("{name}={} cannot be written as text", value.display()),
                "use a folder whose path is valid Unicode: export DEVCA_HOME=…",
            )
        })?;
        map.insert(name.into(), value.into());
    }
    Ok(Environment { variables: map, dialect })
}

/// The variables with their values. Updates the files that they name.
pub(super) fn variables(context: &Context) -> anyhow::Result<Vec<(&'static str, OsString)>> {
    let mut root = context.root()?;
    let system = bundle::system_roots(&context.host());
    if system.is_empty() {
        return Err(Fault::new(
            "the system's roots were not found, so variables that replace them would leave only devca's",
            "install the package ca-certificates",
        )
        .into());
    }
    let sources = Sources::of_environment(context, &system);
    let bundle = Bundle::of(&context.folder, &sources);
    let wanted = |root: &[u8]| Content::new(&system, &sources, root);
    let php = php_settings(context);
    if !bundle.holds(&wanted(&root.der)) || !php.path.is_file() {
        // A `rotate` may have replaced the root in the meantime.
        let _lock = context.lock()?;
        root = context.root()?;
        let mut files = vec![php];
        files.extend(bundle.render(&wanted(&root.der))?);
        context.person.files().stage(files)?.commit_over()?;
    }
    let values =
        VARIABLES.iter().map(|variable| (variable.name, value(context, variable, &bundle, &sources)));
    Ok(values.filter_map(|(name, value)| Some((name, value?))).collect())
}

/// The value of a variable; `None` if it should not be changed.
fn value(context: &Context, variable: &Variable, bundle: &Bundle, sources: &Sources) -> Option<OsString> {
    let present = std::env::var_os(variable.name).filter(|value| !value.is_empty());
    match variable.effect {
        Effect::Adds => Some(bundle.extra().into()),
        Effect::Replaces => Some(bundle.pem().into()),
        Effect::ReadsSystem(value) => present.is_none().then(|| value.into()),
        Effect::JvmOptions => {
            jvm_options(context, variable.name, present.unwrap_or_default(), bundle, sources)
        }
        Effect::PhpFolders => php_folders(context, present),
    }
}

/// The options for JVMs. A trust store that could not be merged must not be replaced.
fn jvm_options(
    context: &Context,
    name: &str,
    present: OsString,
    bundle: &Bundle,
    sources: &Sources,
) -> Option<OsString> {
    let present = present.into_string().ok()?;
    let store = bundle.trust_store();
    if java::reads_system_store(&present) {
        return None;
    }
    if let Some(named) = java::trust_store(&present) {
        let named = std::path::absolute(named).ok()?;
        let is_ours = named.parent() == store.parent();
        if !is_ours && !sources.files.contains(&named) {
            return None;
        }
    }
    let options =
        java::with_trust_store(&present, &store, trust_store::PASSWORD, sources.password.as_deref());
    if options.is_none() {
        context.report.note(format!("{name} is not set: a JVM cannot read the path {}", store.display()));
    }
    options.map(Into::into)
}

/// Appends the folder with devca's settings to the existing ones; an empty element stands for PHP's default.
fn php_folders(context: &Context, present: Option<OsString>) -> Option<OsString> {
    let own = &context.folder.path;
    let present = present.unwrap_or_default();
    let others = std::env::split_paths(&present).filter(|folder| folder != own);
    let others: Vec<PathBuf> = if present.is_empty() { vec![PathBuf::new()] } else { others.collect() };
    let joined = std::env::join_paths(others.iter().chain([own])).ok();
    if joined.is_none() {
        context
            .report
            .note(format!("PHP_INI_SCAN_DIR is not set: it cannot hold the path {}", own.display()));
    }
    joined
}

/// PHP's curl extension reads no variables itself, but PHP's settings can refer to one. Streams do, unless another file has
/// the second setting.
fn php_settings(context: &Context) -> NewFile {
    let text = "; For PHP's curl extension, and for its streams.\n\
                curl.cainfo = \"${SSL_CERT_FILE}\"\nopenssl.cafile = \"${SSL_CERT_FILE}\"\n";
    NewFile { replace: true, ..NewFile::public(context.folder.php_settings(), text.as_bytes().to_vec()) }
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
