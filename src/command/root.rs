//! `devca root`: where the root is, or the root itself.

use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;
use time::OffsetDateTime;

use super::Context;
use crate::cli;
use crate::constraints::Constraints;
use crate::key;
use crate::pem;
use crate::report::Outcome;

#[derive(Serialize)]
pub(super) struct Root {
    path: PathBuf,
    name: String,
    sha256: String,
    #[serde(with = "time::serde::rfc3339")]
    not_after: OffsetDateTime,
    constraints: Constraints,
    pem: String,
    #[serde(skip)]
    wants_pem: bool,
}

pub(super) fn run(context: &Context, args: &cli::Root) -> anyhow::Result<Root> {
    let root = context.root()?;
    Ok(Root {
        path: context.folder.root(),
        sha256: key::hex(&root.sha256()),
        not_after: root.validity.not_after,
        pem: String::from_utf8_lossy(&pem::certificate(&root.der)).into_owned(),
        name: root.common_name,
        constraints: root.constraints,
        wants_pem: args.pem,
    })
}

impl Outcome for Root {
    const IS_PAYLOAD: bool = true;

    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        if self.wants_pem {
            page.write_all(self.pem.as_bytes())
        } else {
            writeln!(page, "{}", self.path.display())
        }
    }
}
