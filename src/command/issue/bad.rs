//! `devca issue --bad`: writes certificates with faults. The program with the servers runs this, because it can make them for
//! `devca serve --bad`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::ca::faulty::{BadCertificate, BadKind, Forger};
use crate::cli;
use crate::command::{Context, serve};
use crate::disk::files::{self, NewFile, Secrecy};
use crate::error::Fault;
use crate::issued::overwrite;
use crate::report::{self, Outcome};
use crate::x509::name::Name;
use crate::x509::pem;

/// The files that were written.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::command) struct BadCertificates {
    bad: Vec<BadFiles>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct BadFiles {
    fault: &'static str,
    description: &'static str,
    /// The names to connect to. The certificate may have others: that can be the fault.
    hosts: Vec<String>,
    /// What the server sends: the certificate and the intermediates.
    certificate: PathBuf,
    key: PathBuf,
    /// The root, if it is not that of the CA.
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<PathBuf>,
    /// The revocation lists of all CAs in the chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    crl: Option<PathBuf>,
}

/// Issues a certificate for each fault. They are not recorded in the inventory: nothing should renew them.
pub(in crate::command) fn run(context: &Context, args: &cli::Issue) -> anyhow::Result<BadCertificates> {
    let kinds = kinds(&args.bad)?;
    let names = names(&args.names)?;
    let folder = files::listable(args.out.as_deref().unwrap_or(Path::new(".")))?;
    overwrite::refuse_ca_folder(&folder, &context.folder)?;
    let authority = serve::authority(context)?;
    let forger = Forger::new(&authority, &format!("issue --bad {}", kinds[0].name()), context.now)?;
    let (mut bad, mut files) = (Vec::new(), Vec::new());
    for kind in kinds {
        let hosts = if names.is_empty() { vec![Name::Dns(kind.host())] } else { names.clone() };
        let made = forger.make(kind, &hosts)?;
        let lists = if kind == BadKind::Revoked { Some(forger.revocation_lists(&made)?) } else { None };
        let own = BadFiles::new(kind, &hosts, &folder, &made, lists.is_some());
        files.extend(own.contents(&made, lists));
        bad.push(own);
    }
    for file in &mut files {
        let exists = file.path.symlink_metadata().is_ok();
        if exists && !args.force {
            let what = format!("{} already exists", file.path.display());
            return Err(
                Fault::new(what, "replace it with --force, or choose another folder with --out").into()
            );
        }
        file.replace = exists;
    }
    let person = context.issuing();
    person.create_folder(&folder, Secrecy::Public)?;
    person.stage(files)?.commit()?;
    Ok(BadCertificates { bad })
}

/// The faults without repetitions.
fn kinds(given: &[BadKind]) -> Result<Vec<BadKind>, Fault> {
    let mut kinds: Vec<BadKind> = Vec::new();
    for kind in given {
        if kind.is_of_server() {
            let what = format!("{} is a fault of a server, not of its certificate", kind.name());
            return Err(Fault::usage(what, "serve it: devca serve --bad"));
        }
        if !kinds.contains(kind) {
            kinds.push(*kind);
        }
    }
    Ok(kinds)
}

/// The names that clients connect to, which must stay on this machine.
fn names(words: &[String]) -> Result<Vec<Name>, Fault> {
    let read = |word: &String| {
        let is_local = |name: &Name| match name {
            Name::Dns(host) => host == "localhost" || host.ends_with(".localhost"),
            Name::Ip(address) => address.is_loopback(),
            Name::Email(_) | Name::Uri(_) => false,
        };
        if let Some(name) = Name::parse(word).ok().filter(is_local) {
            return Ok(name);
        }
        let hint = match word.parse::<BadKind>() {
            Ok(_) => "several faults are separated by commas: --bad expired,wrong-host",
            Err(_) => "use localhost, a name below it such as app.localhost, or a loopback address",
        };
        Err(Fault::usage(format!("faulty certificates are not issued for {word:?}"), hint))
    };
    words.iter().map(read).collect()
}

impl BadFiles {
    fn new(kind: BadKind, hosts: &[Name], folder: &Path, made: &BadCertificate, has_lists: bool) -> Self {
        let path = |part: &str| folder.join(format!("{}{part}.pem", kind.name()));
        Self {
            fault: kind.name(),
            description: kind.what(),
            hosts: hosts.iter().map(ToString::to_string).collect(),
            certificate: path(""),
            key: path("-key"),
            root: made.root.is_some().then(|| path("-ca")),
            crl: has_lists.then(|| path("-crl")),
        }
    }

    fn contents(&self, made: &BadCertificate, lists: Option<[Vec<u8>; 2]>) -> Vec<NewFile> {
        let key = NewFile {
            path: self.key.clone(),
            content: pem::private_key(&made.key),
            secrecy: Secrecy::Private,
            replace: false,
        };
        let chain: Vec<u8> = made.chain.iter().flat_map(|der| pem::certificate(der)).collect();
        let root = self.root.clone().zip(made.root.as_deref().map(pem::certificate));
        let lists = lists.map(|lists| lists.iter().flat_map(|der| pem::crl(der)).collect::<Vec<u8>>());
        let others = root.into_iter().chain(self.crl.clone().zip(lists));
        [key, NewFile::public(self.certificate.clone(), chain)]
            .into_iter()
            .chain(others.map(|(path, content)| NewFile::public(path, content)))
            .collect()
    }
}

impl Outcome for BadCertificates {
    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        for (at, bad) in self.bad.iter().enumerate() {
            if at > 0 {
                writeln!(page)?;
            }
            let mut rows =
                vec![("certificate", report::short(&bad.certificate)), ("key", report::short(&bad.key))];
            rows.extend(bad.root.iter().map(|path| ("root", report::short(path))));
            rows.extend(bad.crl.iter().map(|path| ("crl", report::short(path))));
            rows.push(("hosts", bad.hosts.join(", ")));
            rows.push(("fault", bad.description.into()));
            report::rows(page, &rows)?;
        }
        Ok(())
    }
}
