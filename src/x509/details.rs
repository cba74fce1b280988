//! The contents of a certificate or CSR, for display and as JSON.

use std::io::{self, Write};

use serde::Serialize;
use time::OffsetDateTime;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::report::{self, printable};
use crate::x509::algorithm::{KeyKind, SignatureKind};
use crate::x509::canonical::readable;
use crate::x509::constraints::Constraints;
use crate::x509::key;
use crate::x509::parsed::{Parsed, general_name};
use crate::x509::rsa::Exponent;
use crate::x509::subtree::Subtree;
use crate::x509::usage::Usage;
use crate::x509::validity::{DaysLeft, Validity};

/// The contents of a certificate.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CertificateDetails {
    /// The subject, such as `CN=localhost, O=…`.
    pub subject: String,
    /// The subject's common name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_name: Option<String>,
    /// The issuer.
    pub issuer: String,
    /// The subject alternative names.
    pub names: Vec<String>,
    /// The extended key usages, such as `server` and `client`.
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    pub usages: Vec<Usage>,
    /// Whether it is a CA.
    pub is_ca: bool,
    /// The maximum number of CAs below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_length: Option<u32>,
    /// Its name constraints, if it has any.
    #[serde(skip_serializing_if = "Constraints::is_unconstrained")]
    pub constraints: Constraints,
    /// The type of key.
    #[cfg_attr(test, schemars(with = "String"))]
    pub key: KeyKind,
    /// The exponent of an RSA key, if it is unusual.
    #[serde(skip)]
    pub exponent: Option<Exponent>,
    /// The signature algorithm.
    #[cfg_attr(test, schemars(with = "String"))]
    pub signature: SignatureKind,
    /// The serial number, in hexadecimal.
    pub serial: String,
    /// The first second of validity.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, schemars(with = "String", extend("format" = "date-time")))]
    pub not_before: OffsetDateTime,
    /// The last second of validity.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, schemars(with = "String", extend("format" = "date-time")))]
    pub not_after: OffsetDateTime,
    /// SHA-256 of the certificate, in hexadecimal.
    pub sha256: String,
    /// The URLs of its issuer's certificate (AIA).
    pub issuer_urls: Vec<String>,
}

/// The contents of a certificate signing request.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CsrDetails {
    /// The subject.
    pub subject: String,
    /// The requested names.
    pub names: Vec<String>,
    /// The type of key.
    #[cfg_attr(test, schemars(with = "String"))]
    pub key: KeyKind,
    /// The exponent of an RSA key, if it is unusual.
    #[serde(skip)]
    pub exponent: Option<Exponent>,
    /// Whether its signature is valid.
    pub signature_is_good: bool,
}

impl CertificateDetails {
    /// Returns `None` if the bytes are not a certificate.
    pub fn read(der: &[u8]) -> Option<Self> {
        Parsed::read(der).map(|parsed| Self::of(&parsed, der))
    }

    /// Collects the contents of a certificate; `der` is its encoding.
    pub fn of(parsed: &Parsed, der: &[u8]) -> Self {
        let (is_ca, path_length) = parsed.basic_constraints().unwrap_or_default();
        let limits = parsed.raw.name_constraints().ok().flatten().map(|extension| extension.value);
        let Validity { not_before, not_after } = parsed.validity();
        Self {
            subject: printable(&readable(parsed.raw.subject())),
            common_name: parsed.common_name().map(printable),
            issuer: printable(&readable(parsed.raw.issuer())),
            names: parsed.names().iter().map(|name| printable(name)).collect(),
            usages: parsed.usages(),
            is_ca,
            path_length,
            constraints: Constraints::from_extension(limits),
            key: parsed.key_kind(),
            exponent: Exponent::of(parsed.raw.public_key()),
            signature: parsed.signature_kind(),
            serial: parsed.serial(),
            not_before,
            not_after,
            sha256: hex::encode(key::sha256(der)),
            issuer_urls: issuer_urls(&parsed.raw),
        }
    }

    /// Prints aligned lines.
    pub fn write(&self, page: &mut dyn Write, now: OffsetDateTime) -> io::Result<()> {
        let mut rows = vec![("subject", self.subject.clone()), ("issuer", self.issuer.clone())];
        if !self.names.is_empty() {
            rows.push(("names", shortened(&self.names)));
        }
        let kind = match (self.is_ca, self.usages.is_empty()) {
            (true, _) => match self.path_length {
                Some(0) => "a CA that signs leaves only".to_owned(),
                _ => "a CA".to_owned(),
            },
            (false, true) => "anything: it names no extended key usage".to_owned(),
            (false, false) => Usage::list(&self.usages),
        };
        rows.push(("for", kind));
        for (word, list) in
            [("permits", &self.constraints.permitted), ("excludes", &self.constraints.excluded)]
        {
            if !list.is_empty() {
                let list: Vec<String> = list.iter().map(Subtree::to_string).collect();
                rows.push((word, list.join(", ")));
            }
        }
        let left = DaysLeft::until(self.not_after, now);
        rows.push(("valid", format!("{} to {}, {left:#}", self.not_before.date(), self.not_after.date())));
        rows.push(("key", described(&self.key, self.exponent)));
        rows.push(("signed", self.signature.to_string()));
        rows.push(("serial", self.serial.clone()));
        rows.push(("sha256", self.sha256.clone()));
        report::rows(page, &rows)
    }
}

fn described(key: &KeyKind, exponent: Option<Exponent>) -> String {
    match exponent {
        None => key.to_string(),
        Some(Exponent::Small(exponent)) => format!("{key}, public exponent {exponent}"),
        Some(Exponent::Unusable) => format!("{key}, unusable public exponent"),
    }
}

impl CsrDetails {
    /// Returns `None` if the bytes are not a CSR.
    pub fn read(der: &[u8]) -> Option<Self> {
        let (_, csr) = X509CertificationRequest::from_der(der).ok()?;
        let info = &csr.certification_request_info;
        let names = csr.requested_extensions().into_iter().flatten().flat_map(|extension| match extension {
            ParsedExtension::SubjectAlternativeName(san) => {
                san.general_names.iter().filter_map(general_name).collect()
            }
            _ => Vec::new(),
        });
        Some(Self {
            subject: printable(&readable(&info.subject)),
            names: names.map(|name| printable(&name)).collect(),
            key: KeyKind::of(&info.subject_pki),
            exponent: Exponent::of(&info.subject_pki),
            signature_is_good: csr.verify_signature().is_ok(),
        })
    }

    /// Prints aligned lines.
    pub fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        let good = if self.signature_is_good { "good" } else { "not good" };
        let rows = [
            ("request", self.subject.clone()),
            ("names", shortened(&self.names)),
            ("key", described(&self.key, self.exponent)),
            ("signature", report::verdict(self.signature_is_good, good)),
        ];
        report::rows(page, &rows)
    }
}

fn shortened(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    let more = format!("and {} more", names.len().saturating_sub(SHOWN));
    if names.len() > SHOWN {
        shown.push(&more);
    }
    shown.join(", ")
}

/// Reads the id-ad-caIssuers entries (RFC 5280 §4.2.2.1).
fn issuer_urls(certificate: &X509Certificate) -> Vec<String> {
    let described = certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityInfoAccess(access) => Some(&access.accessdescs),
        _ => None,
    });
    let described = described.into_iter().flatten();
    let issuers = described.filter(|access| access.access_method.to_id_string() == "1.3.6.1.5.5.7.48.2");
    let urls = issuers.filter_map(|access| general_name(&access.access_location));
    urls.map(|url| printable(&url)).collect()
}
