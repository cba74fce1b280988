//! The JSON Schemas in `docs/json/`, one per command, generated from the types that are printed.
//!
//! After changing one of these types, run `DEVCA_OVERWRITE=1 cargo test --lib schemas` and add a line to
//! `CHANGELOG.md`.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use crate::acme::log::AcmeEvent;
use crate::report::{FailureDocument, LineDocument, OutcomeDocument};
use crate::serve::event::Event;
use crate::serve::session::SessionReport;

/// What a command prints: its result, or why it failed.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code)]
enum Printed<T: 'static> {
    Outcome(OutcomeDocument<'static, T>),
    Failure(FailureDocument<'static>),
}

/// `devca issue` has three kinds of results.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code)]
enum PrintedByIssue {
    One(OutcomeDocument<'static, super::issue::IssueReport>),
    Batch(OutcomeDocument<'static, super::issue::batch::Batch>),
    Bad(OutcomeDocument<'static, super::issue::bad::BadCertificates>),
    Failure(FailureDocument<'static>),
}

/// `devca serve` prints a line for each event.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code)]
enum PrintedByServe {
    Line(LineDocument<'static, Event<'static>>),
    Failure(FailureDocument<'static>),
}

/// So does `devca acme`.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code)]
enum PrintedByAcme {
    Line(LineDocument<'static, AcmeEvent<'static>>),
    Failure(FailureDocument<'static>),
}

/// The conventions of all documents: numbers are within the range of JavaScript and jq, whatever their type
/// in Rust, and fields without a value are absent.
#[derive(Clone)]
struct Conventions;

impl Transform for Conventions {
    fn transform(&mut self, schema: &mut Schema) {
        const MAX: i64 = (1 << 53) - 1;
        let Some(object) = schema.as_object_mut() else { return };
        if let Some(Value::Array(types)) = object.get_mut("type") {
            types.retain(|name| name != "null");
            if let [name] = types.as_slice() {
                let name = name.clone();
                object.insert("type".into(), name);
            }
        }
        if let Some(Value::Array(kinds)) = object.get_mut("anyOf") {
            kinds.retain(|kind| kind["type"] != "null");
            if let [Value::Object(kind)] = kinds.as_slice() {
                let kind = kind.clone();
                object.remove("anyOf");
                object.extend(kind);
            }
        }
        if object.get("type").is_some_and(|name| name == "integer") {
            object.remove("format");
            object.insert("maximum".into(), MAX.into());
            object.entry("minimum").or_insert_with(|| (-MAX).into());
        }
        transform_subschemas(self, schema);
    }
}

fn schema<T: JsonSchema>(command: &str) -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize().with_transform(Conventions);
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    schema["title"] = json!(format!("devca {command} --json"));
    schema
}

fn of<T: JsonSchema + 'static>(command: &'static str) -> (&'static str, Value) {
    (command, schema::<Printed<T>>(command))
}

/// The page of `devca serve` is not printed, but sent to clients.
fn page_schema() -> Value {
    let mut schema = schema::<LineDocument<'static, SessionReport>>("serve page");
    schema["title"] = json!("/.devca of devca serve");
    schema
}

/// Every command with what it prints. `devca run` itself prints nothing unless it fails.
fn all() -> BTreeMap<&'static str, Value> {
    BTreeMap::from([
        ("acme", schema::<PrintedByAcme>("acme")),
        of::<super::browser::BrowserReport>("browser"),
        of::<super::ca::Cas>("ca list"),
        of::<super::check::Checks>("check"),
        of::<super::completions::Completions>("completions"),
        of::<super::crl::CrlState>("crl"),
        of::<super::env::Environment>("env"),
        of::<super::explain::Explained>("explain"),
        of::<super::export::Exported>("export"),
        of::<super::import::Imported>("import"),
        of::<super::inspect::Inspected>("inspect"),
        of::<super::install::Installed>("install"),
        ("issue", schema::<PrintedByIssue>("issue")),
        of::<super::list::Listing>("list"),
        of::<super::man::Man>("man"),
        of::<super::mkcert::MkcertReport>("mkcert"),
        of::<super::passphrase::Protection>("passphrase"),
        of::<super::permit::Permitted>("permit"),
        of::<super::shared::reissued::Reissued>("renew"),
        of::<super::revoke::Revoked>("revoke"),
        of::<super::root::RootReport>("root"),
        of::<super::rotate::Rotated>("rotate"),
        ("run", schema::<FailureDocument>("run")),
        ("serve", schema::<PrintedByServe>("serve")),
        ("serve page", page_schema()),
        of::<super::snippet::ServerSnippet>("snippet"),
        of::<super::status::StatusReport>("status"),
        of::<super::uninstall::Uninstalled>("uninstall"),
    ])
}

#[test]
fn the_schemas_in_docs_are_those_of_what_is_printed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json");
    for (command, schema) in all() {
        let path = folder.join(format!("{}.schema.json", command.replace(' ', "-")));
        let text = format!("{schema:#}\n");
        if std::env::var_os("DEVCA_OVERWRITE").is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, text).unwrap();
        } else {
            let kept = fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(kept, text, "{} is not up to date: DEVCA_OVERWRITE=1 writes it", path.display());
        }
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), all().len(), "a schema of no command");
}
