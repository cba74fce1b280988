//! Which files a certificate in several formats consists of.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::disk::files;
use crate::error::Fault;
use crate::format::{Format, Holds, Output};

/// Which files to create, and where.
pub struct OutputPlan<'a> {
    /// The formats; duplicates are ignored.
    pub formats: &'a [Format],
    /// The stem of the file names.
    pub stem: &'a str,
    /// The folder for the files.
    pub folder: &'a Path,
    /// The path for the certificate, if it was given.
    pub certificate: Option<&'a Path>,
    /// The path for the key, if it was given.
    pub key: Option<&'a Path>,
    /// The path for a file that contains the key and the certificate, if it was given.
    pub sealed: Option<&'a Path>,
    /// Whether the key is not available, as with a CSR.
    pub keyless: bool,
}

impl OutputPlan<'_> {
    /// The files to create, without duplicate paths.
    pub fn outputs(&self) -> anyhow::Result<Vec<Output>> {
        let mut certificate = self.certificate;
        let mut outputs: Vec<Output> = Vec::new();
        for format in self.formats {
            if self.keyless && format.has_key_inside() {
                return Err(no_key(*format).into());
            }
            let parts = format.parts().iter().filter(|part| !self.keyless || part.holds.is_keyless());
            for part in parts {
                let named = match part.holds {
                    Holds::Certificate => certificate.take(),
                    Holds::Key => self.key,
                    Holds::Opaque => self.sealed,
                    Holds::Public => None,
                };
                let usual = || self.folder.join(format!("{}{}", self.stem, part.suffix));
                let path = files::absolute(named.map_or_else(usual, ToOwned::to_owned))?;
                match outputs.iter().find(|other| other.path == path) {
                    None => outputs.push(Output { format: *format, part, path, replace: false }),
                    Some(other) if other.part.label == part.label => {}
                    Some(_) => return Err(shared(&path).into()),
                }
            }
        }
        let lacks = |holds| !outputs.iter().any(|output| output.part.holds == holds);
        if certificate.is_some() {
            return Err(nowhere("certificate", "--cert-file").into());
        }
        if self.key.is_some() && lacks(Holds::Key) {
            return Err(nowhere("key", "--key-file").into());
        }
        Ok(outputs)
    }

    /// Whether some of these files and another one with the usual name of a format exist, perhaps with the same certificate.
    pub fn has_siblings(&self, outputs: &[Output]) -> bool {
        let is_other = |path: &PathBuf| outputs.iter().all(|output| output.path != *path);
        let parts = || Format::value_variants().iter().flat_map(|format| format.parts());
        let Ok(path) = files::absolute(self.folder.join(self.stem)) else { return false };
        let usual = || parts().map(|part| path.with_file_name(format!("{}{}", self.stem, part.suffix)));
        outputs.iter().any(|output| output.path.exists())
            && usual().any(|path| is_other(&path) && path.exists())
    }
}

fn nowhere(what: &str, option: &str) -> Fault {
    Fault::usage(
        format!("{option} was given, but the formats include no {what} in PEM"),
        format!("omit {option}, or add pem to --format"),
    )
}

pub(super) fn no_key(format: Format) -> Fault {
    let name = format.name();
    Fault::usage(
        format!("{name} contains the private key, which only the creator of the CSR has"),
        "choose --format pem, fullchain or der with --csr",
    )
}

fn shared(path: &Path) -> Fault {
    Fault::usage(
        format!("two files cannot share one path, {}", path.display()),
        "give --cert-file and --key-file two names",
    )
}
