//! What stands in a certificate or a request, for a person and as JSON.

use std::io::{self, Write};

use serde::Serialize;
use time::OffsetDateTime;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::report::{self, printable};
use crate::x509::certificate;
use crate::x509::constraints::{Constraints, Subtree};
use crate::x509::key;
use crate::x509::validity::DaysLeft;

/// A certificate, read aloud.
#[derive(Debug, Clone, Serialize)]
pub struct CertificateDetails {
    /// The subject, as in `CN=localhost, O=…`.
    pub subject: String,
    /// The subject's common name.
    pub common_name: Option<String>,
    /// The issuer.
    pub issuer: String,
    /// The subject alternative names.
    pub names: Vec<String>,
    /// The extended key usages, as in `server`, `client`.
    pub usages: Vec<String>,
    /// Whether it may sign others.
    pub is_ca: bool,
    /// How many CAs may follow below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_length: Option<u32>,
    /// What it may sign for, where that is limited.
    #[serde(skip_serializing_if = "Constraints::is_unconstrained")]
    pub constraints: Constraints,
    /// The kind of key, as in `ECDSA P-256`.
    pub key: String,
    /// What the signature is made with.
    pub signature: String,
    /// Serial number, hexadecimal.
    pub serial: String,
    /// First second of validity.
    #[serde(with = "time::serde::rfc3339")]
    pub not_before: OffsetDateTime,
    /// Last second of validity.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// Where its issuer's certificate can be had (AIA).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub issuer_urls: Vec<String>,
}

/// A certificate signing request, read aloud.
#[derive(Debug, Clone, Serialize)]
pub struct CsrDetails {
    /// The subject.
    pub subject: String,
    /// The names it asks for.
    pub names: Vec<String>,
    /// The kind of key.
    pub key: String,
    /// Whether its signature is good.
    pub signature_is_good: bool,
}

impl CertificateDetails {
    /// What is said of a key that clients refuse.
    pub fn weak_key(&self) -> Option<String> {
        match self.rsa_bits() {
            Some(bits) if bits < 2048 => Some(format!("an RSA key of {bits} bits")),
            None if self.key == "DSA" => Some("a DSA key".into()),
            _ => None,
        }
    }

    /// The size of an RSA key.
    pub fn rsa_bits(&self) -> Option<usize> {
        self.key.strip_prefix("RSA ")?.parse().ok()
    }

    /// `None` where the bytes are no certificate.
    pub fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let san = certificate.subject_alternative_name().ok().flatten();
        let basic = certificate.basic_constraints().ok().flatten().map(|extension| extension.value);
        let limits = certificate.name_constraints().ok().flatten().map(|extension| extension.value);
        Some(Self {
            subject: printable(&certificate.subject().to_string()),
            common_name: certificate
                .subject()
                .iter_common_name()
                .next()
                .and_then(|name| name.as_str().ok())
                .map(printable),
            issuer: printable(&certificate.issuer().to_string()),
            names: san
                .map(|san| san.value.general_names.iter().filter_map(certificate::name))
                .into_iter()
                .flatten()
                .map(|name| printable(&name))
                .collect(),
            usages: usages(&certificate),
            is_ca: basic.is_some_and(|basic| basic.ca),
            path_length: basic.and_then(|basic| basic.path_len_constraint),
            constraints: Constraints::from_extension(limits),
            key: key_type(certificate.public_key()),
            signature: signature(&certificate.signature_algorithm.algorithm.to_id_string()),
            serial: key::hex(certificate.raw_serial()),
            not_before: certificate.validity().not_before.to_datetime(),
            not_after: certificate.validity().not_after.to_datetime(),
            sha256: key::hex(&key::sha256(der)),
            issuer_urls: issuer_urls(&certificate),
        })
    }

    /// Aligned lines.
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
            (false, false) => self.usages.join(", "),
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
        rows.push(("key", self.key.clone()));
        rows.push(("signed", self.signature.clone()));
        rows.push(("serial", self.serial.clone()));
        rows.push(("sha256", self.sha256.clone()));
        report::rows(page, &rows)
    }
}

