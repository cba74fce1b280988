//! Reading a leaf: what it is for, and who signed it.

use std::net::IpAddr;

use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::ca::Root;
use crate::profile::{self, Kind};

/// What devca wants to know of a leaf that it finds.
#[derive(Debug)]
pub struct Leaf {
    /// Its subject alternative names, as devca writes them.
    pub names: Vec<String>,
    /// From its extended key usages; `None` where it is for neither servers nor clients.
    pub kind: Option<Kind>,
    /// The public key with its algorithm (SPKI), in DER.
    pub public_key: Vec<u8>,
    issuer: Vec<u8>,
    authority_key_id: Option<Vec<u8>>,
}

impl Leaf {
    /// `None` where the bytes are no certificate.
    pub fn parse(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let names = match certificate.subject_alternative_name().ok()? {
            Some(extension) => extension.value.general_names.iter().filter_map(name).collect(),
            None => Vec::new(),
        };
        let usages = certificate.extended_key_usage().ok()?.map(|extension| extension.value);
        let kind = match usages.map(|usage| (usage.server_auth, usage.client_auth)) {
            Some((true, false)) => Some(Kind::Server),
            Some((false, true)) => Some(Kind::Client),
            Some((true, true)) => Some(Kind::Both),
            _ => None,
        };
        let authority_key_id = certificate.iter_extensions().find_map(|e| match e.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref().map(|id| id.0.to_vec()),
            _ => None,
        });
        Some(Self {
            names,
            kind,
            public_key: certificate.public_key().raw.to_vec(),
            issuer: certificate.issuer().as_raw().to_vec(),
            authority_key_id,
        })
    }

    /// Whether this root, by name and key identifier, signed it. (Not a proof: it guards files, not connections.)
    pub fn is_of(&self, root: &Root) -> bool {
        self.issuer == root.subject && (root.key_id.is_none() || self.authority_key_id == root.key_id)
    }
}

/// The root of a CA like this one, devca's or mkcert's.
#[derive(Debug)]
pub struct LocalCa {
    /// Its common name.
    pub common_name: String,
    /// Made by devca.
    pub is_devca: bool,
}

/// mkcert's cert.go.
const MKCERT_ORGANIZATION: &str = "mkcert development CA";

/// Known by the organisation in its subject; `None` for every other certificate.
pub fn local_ca(der: &[u8]) -> Option<LocalCa> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let organization = certificate.subject().iter_organization().next()?.as_str().ok()?;
    let is_devca = organization == profile::ROOT_ORGANIZATION;
    if !is_devca && organization != MKCERT_ORGANIZATION {
        return None;
    }
    let common_name = certificate.subject().iter_common_name().next()?.as_str().ok()?.to_owned();
    Some(LocalCa { common_name, is_devca })
}

fn name(general: &GeneralName) -> Option<String> {
    match general {
        GeneralName::DNSName(text) | GeneralName::RFC822Name(text) | GeneralName::URI(text) => {
            Some((*text).to_owned())
        }
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|v4| IpAddr::from(v4).to_string()),
            _ => <[u8; 16]>::try_from(*bytes).ok().map(|v6| IpAddr::from(v6).to_string()),
        },
        _ => None,
    }
}
