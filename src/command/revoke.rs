//! `devca revoke`: records that a certificate is no longer valid; `devca crl` publishes that.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use time::OffsetDateTime;

use super::Context;
use crate::ca;
use crate::cli;
use crate::command::shared::identities;
use crate::disk::files;
use crate::error::Fault;
use crate::issued::inventory::{self, Entry, Inventory, Revocation};
use crate::report::{self, Outcome};
use crate::x509::certificate::Leaf;
use crate::x509::pem;

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Revoked {
    serial: String,
    #[serde(with = "time::serde::rfc3339", rename = "revoked")]
    #[cfg_attr(test, schemars(with = "String", extend("format" = "date-time")))]
    since: OffsetDateTime,
    already: bool,
    #[serde(skip)]
    hint: String,
}

pub(super) fn run(context: &Context, args: &cli::Revoke) -> anyhow::Result<Revoked> {
    let root = context.root()?;
    let inventory = context.folder.inventory();
    let path = Path::new(&args.certificate);
    let leaf = leaf(path)?;
    let lock = context.lock()?;
    let known = Inventory::load(&inventory)?;
    let (serial, intermediate) = if let Some(leaf) = leaf {
        let intermediate = ca::intermediate(&context.folder).is_some_and(|ca| leaf.is_of(&ca));
        if !intermediate && !leaf.is_of(&root) {
            let what = format!("{} was not issued by this CA", path.display());
            return Err(Fault::new(what, "use the CA that issued it: devca --ca NAME revoke …").into());
        }
        (leaf.serial, intermediate)
    } else {
        let entry = find(&known, &args.certificate)?;
        (entry.serial.clone(), entry.intermediate)
    };
    let hint = context.folder.hint("devca crl");
    if let Some(earlier) = known.revocations.iter().find(|earlier| earlier.serial == serial) {
        return Ok(Revoked { serial, since: earlier.revoked, already: true, hint });
    }
    let revoked = context.now.replace_nanosecond(0).unwrap_or(context.now);
    let line = Revocation { v: inventory::FORMAT, revoked, serial, intermediate };
    inventory::append(&inventory, [&line], context.person.files())?;
    drop(lock);
    if let Some(entry) = known.entries.iter().find(|entry| entry.serial == line.serial) {
        identities::note_revoked(context, entry);
    }
    Ok(Revoked { serial: line.serial, since: revoked, already: false, hint })
}

/// Reads the certificate in a PEM or DER file; `None` if this is not a file, or is encrypted.
fn leaf(path: &Path) -> anyhow::Result<Option<Leaf>> {
    if !path.exists() || path.is_dir() {
        return Ok(None);
    }
    let content = files::read_named(path)?;
    Ok(Leaf::parse(&pem::certificate_in(&content).unwrap_or_else(|| content.to_vec())))
}

/// Finds the certificate that was last written to this file (such as PKCS#12), or that has this serial
/// number.
fn find<'a>(known: &'a Inventory, word: &str) -> anyhow::Result<&'a Entry> {
    let (path, serial) = (files::absolute(word).ok(), serial_of(word));
    let is_in = |entry: &&Entry| {
        entry.files.iter().any(|file| file.part != "key" && Some(&file.path) == path.as_ref())
    };
    let found = known.entries.iter().rfind(is_in);
    let what = || {
        if Path::new(word).exists() {
            format!("{word} contains no certificate of this CA")
        } else {
            format!("{word} is neither a file, a serial number nor a name of a certificate of this CA")
        }
    };
    let hint = "to print a serial number: openssl x509 -noout -serial -in FILE";
    let found = found.or_else(|| known.entries.iter().find(|entry| entry.serial == serial));
    if let Some(found) = found {
        return Ok(found);
    }
    // A name is sufficient if only one certificate has it.
    let is_named = |entry: &&Entry| {
        entry.common_name.as_deref() == Some(word) || entry.names.iter().any(|name| name == word)
    };
    let named: Vec<&Entry> = known.entries.iter().filter(is_named).collect();
    match named.as_slice() {
        [one] => Ok(one),
        [] => Err(Fault::new(what(), hint).into()),
        // Include renewed and replaced certificates, because the lost key may be that of one of them.
        all => {
            let what = format!("{} certificates were issued for {word}", all.len());
            Err(Fault::new(what, "name its file, or its serial number: devca revoke SERIAL").into())
        }
    }
}

/// Parses a serial number as OpenSSL (`serial=0A:…`) and others print it.
fn serial_of(word: &str) -> String {
    let digits = word.trim().trim_start_matches("serial=").replace(':', "").to_ascii_lowercase();
    digits.strip_prefix("0x").unwrap_or(&digits).to_owned()
}

impl Outcome for Revoked {
    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        let when = if self.already { format!("already, on {}", self.since.date()) } else { "now".into() };
        let next = format!("to write the revocation list that servers read: {}", self.hint);
        report::rows(page, &[("serial", self.serial.clone()), ("revoked", when), ("next", next)])
    }
}