impl CsrDetails {
    /// `None` where the bytes are no request.
    pub fn read(der: &[u8]) -> Option<Self> {
        let (_, csr) = X509CertificationRequest::from_der(der).ok()?;
        let info = &csr.certification_request_info;
        let names = csr.requested_extensions().into_iter().flatten().flat_map(|extension| match extension {
            ParsedExtension::SubjectAlternativeName(san) => {
                san.general_names.iter().filter_map(certificate::name).collect()
            }
            _ => Vec::new(),
        });
        Some(Self {
            subject: printable(&info.subject.to_string()),
            names: names.map(|name| printable(&name)).collect(),
            key: key_type(&info.subject_pki),
            signature_is_good: csr.verify_signature().is_ok(),
        })
    }

    /// Aligned lines.
    pub fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        let good = if self.signature_is_good { "good" } else { "not good" };
        let rows = [
            ("request", self.subject.clone()),
            ("names", shortened(&self.names)),
            ("key", self.key.clone()),
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

fn usages(certificate: &X509Certificate) -> Vec<String> {
    let Ok(Some(extension)) = certificate.extended_key_usage() else { return Vec::new() };
    let usage = extension.value;
    let known = [
        (usage.any, "anything"),
        (usage.server_auth, "server"),
        (usage.client_auth, "client"),
        (usage.code_signing, "code"),
        (usage.email_protection, "mail"),
        (usage.time_stamping, "time stamps"),
        (usage.ocsp_signing, "OCSP"),
    ];
    let named = known.iter().filter(|(is_set, _)| *is_set).map(|(_, name)| (*name).to_owned());
    named.chain(usage.other.iter().map(ToString::to_string)).collect()
}

/// The kind of a key and, where there are several, its size.
pub fn key_type(info: &SubjectPublicKeyInfo) -> String {
    let curve = info.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
    match (info.parsed(), info.algorithm.algorithm.to_id_string().as_str()) {
        (Ok(PublicKey::RSA(rsa)), _) => format!("RSA {}", rsa.key_size()),
        (Ok(PublicKey::EC(_)), _) => match curve.map(|oid| oid.to_id_string()).as_deref() {
            Some("1.2.840.10045.3.1.7") => "ECDSA P-256".into(),
            Some("1.3.132.0.34") => "ECDSA P-384".into(),
            Some("1.3.132.0.35") => "ECDSA P-521".into(),
            other => format!("ECDSA on the curve {}", other.unwrap_or("that it does not name")),
        },
        (_, "1.3.101.112") => "Ed25519".into(),
        (Ok(PublicKey::DSA(_)), _) | (_, "1.2.840.10040.4.1") => "DSA".into(),
        (_, oid) => format!("an algorithm {oid}"),
    }
}

fn signature(oid: &str) -> String {
    match oid {
        "1.2.840.10045.4.3.2" => "ECDSA with SHA-256".into(),
        "1.2.840.10045.4.3.3" => "ECDSA with SHA-384".into(),
        "1.2.840.10045.4.3.4" => "ECDSA with SHA-512".into(),
        "1.2.840.10045.4.1" => "ECDSA with SHA-1".into(),
        "1.2.840.113549.1.1.4" => "RSA with MD5".into(),
        "1.2.840.113549.1.1.5" => "RSA with SHA-1".into(),
        "1.2.840.113549.1.1.11" => "RSA with SHA-256".into(),
        "1.2.840.113549.1.1.12" => "RSA with SHA-384".into(),
        "1.2.840.113549.1.1.13" => "RSA with SHA-512".into(),
        "1.2.840.113549.1.1.10" => "RSA-PSS".into(),
        "1.3.101.112" => "Ed25519".into(),
        other => format!("an algorithm {other}"),
    }
}

/// RFC 5280 §4.2.2.1, id-ad-caIssuers.
fn issuer_urls(certificate: &X509Certificate) -> Vec<String> {
    let described = certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityInfoAccess(access) => Some(&access.accessdescs),
        _ => None,
    });
    let described = described.into_iter().flatten();
    let issuers = described.filter(|access| access.access_method.to_id_string() == "1.3.6.1.5.5.7.48.2");
    let urls = issuers.filter_map(|access| certificate::name(&access.access_location));
    urls.map(|url| printable(&url)).collect()
}
