//! Which files that are there already may be replaced: those of this CA for the same names, and no others.

use std::path::Path;

use rcgen::PublicKeyData;

use crate::bundle::{Paths, Replace};
use crate::ca::Root;
use crate::certificate::Leaf;
use crate::error::Fault;
use crate::files;
use crate::home::CaFolder;
use crate::inventory;
use crate::issuer::Request;
use crate::key;
use crate::pem;

/// Looks at both paths before anything is written. With no root yet, no file can be of this CA.
pub fn check(
    paths: &Paths,
    folder: &CaFolder,
    root: Option<&Root>,
    request: &Request,
    force: bool,
) -> anyhow::Result<Replace> {
    let there = Replace { certificate: is_there(&paths.certificate)?, key: is_there(&paths.key)? };
    if force || !(there.certificate || there.key) {
        return Ok(there);
    }
    let leaf = if there.certificate { Some(of_this_ca(&paths.certificate, root, request)?) } else { None };
    if there.key && !key_is_ours(paths, folder, leaf.as_ref(), request) {
        return Err(files::in_the_way(&paths.key, "it is not a key of this CA for these names").into());
    }
    Ok(there)
}

fn is_there(path: &Path) -> anyhow::Result<bool> {
    match path.symlink_metadata() {
        Ok(found) if found.is_file() => Ok(true),
        // Not even --force: a link would be followed to somebody's file, a device replaced by a key.
        Ok(_) => Err(Fault::new(
            format!("{} is there already, and is no regular file", path.display()),
            "choose another place with --out, --cert-file or --key-file",
        )
        .into()),
        Err(_) => Ok(false),
    }
}

fn of_this_ca(path: &Path, root: Option<&Root>, request: &Request) -> anyhow::Result<Leaf> {
    let leaf = pem::first_certificate(path).ok().and_then(|der| Leaf::parse(&der));
    match leaf {
        Some(leaf)
            if root.is_some_and(|root| leaf.is_of(root))
                && leaf.kind == Some(request.kind)
                && same_names(&leaf.names, request) =>
        {
            Ok(leaf)
        }
        _ => Err(files::in_the_way(path, "it is not a certificate of this CA for these names").into()),
    }
}

fn same_names(found: &[String], request: &Request) -> bool {
    let sorted = |mut names: Vec<String>| {
        names.sort_unstable();
        names
    };
    sorted(found.to_vec()) == sorted(wanted(request))
}

fn wanted(request: &Request) -> Vec<String> {
    request.names.iter().map(ToString::to_string).collect()
}

/// It is the key of the certificate beside it or, where that is gone, one that the inventory knows for these names.
fn key_is_ours(paths: &Paths, folder: &CaFolder, leaf: Option<&Leaf>, request: &Request) -> bool {
    let Ok(found) = pem::first_key(&paths.key) else { return false };
    let public_key = found.subject_public_key_info();
    leaf.is_some_and(|leaf| leaf.public_key == public_key)
        || inventory::knows_key(&folder.inventory(), &key::hex(&key::sha256(&public_key)), &wanted(request))
}
