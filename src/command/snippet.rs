//! `devca snippet SERVER`: the few lines that a server needs, with the files of a certificate filled in. They come from
//! `docs/servers.md`, which `tests/servers.rs` runs. Those of ACME clients come from `docs/acme-clients.md`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use clap::ValueEnum as _;
use serde::Serialize;

use super::Context;
use crate::check;
use crate::cli;
use crate::cli::ServerKind;
use crate::disk::files;
use crate::error::{Fault, quoted};
use crate::format::{Format, Holds, Output, Written};
use crate::issued::inventory::{Entry, Inventory};
use crate::issued::presence::{self, State};
use crate::report::Outcome;
use crate::x509::details::CertificateDetails;
use crate::x509::kind::Kind;
use crate::x509::pem;

const SERVERS: &str = include_str!("../../docs/servers.md");
const ACME_CLIENTS: &str = include_str!("../../docs/acme-clients.md");

/// The page's names for files. A name that contains another comes first.
const CERTIFICATE: &str = "localhost+1.pem";
const KEY: &str = "localhost+1-key.pem";
const COMBINED: &str = "localhost+1-combined.pem";
const KEY_STORE: &str = "localhost+1-keystore.p12";
const CLIENTS: &str = "clients.pem";
/// The CA of that root.
const CLIENT_CA: &str = "clients";
/// What ACME clients need to know.
const DIRECTORY: &str = "https://localhost:14000/directory";
const ROOT: &str = "root.pem";
const ROOT_IN_BASE64: &str = "ROOT_IN_BASE64";

/// The lines for a server.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ServerSnippet {
    /// The files that the lines belong in.
    files: Vec<SnippetFile>,
}

/// The lines that go into one file.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct SnippetFile {
    /// What the server calls it.
    name: &'static str,
    content: String,
}

/// A block of the page.
struct Block {
    /// The language, and the name of the file.
    info: &'static str,
    text: &'static str,
}

impl Block {
    fn file(&self, content: String) -> SnippetFile {
        SnippetFile { name: self.info.split_once(' ').map_or(self.info, |(_, name)| name), content }
    }
}

/// The values for the page's names.
struct Replacement {
    name: &'static str,
    path: PathBuf,
}

pub(super) fn run(context: &Context, args: &cli::Snippet) -> anyhow::Result<ServerSnippet> {
    let client = args.server.acme_client();
    match (client, &args.directory) {
        (Some(client), Some(_)) => return acme_client(context, client, args.directory.as_deref()),
        (Some(client), None) if client == args.server => return acme_client(context, client, None),
        (None, Some(_)) => {
            let what =
                format!("{} does not get certificates from an ACME server by itself", args.server.title());
            return Err(Fault::usage(what, "use certbot, for example: devca snippet certbot").into());
        }
        _ => {}
    }
    let mut blocks = blocks(SERVERS, args.server);
    // Commands are for trying the server.
    blocks.retain(|block| !block.info.starts_with("sh "));
    let (host, mut replacements) = match &args.cert {
        Some(certificate) => given(certificate, args.key.as_deref(), &blocks)?,
        None => issued(context, &blocks)?,
    };
    let clients = context.folder.siblings().into_iter().find(|folder| folder.name.to_string() == CLIENT_CA);
    let path = clients.map(|folder| folder.root()).filter(|path| path.exists());
    replacements.extend(path.map(|path| Replacement { name: CLIENTS, path }));
    // All three servers with such a client write comments like this.
    let other = client.and_then(|client| Some(client.to_possible_value()?.get_name().to_owned()));
    let other = other.map(|other| context.folder.hint(&format!("devca snippet {other}")));
    let note = other.map(|other| format!("# To get certificates from devca acme instead: {other}\n"));
    let note = note.unwrap_or_default();
    let file = |block: &Block| block.file(format!("{note}{}", fill(block, &host, &replacements)));
    Ok(ServerSnippet { files: blocks.iter().map(file).collect() })
}

/// The lines for a client of `devca acme`.
fn acme_client(
    context: &Context,
    client: ServerKind,
    directory: Option<&str>,
) -> anyhow::Result<ServerSnippet> {
    let root = context.root()?;
    let directory = directory.unwrap_or(DIRECTORY);
    let encoded = base64::engine::general_purpose::STANDARD.encode(pem::certificate(&root.der));
    let file = |block: &Block| {
        let text = block.text.replace(DIRECTORY, directory).replace(ROOT_IN_BASE64, &encoded);
        block.file(text.replace(ROOT, &in_syntax(block.info, &context.folder.root())))
    };
    let blocks = blocks(ACME_CLIENTS, client);
    Ok(ServerSnippet { files: blocks.iter().map(file).collect() })
}

/// The blocks in the section about this server or client.
fn blocks(page: &'static str, server: ServerKind) -> Vec<Block> {
    let title = format!("\n## {}\n", server.title());
    let section = page.split_once(title.as_str()).map_or("", |(_, rest)| rest);
    let section = section.split("\n## ").next().unwrap_or_default();
    let fenced = section.split("```").skip(1).step_by(2);
    fenced.filter_map(|block| block.split_once('\n')).map(|(info, text)| Block { info, text }).collect()
}

