//! `devca ca list`: lists the existing CAs.

use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;
use time::OffsetDateTime;

use super::Context;
use crate::ca;
use crate::disk::home::CaFolder;
use crate::error;
use crate::report::{self, ErrorMessage, Outcome};
use crate::x509::certificate::CaCertificate;
use crate::x509::validity::DaysLeft;

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Cas {
    cas: Vec<CaSummary>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct CaSummary {
    name: String,
    root: PathBuf,
    #[serde(flatten)]
    state: CaState,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
enum CaState {
    Good {
        /// The common name of its root.
        common_name: String,
        #[serde(with = "time::serde::rfc3339")]
        #[cfg_attr(test, schemars(with = "String", extend("format" = "date-time")))]
        not_after: OffsetDateTime,
        days_left: DaysLeft,
        constrained: bool,
    },
    Bad {
        error: ErrorMessage,
    },
}

pub(super) fn run(context: &Context) -> Cas {
    let mut folders = context.folder.siblings();
    folders.retain(ca::exists);
    // The default CA comes first.
    folders.sort_by_key(|folder| (!folder.name.is_default(), folder.name.to_string()));
    let state = |folder: &CaFolder| match CaCertificate::load(&folder.root()) {
        Ok(root) => CaState::Good {
            not_after: root.validity.not_after,
            days_left: root.validity.days_left(context.now),
            constrained: !root.constraints.is_unconstrained(),
            common_name: root.common_name,
        },
        Err(e) => {
            let hint = folder.hint(error::hint(&e));
            CaState::Bad { error: ErrorMessage { message: format!("{e:#}"), hint } }
        }
    };
    let cas = folders.iter().map(|folder| CaSummary {
        name: folder.name.to_string(),
        root: folder.root(),
        state: state(folder),
    });
    Cas { cas: cas.collect() }
}

impl Outcome for Cas {
    fn is_answer(&self) -> bool {
        true
    }

    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        let rows = self.cas.iter().map(|ca| match &ca.state {
            CaState::Good { common_name, not_after, days_left, constrained } => {
                let free = if *constrained { "" } else { ", unconstrained" };
                let end = format!("expires {}, {days_left}{free}", not_after.date());
                (ca.name.as_str(), format!("{common_name} ({}), {end}", report::tilde(&ca.root)))
            }
            CaState::Bad { error } => (ca.name.as_str(), report::verdict(false, &error.message)),
        });
        report::rows(page, &rows.collect::<Vec<_>>())?;
        if self.cas.is_empty() {
            writeln!(page, "no CA yet; create one: devca install")?;
        }
        Ok(())
    }
}
