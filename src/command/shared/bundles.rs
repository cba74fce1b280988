//! The files that `devca env` and `devca run` point programs to: `bundle.pem` in the CA's folder, and files
//! derived from it.
//!
//! An environment that already names other roots gets separate files such as `bundle-0123456789abcdef.pem`,
//! whose first lines list those sources. That way, the company roots of one terminal do not leak into the
//! programs of another.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use devca_platform::{bundle, read};

use crate::command::Context;
use crate::command::shared::sources::Sources;
use crate::disk::files::NewFile;
use crate::disk::home::CaFolder;
use crate::format::trust_store;
use crate::x509::certificate::CaCertificate;
use crate::x509::key;
use crate::x509::pem;

/// The prefix of a line that names a source. PEM parsers ignore text outside the blocks.
const SOURCE: &str = "# includes the roots of ";

/// The files for one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bundle {
    folder: PathBuf,
    suffix: String,
}

impl Bundle {
    /// The bundle for these sources.
    pub(crate) fn of(folder: &CaFolder, sources: &Sources) -> Self {
        let all = sources.files.iter().chain(&sources.cacerts);
        let named: Vec<u8> = all.flat_map(|path| source_line(path).into_bytes()).collect();
        let suffix = match named.as_slice() {
            [] => String::new(),
            _ => format!("-{}", hex::encode(&key::sha256(&named)[..8])),
        };
        Self { folder: folder.path.clone(), suffix }
    }

    /// All existing bundles.
    pub(crate) fn all(folder: &CaFolder) -> Vec<Self> {
        let entries = folder.path.read_dir().into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let bundle = |name: String| {
            let suffix = name.strip_prefix("bundle")?.strip_suffix(".pem")?;
            let hash = suffix.strip_prefix('-');
            let is_hash = |hash: &str| hash.len() == 16 && hash.chars().all(|c| c.is_ascii_hexdigit());
            (suffix.is_empty() || hash.is_some_and(is_hash))
                .then(|| Self { folder: folder.path.clone(), suffix: suffix.to_owned() })
        };
        let mut all: Vec<Self> = names.filter_map(bundle).collect();
        all.sort_by(|a, b| a.suffix.cmp(&b.suffix));
        all
    }

    /// The PEM file with the system's roots, those of the sources, and devca's.
    pub(crate) fn pem(&self) -> PathBuf {
        self.folder.join(format!("bundle{}.pem", self.suffix))
    }

    /// The same roots as a Java trust store, and those of the JDK's own.
    pub(crate) fn trust_store(&self) -> PathBuf {
        self.folder.join(format!("bundle{}.p12", self.suffix))
    }

    /// The file without the system's roots, for variables that add to a program's own roots. If there are no
    /// sources, this is the root's file.
    pub(crate) fn extra(&self) -> PathBuf {
        let name =
            if self.suffix.is_empty() { "root.pem".into() } else { format!("extra{}.pem", self.suffix) };
        self.folder.join(name)
    }

    /// All of its files, whether they exist or not.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        let extra = (!self.suffix.is_empty()).then(|| self.extra());
        [self.trust_store(), self.pem()].into_iter().chain(extra).collect()
    }

    /// Renders its files. The PEM bundle comes last, so that if it is up to date, the others are too.
    pub(crate) fn render(&self, content: &Content) -> anyhow::Result<Vec<NewFile>> {
        let mut files = vec![replacing(self.trust_store(), trust_store::write(&content.java)?)];
        if !self.suffix.is_empty() {
            files.push(replacing(self.extra(), text(&content.sources, &content.extra)));
        }
        files.push(replacing(self.pem(), text(&content.sources, &content.all)));
        Ok(files)
    }

    /// Whether its files already have this content.
    pub(crate) fn holds(&self, content: &Content) -> bool {
        let is = |path: PathBuf, text: Vec<u8>| read::bytes(&path).is_ok_and(|found| found == text);
        is(self.pem(), text(&content.sources, &content.all))
            && self.holds_java(content)
            && (self.suffix.is_empty() || is(self.extra(), text(&content.sources, &content.extra)))
    }

    /// Whether the trust store is up to date. It is written before the PEM bundle, and needs to be read only if it has
    /// more roots than that.
    fn holds_java(&self, content: &Content) -> bool {
        let set = |list: Vec<Vec<u8>>| list.into_iter().collect::<HashSet<_>>();
        let store = self.trust_store();
        if content.java == content.all {
            store.is_file()
        } else {
            set(java_roots(&store)) == set(content.java.clone())
        }
    }

    /// Reads the content of its files.
    fn read(&self) -> Content {
        let all = read::bytes(&self.pem()).unwrap_or_default();
        let extra =
            if self.suffix.is_empty() { Vec::new() } else { read::bytes(&self.extra()).unwrap_or_default() };
        let (sources, all) = (sources_in(&all), bundle::certificates(&all));
        let java = unique(all.iter().cloned().chain(java_roots(&self.trust_store())));
        Content { sources, all, extra: bundle::certificates(&extra), java }
    }
}

