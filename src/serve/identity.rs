//! The client's identity for the upstream, taken only from its certificate, never from its own headers.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use rustls_pki_types::CertificateDer;

use crate::x509::details::CertificateDetails;
use crate::x509::pem;

/// The owner of a verified client certificate.
pub(super) struct ClientIdentity {
    /// Its common name, or else its first alternative name.
    pub(super) name: String,
    fields: Vec<(HeaderName, HeaderValue)>,
}

impl ClientIdentity {
    /// Reads the identity from the client's chain, leaf first.
    pub(super) fn of(chain: &[CertificateDer<'_>]) -> Option<Self> {
        let (leaf, others) = chain.split_first()?;
        let details = CertificateDetails::read(leaf)?;
        let name = details.common_name.clone().or_else(|| details.names.first().cloned()).unwrap_or_default();
        // A byte sequence (RFC 8941 §3.3.5), as RFC 9440 §2.1 requires.
        let sequence = |der: &CertificateDer<'_>| format!(":{}:", STANDARD.encode(der));
        let mut fields =
            vec![("client-cert", sequence(leaf)), ("x-forwarded-client-cert", for_envoy(leaf, &details))];
        if !others.is_empty() {
            fields.push(("client-cert-chain", others.iter().map(sequence).collect::<Vec<_>>().join(", ")));
        }
        if let Some(common_name) = &details.common_name {
            fields.push((
                "x-client-cn",
                escaped(common_name, |byte| (b' '..=b'~').contains(&byte) && byte != b'%'),
            ));
        }
        let field = |(name, value): (&'static str, String)| {
            Some((HeaderName::from_static(name), HeaderValue::from_str(&value).ok()?))
        };
        Some(Self { name, fields: fields.into_iter().filter_map(field).collect() })
    }

    /// Adds the identity to a request.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.fields {
            headers.insert(name.clone(), value.clone());
        }
    }
}

/// Envoy's `x-forwarded-client-cert` header, in the format of `sanitize_set`.
fn for_envoy(leaf: &[u8], details: &CertificateDetails) -> String {
    let encoded = |text: &str| escaped(text, |byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    let quoted = |text: &str| {
        let text = escaped(text, |byte| (b' '..=b'~').contains(&byte));
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    };
    let certificate = String::from_utf8_lossy(&pem::certificate(leaf)).into_owned();
    let mut value = format!(
        "Hash={};Cert=\"{}\";Subject={}",
        details.sha256,
        encoded(&certificate),
        quoted(&details.subject)
    );
    for name in &details.names {
        let kind = match name {
            uri if uri.contains("://") || uri.starts_with("devca:") => "URI",
            address if address.contains('@') || address.parse::<std::net::IpAddr>().is_ok() => continue,
            _ => "DNS",
        };
        let _ = write!(value, ";{kind}={}", quoted(name));
    }
    value
}

/// Percent-encodes (RFC 3986 §2.1) the bytes that are not plain.
fn escaped(text: &str, is_plain: impl Fn(u8) -> bool) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut escaped, byte| {
        if is_plain(byte) {
            escaped.push(byte.into());
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}
