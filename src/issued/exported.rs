//! Roots and intermediates that were exported to other machines and systems. They are recorded so that a new
//! root also replaces the old one there. Intermediates are not signed again automatically, because anyone who
//! can write to the exported folder could have put their own key there.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use devca_platform::read;
use serde::{Deserialize, Serialize};

use crate::disk::files::{self, Files, NewFile, Recognize};
use crate::disk::home::CaFolder;
use crate::error::{Fault, quoted};
use crate::format::{ExportTarget, RootFormat};
use crate::issued::inventory;
use crate::x509::certificate::{CaCertificate, local_ca};
use crate::x509::pem;

/// The version of the lines in `exported.jsonl`.
const FORMAT: u32 = 1;

/// One line of `exported.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportLine {
    v: u32,
    what: ExportedKind,
    /// The file of a root or the folder of an intermediate, as an absolute path.
    pub path: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ExportedKind {
    Root(RootFormat),
    Intermediate(ExportTarget),
}

impl ExportLine {
    /// A root exported to a file.
    pub fn root(format: RootFormat, path: PathBuf) -> Self {
        Self { v: FORMAT, what: ExportedKind::Root(format), path }
    }

    /// An intermediate exported to a folder.
    pub fn intermediate(system: ExportTarget, path: PathBuf) -> Self {
        Self { v: FORMAT, what: ExportedKind::Intermediate(system), path }
    }

    /// The command that updates it.
    pub fn fix(&self) -> String {
        match self.what {
            ExportedKind::Root(_) => "devca status --fix".into(),
            ExportedKind::Intermediate(system) => format!(
                "export one of the present root to a new folder, and delete this one: devca export --for {} --out DIR",
                system.name()
            ),
        }
    }

    /// Whether devca updates it automatically.
    pub fn is_root(&self) -> bool {
        matches!(self.what, ExportedKind::Root(_))
    }
}

/// Adds entries that are not recorded yet. The caller holds the CA's lock.
pub fn remember(folder: &CaFolder, new: &[ExportLine], files: Files) -> anyhow::Result<()> {
    let known = load(folder);
    inventory::append(&folder.exported(), new.iter().filter(|export| !known.contains(export)), files)
}

/// Reads the recorded exports. Lines that a later version wrote or a crash cut off are skipped; [`damage`]
/// reports any other unreadable line.
fn load(folder: &CaFolder) -> Vec<ExportLine> {
    let text = read::bytes(&folder.exported()).unwrap_or_default();
    // The list may come from somewhere else, so process a line only once even if it is repeated a thousand
    // times.
    let mut seen = HashSet::new();
    let lines = text.split(|byte| *byte == b'\n').filter(|line| seen.insert(*line));
    let lines = lines.filter_map(|line| serde_json::from_slice::<ExportLine>(line).ok());
    lines.filter(|export| export.v <= FORMAT && !is_in_a_ca(&export.path)).collect()
}

/// Whether a file is in the folder of a CA, where nothing is exported to. A list in a repository must not
/// lead to the root of another CA.
fn is_in_a_ca(path: &Path) -> bool {
    let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
    folder.is_some_and(|folder| ["root.pem", "lock"].iter().all(|file| folder.join(file).exists()))
}

/// Reports that the list, or one of its lines, cannot be read.
pub fn damage(folder: &CaFolder) -> Option<Fault> {
    let path = folder.exported();
    let why = match read::bytes(&path) {
        Ok(text) => {
            let is_bad = |line: &&[u8]| {
                serde_json::from_slice::<ExportLine>(line).is_err() && !inventory::is_harmless(line)
            };
            let bad = text.split(|byte| *byte == b'\n').filter(is_bad).count();
            (bad > 0).then(|| format!("{bad} of its lines are not devca's"))?
        }
        Err(_) if path.symlink_metadata().is_err() => return None,
        Err(e) => e.to_string(),
    };
    let what = format!("cannot read {}, which lists the files with the root: {why}", path.display());
    Some(Fault::new(what, format!("look into it: cat {}", quoted(&path))))
}

