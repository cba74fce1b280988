//! `devca revoke`: remember that a certificate is good no more; `devca crl` tells others.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use time::OffsetDateTime;

use super::Context;
use crate::ca;
use crate::certificate::Leaf;
use crate::cli;
use crate::error::Fault;
use crate::inventory::{self, Inventory, Revocation};
use crate::pem;
use crate::report::{self, Outcome};

#[derive(Serialize)]
pub(super) struct Revoked {
    serial: String,
    #[serde(with = "time::serde::rfc3339", rename = "revoked")]
    since: OffsetDateTime,
    already: bool,
    #[serde(skip)]
    hint: String,
}

pub(super) fn run(context: &Context, args: &cli::Revoke) -> anyhow::Result<Revoked> {
    let root = context.root()?;
    let inventory = context.folder.inventory();
    let lock = context.lock()?;
    let known = Inventory::load(&inventory)?;
    let path = Path::new(&args.certificate);
    let (serial, intermediate) = if path.exists() {
        let leaf = Leaf::parse(&pem::first_certificate(path)?).ok_or_else(|| {
            Fault::new(format!("{} holds no certificate", path.display()), "name a leaf in PEM")
        })?;
        let intermediate = ca::intermediate(&context.folder).is_some_and(|ca| leaf.is_of(&ca));
        if !intermediate && !leaf.is_of(&root) {
            let what = format!("{} was not issued by this CA", path.display());
            return Err(Fault::new(what, "name its CA: devca --ca NAME revoke …").into());
        }
        (leaf.serial, intermediate)
    } else {
        let serial = serial_of(&args.certificate);
        let entry = known.entries.iter().find(|entry| entry.serial == serial);
        let entry = entry.ok_or_else(|| {
            Fault::new(
                format!(
                    "{} is neither a file nor the serial number of a certificate of this CA",
                    args.certificate
                ),
                "the serial number is what this prints: openssl x509 -noout -serial -in FILE",
            )
        })?;
        (serial, entry.intermediate)
    };
    let hint = format!("devca{} crl", context.folder.option());
    if let Some(earlier) = known.revocations.iter().find(|earlier| earlier.serial == serial) {
        return Ok(Revoked { serial, since: earlier.revoked, already: true, hint });
    }
    let revoked = context.now.replace_nanosecond(0).unwrap_or(context.now);
    let line = Revocation { v: inventory::FORMAT, revoked, serial, intermediate };
    inventory::append(&inventory, [&line], context.person.files())?;
    drop(lock);
    Ok(Revoked { serial: line.serial, since: revoked, already: false, hint })
}

/// As OpenSSL (`serial=0A:…`) and others print it.
fn serial_of(word: &str) -> String {
    word.trim().trim_start_matches("serial=").replace(':', "").to_ascii_lowercase()
}

impl Outcome for Revoked {
    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        let when = if self.already { format!("already, on {}", self.since.date()) } else { "now".into() };
        let next = format!("servers learn it from a revocation list: {}", self.hint);
        report::rows(page, &[("serial", self.serial.clone()), ("revoked", when), ("next", next)])
    }
}
