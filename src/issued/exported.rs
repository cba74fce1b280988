//! Roots and intermediates that were written for other machines and systems. They are remembered, so that a new root
//! takes the place of the old one there as well.

use std::path::{Path, PathBuf};

use devca_platform::read;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::ca::{Authority, Intermediate};
use crate::disk::files::{self, Files, NewFile, Recognize};
use crate::disk::home::CaFolder;
use crate::error::{Fault, quoted};
use crate::format::{ExportTarget, RootFormat};
use crate::issued::inventory;
use crate::x509::certificate::CaCertificate;
use crate::x509::pem;
use crate::x509::validity::Validity;

/// The version of a line of `exported.jsonl`.
const FORMAT: u32 = 1;

/// One line of `exported.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportLine {
    v: u32,
    what: ExportedKind,
    /// The file of a root, or the folder of an intermediate; absolute.
    pub path: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ExportedKind {
    Root(RootFormat),
    Intermediate(ExportTarget),
}

impl ExportLine {
    /// The root, in a file.
    pub fn root(format: RootFormat, path: PathBuf) -> Self {
        Self { v: FORMAT, what: ExportedKind::Root(format), path }
    }

    /// An intermediate, in a folder.
    pub fn intermediate(system: ExportTarget, path: PathBuf) -> Self {
        Self { v: FORMAT, what: ExportedKind::Intermediate(system), path }
    }

    /// The command that writes it again, where devca cannot update it.
    fn command(&self) -> String {
        match self.what {
            ExportedKind::Root(_) => {
                format!("rm {}, and write it again: devca root --format", quoted(&self.path))
            }
            ExportedKind::Intermediate(system) => {
                format!("export it to a new folder: devca export --for {} --out DIR", system.name())
            }
        }
    }
}

/// Adds what is not known yet. The caller holds the CA's lock.
pub fn remember(folder: &CaFolder, new: &[ExportLine], files: Files) -> anyhow::Result<()> {
    let known = load(folder);
    inventory::append(&folder.exported(), new.iter().filter(|export| !known.contains(export)), files)
}

/// What was written once. A line that cannot be read is a later version's, or was cut off.
pub fn load(folder: &CaFolder) -> Vec<ExportLine> {
    let text = read::bytes(&folder.exported()).unwrap_or_default();
    let lines =
        text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<ExportLine>(line).ok());
    lines.filter(|export| export.v <= FORMAT).collect()
}

/// What is at the path of an export.
enum FoundExport {
    /// A root of this CA: nothing else is in the file.
    Root(RootFormat),
    /// An intermediate, and the root that signed it.
    Intermediate(ExportTarget, Box<(Intermediate, CaCertificate)>),
}

/// The roots of a CA.
pub struct KnownRoots<'a> {
    present: &'a CaCertificate,
    earlier: Vec<CaCertificate>,
}

impl<'a> KnownRoots<'a> {
    /// The present one, and those that the CA remembers.
    pub fn of(folder: &CaFolder, present: &'a CaCertificate) -> Self {
        let known = pem::certificates(&folder.earlier()).into_iter();
        let earlier =
            known.filter(|der| *der != present.der).filter_map(|der| CaCertificate::parse(der).ok());
        Self { present, earlier: earlier.collect() }
    }

    /// Whether a file is an earlier root in this format, to the byte.
    pub fn is_earlier(&self, format: RootFormat, content: &[u8]) -> bool {
        self.earlier.iter().any(|root| is_root(format, root, content))
    }

    /// What has an earlier root, among what was exported.
    pub fn outdated(&self, folder: &CaFolder) -> Vec<ExportLine> {
        load(folder).into_iter().filter(|export| self.look_at(export).is_some()).collect()
    }

    /// What has any root of this CA.
    pub fn present(&self, folder: &CaFolder) -> Vec<ExportLine> {
        let is_present = |export: &ExportLine| match export.what {
            ExportedKind::Root(format) => {
                files::read(&export.path).is_ok_and(|content| is_root(format, self.present, &content))
            }
            ExportedKind::Intermediate(system) => {
                system.read(&export.path).is_some_and(|(_, root)| root.der == self.present.der)
            }
        };
        load(folder)
            .into_iter()
            .filter(|export| is_present(export) || self.look_at(export).is_some())
            .collect()
    }

    /// `None` unless an earlier root is there: a line names a file, and only its content tells whose it is.
    fn look_at(&self, export: &ExportLine) -> Option<FoundExport> {
        match export.what {
            ExportedKind::Root(format) => {
                let content = files::read(&export.path).ok()?;
                self.is_earlier(format, &content).then_some(FoundExport::Root(format))
            }
            ExportedKind::Intermediate(system) => {
                let found = system.read(&export.path)?;
                let is_earlier = self.earlier.iter().any(|root| root.der == found.1.der);
                is_earlier.then(|| FoundExport::Intermediate(system, Box::new(found)))
            }
        }
    }
}

fn is_root(format: RootFormat, root: &CaCertificate, content: &[u8]) -> bool {
    format.render(root).is_ok_and(|(_, bytes)| bytes == content)
}

/// Puts the present root in the place of an earlier one: `None` where there is none. An intermediate keeps its key, its
/// name and its end. The caller holds the CA's lock.
pub fn update(
    export: &ExportLine,
    roots: &KnownRoots,
    authority: &Authority,
    now: OffsetDateTime,
) -> Option<anyhow::Result<()>> {
    let content = roots.look_at(export)?;
    let write = || match content {
        FoundExport::Root(format) => {
            let (_, bytes) = format.render(roots.present)?;
            replace(vec![NewFile::public(export.path.clone(), bytes)])
        }
        FoundExport::Intermediate(system, found) => {
            let made = again(export, found.0, authority, now)?;
            replace(system.render(&export.path, &made, &roots.present.der))
        }
    };
    Some(write())
}

/// The same intermediate, signed by the present root with its constraints.
fn again(
    export: &ExportLine,
    old: Intermediate,
    authority: &Authority,
    now: OffsetDateTime,
) -> anyhow::Result<Intermediate> {
    let Intermediate { certificate, key } = old;
    if certificate.is_signed_by(&authority.root) && certificate.constraints == authority.root.constraints {
        return Ok(Intermediate { certificate, key });
    }
    if authority.is_sealed {
        let what = "this root's key was destroyed, so it cannot sign the intermediate again";
        return Err(Fault::new(what, "export one from another CA: devca --ca NAME export").into());
    }
    let end = certificate.validity.not_after;
    if end < now {
        return Err(Fault::new("the intermediate has expired", export.command()).into());
    }
    authority.sign_intermediate(&certificate.common_name, key, Validity::ending(now, end))
}

/// Files keep their owner, group and mode; those that stay the same are not touched.
fn replace(mut new: Vec<NewFile>) -> anyhow::Result<()> {
    let old = |path: &Path| files::read(path).ok();
    new.retain(|file| old(&file.path).is_none_or(|content| *content != *file.content));
    for file in &mut new {
        file.replace = true;
    }
    let known: Vec<_> = new.iter().map(|file| (file.path.clone(), old(&file.path))).collect();
    let recognize: Recognize = Box::new(move |path, content| {
        known
            .iter()
            .any(|(known, old)| known == path && old.as_ref().is_some_and(|old| old.as_slice() == content))
    });
    Files::default().stage_in_place(new, &recognize)?.commit_over()
}
