//! The roots that the environment trusted before devca: reads the files named by its variables, with care.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use devca_platform::runtime::{Effect, VARIABLES};
use devca_platform::{bundle, keystore};

use super::{bundles, configured};
use crate::command::Context;
use crate::command::env::java;
use crate::disk::home::CaFolder;
use crate::format::trust_store;

/// The maximum size of a list of roots; Mozilla's has a quarter of a megabyte.
const SIZE_LIMIT: u64 = 8 << 20;
/// A folder with more files than this is not a folder of roots.
const FILES_LIMIT: usize = 4096;

/// The files that the environment names, and their contents.
#[derive(Default)]
pub(crate) struct Sources {
    /// The absolute paths of the files that could be read, in the order of the variables.
    pub(crate) files: Vec<PathBuf>,
    /// The certificates in DER, possibly with duplicates.
    pub(crate) certificates: Vec<Vec<u8>>,
    /// The password of the trust store that `JAVA_TOOL_OPTIONS` named, if it was given.
    pub(crate) password: Option<String>,
    /// The JDK's own key store, if it has roots that are not among the others.
    pub(crate) cacerts: Option<PathBuf>,
    /// The certificates in it, which only Java has trusted.
    pub(crate) of_cacerts: Vec<Vec<u8>>,
    /// Whether one of the files is a key store, which Java reads instead of the JDK's own.
    has_key_store: bool,
}

impl Sources {
    /// Reads the files that the variables name. Reports everything that is skipped, because a program may
    /// need it.
    pub(crate) fn of_environment(context: &Context, system: &[Vec<u8>]) -> Self {
        let mut found = Self { password: java_password(&context.folder), ..Self::default() };
        for (name, path) in named(&context.folder) {
            found.read(context, name, path, |_| true);
        }
        // Many of these settings name the system's own roots, which are in every bundle.
        for (name, path) in configured::files(context) {
            found.read(context, name, path, |certificates| {
                certificates.iter().any(|der| !system.contains(der))
            });
        }
        if !found.has_key_store {
            found.read_cacerts(context, system);
        }
        found
    }

    /// Reads the JDK's own key store, into which someone may have imported a company's root.
    fn read_cacerts(&mut self, context: &Context, system: &[Vec<u8>]) {
        let Some(path) = devca_platform::own_cacerts(&context.host()) else { return };
        match certificates(&path, None) {
            Ok(SourceRoots { mut certificates, .. }) => {
                let known = bundles::roots(&context.folder);
                certificates.retain(|der| !known.contains(der));
                if certificates.iter().any(|der| !system.contains(der) && !self.certificates.contains(der)) {
                    (self.cacerts, self.of_cacerts) = (Some(path), certificates);
                }
            }
            Err(why) => context.report.note(format!("skipped {}, which Java reads: {why}", path.display())),
        }
    }

    fn read(&mut self, context: &Context, name: &str, path: PathBuf, is_needed: impl Fn(&[Vec<u8>]) -> bool) {
        if self.files.contains(&path) {
            return;
        }
        match certificates(&path, self.password.as_deref()) {
            Ok(SourceRoots { certificates, damaged, is_key_store }) if is_needed(&certificates) => {
                if damaged > 0 {
                    let noun = if damaged == 1 { "certificate" } else { "certificates" };
                    let path = path.display();
                    context.report.note(format!("{path}, which {name} names, has {damaged} damaged {noun}"));
                }
                self.files.push(path);
                self.certificates.extend(certificates);
                self.has_key_store |= is_key_store;
            }
            Ok(_) => {}
            Err(why) => {
                context.report.note(format!("skipped {}, which {name} names: {why}", path.display()));
            }
        }
    }
}

/// The paths with the variables that name them. If a variable names a bundle that devca made, it stands for
/// the sources of that bundle.
fn named(folder: &CaFolder) -> Vec<(&'static str, PathBuf)> {
    let mut found = Vec::new();
    for variable in VARIABLES {
        let Some(value) = std::env::var_os(variable.name).filter(|value| !value.is_empty()) else { continue };
        let Some(path) = path_in(variable.effect, value).and_then(|path| std::path::absolute(path).ok())
        else {
            continue;
        };
        if path == folder.root() {
            continue;
        }
        match bundles::sources_of(folder, &path) {
            Some(sources) => found.extend(sources.into_iter().map(|source| (variable.name, source))),
            None => found.push((variable.name, path)),
        }
    }
    // curl ignores the folder once `CURL_CA_BUNDLE` is set, as `run` does. The system's own folder is part of
    // the bundle anyway.
    if let Some(folders) = std::env::var_os("SSL_CERT_DIR") {
        let is_systems = |path: &Path| SYSTEM_FOLDERS.iter().any(|known| path == Path::new(known));
        let folders = std::env::split_paths(&folders).filter_map(|path| std::path::absolute(path).ok());
        found.extend(folders.filter(|path| !is_systems(path)).map(|path| ("SSL_CERT_DIR", path)));
    }
    found
}

/// The password of the trust store that `JAVA_TOOL_OPTIONS` names, or of the one that was merged into devca's.
fn java_password(folder: &CaFolder) -> Option<String> {
    let options = std::env::var("JAVA_TOOL_OPTIONS").ok()?;
    let path = std::path::absolute(java::trust_store(&options)?).ok()?;
    let password = java::password(&options, bundles::sources_of(folder, &path).is_some());
    password.filter(|password| password != trust_store::PASSWORD)
}

