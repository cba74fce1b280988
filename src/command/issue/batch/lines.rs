//! The lines of a batch.

use std::collections::HashSet;

use serde::Deserialize;

use super::super::request;
use crate::cli;
use crate::error::{Fault, OrHint};
use crate::format;
use crate::x509::kind::Kind;
use crate::x509::name::Name;
use crate::x509::subject::Subject;

/// The maximum length of a line; enough for a thousand names of the maximum length.
const MAX_LINE: usize = 1 << 18;

/// A line with names and options.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct BatchLine {
    pub(super) names: Vec<String>,
    #[serde(default)]
    pub(super) kind: Option<Kind>,
    /// The stem of the file names.
    #[serde(default)]
    pub(super) file: Option<String>,
    #[serde(default)]
    pub(super) cn: Option<String>,
}

/// All names of the batch. Lines with an error are reported when they are issued.
pub(super) fn names(args: &cli::Issue, input: &[u8]) -> Vec<Name> {
    let parsed = input.split(|byte| *byte == b'\n').filter_map(|line| parse(line).ok()?);
    let subjects = parsed.filter_map(|line| {
        Subject::parse(line.kind.unwrap_or(request::kind(args)), &line.names, line.cn.as_deref()).ok()
    });
    let mut known = HashSet::new();
    subjects.flat_map(|subject| subject.names).filter(|name| known.insert(name.to_string())).collect()
}

/// Parses `NAME… [kind=client] [file=NAME] [cn=NAME]`, or a JSON object with the same keys. Returns `None`
/// for an empty line or a comment.
pub(super) fn parse(line: &[u8]) -> anyhow::Result<Option<BatchLine>> {
    if line.len() > MAX_LINE {
        let what = format!("the line is longer than {} KB", MAX_LINE >> 10);
        return Err(Fault::usage(what, "put each certificate on its own line").into());
    }
    let line =
        std::str::from_utf8(line).or_hint(|| "it is not UTF-8 text".into(), || "write it in UTF-8".into())?;
    let line = line.trim();
    if !is_of_certificate(line.as_bytes()) {
        return Ok(None);
    }
    let example =
        || "for example: {\"names\": [\"app.test\"], \"kind\": \"server\", \"file\": \"app\"}".to_owned();
    let parsed = if line.starts_with('{') {
        serde_json::from_str(line).or_hint(|| "it is not a valid JSON line".into(), example)?
    } else {
        words(line)?
    };
    if let Some(file) = parsed.file.as_deref().filter(|file| !format::is_stem(file)) {
        let hint = "use letters, digits and ._-@+, for example: app.test file=app; --out names the folder";
        return Err(Fault::usage(format!("{file:?} cannot begin the name of a file"), hint).into());
    }
    if parsed.names.is_empty() && parsed.cn.is_none() {
        return Err(Fault::usage(
            "it has no names",
            "start it with a name, for example: app.test kind=server",
        )
        .into());
    }
    Ok(Some(parsed))
}

/// Whether this is neither an empty line nor a comment.
pub(super) fn is_of_certificate(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    !line.is_empty() && !line.starts_with(b"#")
}

fn words(line: &str) -> Result<BatchLine, Fault> {
    let mut parsed = BatchLine::default();
    for word in line.split([' ', '\t', ',']).filter(|word| !word.is_empty()) {
        match word.split_once('=') {
            None => parsed.names.push(word.to_owned()),
            Some(("file", file)) => parsed.file = Some(file.to_owned()),
            Some(("cn", name)) => parsed.cn = Some(name.to_owned()),
            Some(("kind", "server")) => parsed.kind = Some(Kind::Server),
            Some(("kind", "client")) => parsed.kind = Some(Kind::Client),
            Some(("kind", "both")) => parsed.kind = Some(Kind::Both),
            Some(_) => {
                let hint = "a line is: NAME… [kind=server|client|both] [file=NAME] [cn=NAME]";
                return Err(Fault::usage(format!("{word:?} is not known"), hint));
            }
        }
    }
    Ok(parsed)
}