/// The roots in the files of a bundle.
pub(crate) struct Content {
    sources: Vec<PathBuf>,
    all: Vec<Vec<u8>>,
    extra: Vec<Vec<u8>>,
    java: Vec<Vec<u8>>,
}

impl Content {
    /// The roots for an environment with these sources, without duplicates.
    pub(crate) fn new(system: &[Vec<u8>], sources: &Sources, root: &[u8]) -> Self {
        let extra = unique(sources.certificates.iter().cloned().chain([root.to_vec()]));
        let all = unique(system.iter().chain(&extra).cloned());
        let mut java = all.clone();
        if sources.cacerts.is_some() {
            java = unique(all.iter().chain(&sources.of_cacerts).cloned());
            java.retain(|der| trust_store::can_hold(der));
        }
        Self { sources: sources.files.clone(), all, extra, java }
    }

    /// Replaces all of devca's roots with this one.
    fn with_root(&mut self, devcas: &[Vec<u8>], root: Option<&[u8]>) {
        for list in [&mut self.all, &mut self.extra, &mut self.java] {
            list.retain(|der| !devcas.contains(der));
            list.extend(root.map(<[u8]>::to_vec));
        }
    }
}

/// The sources that were merged into a file, if it is a bundle of this CA.
pub(crate) fn sources_of(folder: &CaFolder, path: &Path) -> Option<Vec<PathBuf>> {
    let bundle =
        Bundle::all(folder).into_iter().find(|bundle| bundle.paths().iter().any(|own| own == path))?;
    Some(bundle.read().sources)
}

/// Renders all bundles with `root`, if given, in place of the CA's previous roots.
pub(crate) fn rewritten(context: &Context, root: Option<&[u8]>) -> anyhow::Result<Vec<NewFile>> {
    let devcas = roots(&context.folder);
    let mut files = Vec::new();
    for bundle in Bundle::all(&context.folder) {
        let mut lists = bundle.read();
        lists.with_root(&devcas, root);
        files.extend(bundle.render(&lists)?);
    }
    Ok(files)
}

/// Updates all bundles. The caller holds the lock.
pub(crate) fn refresh(context: &Context, root: Option<&[u8]>) -> anyhow::Result<()> {
    let files = rewritten(context, root)?;
    if files.is_empty() { Ok(()) } else { context.person.files().exchange(&context.folder.path, &files, &[]) }
}

/// The files that trust an earlier root of this CA, or do not trust the current one.
pub(crate) fn stale(context: &Context, root: &CaCertificate) -> Vec<PathBuf> {
    let mut earlier = roots(&context.folder);
    earlier.retain(|der| *der != root.der);
    let is_stale =
        |held: &[Vec<u8>]| !held.contains(&root.der) || held.iter().any(|der| earlier.contains(der));
    let mut found = Vec::new();
    for bundle in Bundle::all(&context.folder) {
        let read = bundle.read();
        let held = [
            (bundle.pem(), read.all),
            (bundle.trust_store(), java_roots(&bundle.trust_store())),
            (bundle.extra(), read.extra),
        ];
        let own = held.into_iter().filter(|(path, _)| *path != context.folder.root());
        found.extend(own.filter(|(_, held)| is_stale(held)).map(|(path, _)| path));
    }
    found
}

fn java_roots(path: &Path) -> Vec<Vec<u8>> {
    trust_store::certificates(&read::bytes(path).unwrap_or_default())
}

/// The current and previous roots of this CA.
pub(crate) fn roots(folder: &CaFolder) -> Vec<Vec<u8>> {
    [folder.earlier(), folder.root()].iter().flat_map(|path| pem::certificates(path)).collect()
}

fn source_line(path: &Path) -> String {
    format!("{SOURCE}{}\n", path.display())
}

fn sources_in(text: &[u8]) -> Vec<PathBuf> {
    let lines = String::from_utf8_lossy(text);
    lines.lines().map_while(|line| line.strip_prefix(SOURCE)).map(PathBuf::from).collect()
}

fn text(sources: &[PathBuf], roots: &[Vec<u8>]) -> Vec<u8> {
    let named = sources.iter().map(|path| source_line(path).into_bytes());
    named.chain(roots.iter().map(|der| pem::certificate(der))).flatten().collect()
}

fn unique(roots: impl Iterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
    let mut seen = HashSet::new();
    roots.filter(|der| seen.insert(key::sha256(der))).collect()
}

fn replacing(path: PathBuf, content: Vec<u8>) -> NewFile {
    NewFile { replace: true, ..NewFile::public(path, content) }
}