/// The current and earlier roots of a CA.
pub struct KnownRoots<'a> {
    present: &'a CaCertificate,
    earlier: Vec<CaCertificate>,
    /// The earlier roots, rendered in each format that was needed so far.
    rendered: RefCell<HashMap<RootFormat, Rc<HashSet<Vec<u8>>>>>,
}

impl<'a> KnownRoots<'a> {
    /// The current root and the earlier ones from the CA's file. That file is not trusted: only roots made by
    /// devca are used, so that no other certificate is mistaken for one of devca's.
    pub fn of(folder: &CaFolder, present: &'a CaCertificate) -> Self {
        let known = pem::certificates(&folder.earlier()).into_iter();
        let earlier =
            known.filter(|der| *der != present.der && local_ca(der).is_some_and(|local| local.is_devca));
        let earlier = earlier.filter_map(|der| CaCertificate::parse(der).ok());
        Self { present, earlier: earlier.collect(), rendered: RefCell::default() }
    }

    /// Whether the content is exactly an earlier root in this format.
    pub fn is_earlier(&self, format: RootFormat, content: &[u8]) -> bool {
        self.rendered(format).contains(content)
    }

    fn rendered(&self, format: RootFormat) -> Rc<HashSet<Vec<u8>>> {
        let render = |root: &CaCertificate| Some(format.render(root).ok()?.1);
        let mut rendered = self.rendered.borrow_mut();
        rendered
            .entry(format)
            .or_insert_with(|| Rc::new(self.earlier.iter().filter_map(render).collect()))
            .clone()
    }

    /// The exports that still contain an earlier root.
    pub fn outdated(&self, folder: &CaFolder) -> Vec<ExportLine> {
        load(folder).into_iter().filter(|export| self.is_outdated(export)).collect()
    }

    /// The exports that contain any root of this CA.
    pub fn present(&self, folder: &CaFolder) -> Vec<ExportLine> {
        let is_present = |export: &ExportLine| match export.what {
            ExportedKind::Root(format) => {
                files::read(&export.path).is_ok_and(|content| is_root(format, self.present, &content))
            }
            ExportedKind::Intermediate(system) => {
                system.read(&export.path).is_some_and(|(_, root)| self.is_one(&root))
            }
        };
        load(folder).into_iter().filter(|export| is_present(export) || self.is_outdated(export)).collect()
    }

    /// Checks the content, because the line only has the path. An intermediate is current as long as the
    /// current root's key signed it; `permit` keeps that key.
    fn is_outdated(&self, export: &ExportLine) -> bool {
        match export.what {
            ExportedKind::Root(format) => {
                files::read(&export.path).is_ok_and(|content| self.is_earlier(format, &content))
            }
            ExportedKind::Intermediate(system) => {
                let read = system.read(&export.path);
                read.is_some_and(|(_, root)| self.is_one(&root) && !root.has_key_of(self.present))
            }
        }
    }

    fn is_one(&self, root: &CaCertificate) -> bool {
        root.der == self.present.der || self.earlier.iter().any(|earlier| earlier.der == root.der)
    }
}

fn is_root(format: RootFormat, root: &CaCertificate, content: &[u8]) -> bool {
    format.render(root).is_ok_and(|(_, bytes)| bytes == content)
}

/// Replaces an earlier root with the current one, keeping the file's owner, group and mode. Returns `None`
/// for an intermediate, which devca does not overwrite. The caller holds the CA's lock.
pub fn update(export: &ExportLine, roots: &KnownRoots) -> Option<anyhow::Result<()>> {
    let ExportedKind::Root(format) = export.what else { return None };
    let earlier = HashSet::clone(&roots.rendered(format));
    // Check the file that was opened and will be replaced: the path may lead to a different file by now.
    let recognize: Recognize =
        Box::new(move |_: &Path, content| content.is_some_and(|content| earlier.contains(content)));
    let write = || {
        let (_, bytes) = format.render(roots.present)?;
        let file = NewFile { replace: true, ..NewFile::public(export.path.clone(), bytes) };
        Files::default().stage_in_place(vec![file], &recognize)?.commit_over()
    };
    Some(write())
}