/// The files given on the command line, and the first name in the certificate.
fn given(
    certificate: &Path,
    key: Option<&Path>,
    blocks: &[Block],
) -> anyhow::Result<(String, Vec<Replacement>)> {
    let path = files::absolute(certificate)?;
    if blocks.iter().any(|block| block.text.contains(KEY_STORE)) {
        return Ok(("localhost".into(), vec![Replacement { name: KEY_STORE, path }]));
    }
    let found = pem::contents(&files::read_named(certificate)?);
    let leaf = found.certificates.first().and_then(|der| CertificateDetails::read(der));
    let Some(leaf) = leaf else {
        let what = format!("{} contains no certificate in PEM", certificate.display());
        return Err(Fault::new(what, "use a certificate in PEM").into());
    };
    let host = first_host(&leaf.names);
    if !blocks.iter().any(|block| block.text.contains(COMBINED)) {
        let key = key.map_or_else(|| beside(&path), |key| Ok(files::absolute(key)?))?;
        let files = [Replacement { name: KEY, path: key }, Replacement { name: CERTIFICATE, path }];
        return Ok((host, files.into()));
    }
    if found.keys == 0 {
        let what = format!("{} has no key, and this server reads both from one file", certificate.display());
        let hint = format!("issue one: {} --format pem,combined", check::issue(&leaf));
        return Err(Fault::new(what, hint).into());
    }
    Ok((host, vec![Replacement { name: COMBINED, path }]))
}

/// The key that devca and mkcert write next to a certificate.
fn beside(certificate: &Path) -> anyhow::Result<PathBuf> {
    let stem = certificate.file_stem().unwrap_or_default().to_string_lossy();
    let key = certificate.with_file_name(format!("{stem}-key.pem"));
    if key.is_file() {
        return Ok(key);
    }
    let what = format!("the key of {} is not beside it", certificate.display());
    Err(Fault::usage(what, "name it: --key FILE").into())
}

/// The most recently issued server certificate that has the files these blocks name.
fn issued(context: &Context, blocks: &[Block]) -> anyhow::Result<(String, Vec<Replacement>)> {
    let inventory = Inventory::load(&context.folder.inventory())?;
    let revoked = inventory.revoked();
    let mut entries = inventory.in_use();
    entries.retain(|entry| {
        entry.kind != Kind::Client
            && entry.not_after > context.now
            && !revoked.contains(&entry.serial)
            && presence::quick_state(entry) == State::There
    });
    let is_used = |name: &str| blocks.iter().any(|block| block.text.contains(name));
    for entry in entries.iter().rev() {
        let files = files_of(entry);
        let has = |name: &str| files.iter().any(|file| file.name == name);
        if [CERTIFICATE, KEY, COMBINED, KEY_STORE].into_iter().all(|name| !is_used(name) || has(name)) {
            return Ok((first_host(&entry.names), files));
        }
    }
    let format = match (is_used(COMBINED), is_used(KEY_STORE)) {
        (true, _) => " --format pem,combined",
        (_, true) => " --format java",
        _ => "",
    };
    let names =
        entries.last().map_or_else(|| "localhost 127.0.0.1 ::1".into(), |entry| check::words(&entry.names));
    let hint = format!("issue one: devca issue {names}{format}");
    Err(Fault::new("no server certificate with the files that this server reads was issued", hint).into())
}

/// The files of a certificate, by the page's names for them.
fn files_of(entry: &Entry) -> Vec<Replacement> {
    let name = |file: &Written| match (file.format, Output::holds(file)) {
        (Format::Pem | Format::Fullchain, Some(Holds::Key)) => Some(KEY),
        (Format::Pem | Format::Fullchain, Some(Holds::Certificate)) => Some(CERTIFICATE),
        (Format::Combined, _) => Some(COMBINED),
        (Format::Java, Some(Holds::Opaque)) => Some(KEY_STORE),
        _ => None,
    };
    // With an intermediate, servers need the full chain.
    let mut files: Vec<&Written> = entry.files.iter().collect();
    files.sort_by_key(|file| file.format != Format::Fullchain);
    let replacement = |file: &Written| Some(Replacement { name: name(file)?, path: file.path.clone() });
    files.into_iter().filter_map(replacement).collect()
}

/// The first name that can be part of a URL.
fn first_host(names: &[String]) -> String {
    let is_host =
        |name: &&String| !name.contains(['*', '@', '/']) && name.parse::<std::net::IpAddr>().is_err();
    names.iter().find(is_host).cloned().unwrap_or_else(|| "localhost".into())
}

/// The page's text with its files and name replaced.
fn fill(block: &Block, host: &str, replacements: &[Replacement]) -> String {
    // Replace all at once, so that a path that contains another name is not changed again.
    const MARK: char = '\u{0}';
    let mut filled = block.text.to_owned();
    for (index, replacement) in replacements.iter().enumerate() {
        filled = filled.replace(replacement.name, &format!("{MARK}{index}{MARK}"));
    }
    filled = filled.replace("localhost", host);
    for (index, replacement) in replacements.iter().enumerate() {
        let path = in_syntax(block.info, &replacement.path);
        filled = filled.replace(&format!("{MARK}{index}{MARK}"), &path);
    }
    filled
}

/// A path in the syntax of the file. All of these servers accept `/` on Windows, too, but most treat `\` as special.
fn in_syntax(info: &str, path: &Path) -> String {
    if info.starts_with("sh ") {
        return quoted(path);
    }
    let path = path.display().to_string();
    let path = if cfg!(windows) { path.replace('\\', "/") } else { path };
    let is_bare =
        ["nginx", "apache", "haproxy", "caddyfile", "text"].iter().any(|syntax| info.starts_with(syntax));
    if is_bare && path.contains(char::is_whitespace) { format!("\"{path}\"") } else { path }
}

impl Outcome for ServerSnippet {
    fn is_payload(&self) -> bool {
        true
    }

    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        if let [file] = self.files.as_slice() {
            return page.write_all(file.content.as_bytes());
        }
        for (index, SnippetFile { name, content }) in self.files.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n" };
            write!(page, "{gap}# {name}\n{content}")?;
        }
        Ok(())
    }
}