/// The system folders with hash links to the system's roots.
const SYSTEM_FOLDERS: [&str; 3] = ["/etc/ssl/certs", "/etc/pki/tls/certs", "/usr/lib/ssl/certs"];

/// The file of roots that a variable's value names.
fn path_in(effect: Effect, value: OsString) -> Option<PathBuf> {
    match effect {
        Effect::Adds | Effect::Replaces => Some(value.into()),
        Effect::JvmOptions => java::trust_store(value.to_str()?).map(Into::into),
        Effect::ReadsSystem(_) | Effect::PhpFolders => None,
    }
}

/// Reads the roots from a PEM file, a Java trust store, or the files in a folder (which `REQUESTS_CA_BUNDLE`
/// may name).
fn certificates(path: &Path, password: Option<&str>) -> Result<SourceRoots, String> {
    // The path is written to a line of the bundle.
    if path.to_str().is_none_or(|path| path.chars().any(char::is_control)) {
        return Err("its path is not valid Unicode".into());
    }
    let found = if path.is_dir() { of_folder(path)? } else { of_file(path, password)? };
    match (found.certificates.is_empty(), found.damaged) {
        (false, _) => Ok(found),
        (true, 0) => Err("it contains no certificate".into()),
        (true, _) => Err("it is damaged".into()),
    }
}

/// The roots in a source.
struct SourceRoots {
    certificates: Vec<Vec<u8>>,
    /// How many certificates in PEM cannot be read.
    damaged: usize,
    is_key_store: bool,
}

fn of_folder(folder: &Path) -> Result<SourceRoots, String> {
    let entries = fs::read_dir(folder).map_err(|e| reason(&e))?.take(FILES_LIMIT);
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let files = paths.iter().filter(|path| path.is_file() && is_hash_link(path));
    let certificates = files.filter_map(|path| of_file(path, None).ok()).flat_map(|file| file.certificates);
    Ok(SourceRoots { certificates: certificates.collect(), damaged: 0, is_key_store: false })
}

/// Whether OpenSSL would find it in its folder: `5ed36f99.0`, the hash of the subject (openssl-rehash(1)).
fn is_hash_link(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.split_once('.'));
    name.is_some_and(|(hash, number)| {
        hash.len() == 8
            && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn of_file(path: &Path, password: Option<&str>) -> Result<SourceRoots, String> {
    let content = read(path).map_err(|e| reason(&e))?;
    let certificates = bundle::certificates(&content);
    let begun = String::from_utf8_lossy(&content).matches("-----BEGIN CERTIFICATE-----").count();
    if content.is_empty() || begun > 0 || !certificates.is_empty() {
        let damaged = begun.saturating_sub(certificates.len());
        return Ok(SourceRoots { certificates, damaged, is_key_store: false });
    }
    if ![JKS, PKCS12].iter().any(|beginning| content.starts_with(beginning)) {
        return Err("it is neither PEM nor PKCS#12 nor JKS".into());
    }
    let passwords: &[&str] = match &password {
        Some(password) => &[password],
        None => &[trust_store::PASSWORD, ""],
    };
    let opened = passwords.iter().find_map(|password| keystore::trusted_with(&content, password).ok());
    let entries = opened.ok_or_else(|| match password {
        Some(_) => "it cannot be opened with the password in JAVA_TOOL_OPTIONS".to_owned(),
        None => "it cannot be opened with the password \"changeit\" or without one".to_owned(),
    })?;
    Ok(SourceRoots {
        certificates: entries.into_iter().map(|entry| entry.der).collect(),
        damaged: 0,
        is_key_store: true,
    })
}

/// How the files of Java's key stores begin.
const JKS: &[u8] = &[0xfe, 0xed, 0xfe, 0xed];
const PKCS12: &[u8] = &[0x30];

/// Reads a regular file that only root and the user can write to; anyone else could have added a root.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    // Opening a FIFO would block until someone writes to it.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let file = File::open(path)?;
    refuse_writable_by_others(&file)?;
    let mut content = Vec::new();
    file.take(SIZE_LIMIT + 1).read_to_end(&mut content)?;
    if content.len() as u64 > SIZE_LIMIT {
        return Err(io::Error::other("it is larger than 8 MiB"));
    }
    Ok(content)
}

#[cfg(unix)]
fn refuse_writable_by_others(file: &File) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;

    use devca_platform::ownership;

    let found = file.metadata()?;
    let user = nix::unistd::geteuid().as_raw();
    if !found.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if ![0, user].contains(&found.uid()) {
        return Err(io::Error::other("it belongs to another user"));
    }
    let by_group = found.mode() & 0o020 != 0 && !ownership::is_private_group(found.gid(), found.uid());
    if found.mode() & 0o002 != 0 || by_group {
        return Err(io::Error::other("other users can write to it (chmod go-w fixes that)"));
    }
    Ok(())
}

/// On Windows, the permissions of the folder keep other users out.
#[cfg(not(unix))]
fn refuse_writable_by_others(_: &File) -> io::Result<()> {
    Ok(())
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it does not exist".into(),
        io::ErrorKind::PermissionDenied => "you may not read it".into(),
        _ => error.to_string(),
    }
}
