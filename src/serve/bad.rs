//! `devca serve --bad`: a site for each fault of certificates, to test clients with.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::Full;
use rustls::server::WebPkiClientVerifier;
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::OffsetDateTime;

use super::page::{self, Refusal, escaped};
use super::tls::Tls;
use crate::ca::Authority;
use crate::ca::faulty::{BadCertificate, BadKind, Forger};
use crate::error::OrHint;
use crate::x509::name::Name;
use crate::x509::pem;

mod messages;

/// What else to know. No site has what rustls does not support: it neither signs with such keys nor makes such
/// signatures.
const NOTES: [&str; 3] = [
    "The clients trust your root and use their default settings. Other versions may have other messages.",
    "The revocation list is at /revoked.crl: with curl --crlfile, revoked.localhost fails with \"certificate revoked\". With curl --tlsv1.3, tls12-only.localhost fails with \"alert protocol version\".",
    "Absent: SHA-1 signatures and RSA keys with 1024 bits, which this server's TLS library cannot serve.",
];
const LIST: &str = "/revoked.crl";
const STYLE: &str = "li{margin:1rem 0}dl{margin:.3rem 0;display:grid;grid-template-columns:6rem 1fr;gap:.1rem .5rem}\
    dd{margin:0;overflow-wrap:anywhere;font:.9em ui-monospace,monospace}dt{opacity:.7}ul{list-style:none;padding:0}";

/// The configurations of the sites.
pub(super) struct BadSites {
    configs: Vec<(String, Arc<ServerConfig>)>,
    /// The revocation lists in PEM.
    lists: String,
}

impl BadSites {
    /// Makes all certificates.
    pub(super) fn new(authority: &Authority, tls: &Tls, now: OffsetDateTime) -> anyhow::Result<Self> {
        let forger = Forger::new(authority, "serve --bad", now)?;
        let (mut configs, mut lists) = (Vec::new(), String::new());
        for kind in BadKind::ALL {
            let made = forger.make(*kind, &[Name::Dns(kind.host())])?;
            if *kind == BadKind::Revoked {
                let text = forger.revocation_lists(&made)?.map(|list| pem::crl(&list));
                lists = text.iter().map(|text| String::from_utf8_lossy(text)).collect();
            }
            configs.push((kind.host(), Arc::new(config(*kind, made, authority, tls)?)));
        }
        Ok(Self { configs, lists })
    }

    /// The configuration for this server name, unless it is that of the list.
    pub(super) fn config(&self, name: Option<&str>) -> Option<Arc<ServerConfig>> {
        let name = name?;
        let found = self.configs.iter().find(|(host, _)| host.eq_ignore_ascii_case(name));
        found.map(|(_, config)| config.clone())
    }

    /// Answers a client that got through to a site, or that asks for the list of sites.
    pub(super) fn answer(
        &self,
        host: &str,
        path: &str,
        port: u16,
        asked: &HeaderMap,
    ) -> Response<Full<Bytes>> {
        let own = BadKind::ALL.iter().find(|kind| kind.host().eq_ignore_ascii_case(host));
        let is_for_people = page::wants_html(asked);
        let (kind, text) = match (path, own, is_for_people) {
            (LIST, _, _) => ("application/x-pem-file", self.lists.clone()),
            ("/", Some(kind), _) => {
                let text = format!("{}, and this client connected anyway\n", kind.what());
                ("text/plain; charset=utf-8", text)
            }
            ("/", None, true) => ("text/html; charset=utf-8", html(port)),
            ("/", None, false) => ("text/plain; charset=utf-8", plain(port)),
            _ => {
                let what = format!("there is nothing at {}", crate::report::printable(path));
                return Refusal::new(StatusCode::NOT_FOUND, what, "the list of sites is at /").answer(asked);
            }
        };
        let mut response = Response::new(Full::new(Bytes::from(text)));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(
            HeaderName::from_static("content-security-policy"),
            HeaderValue::from_static(page::POLICY),
        );
        response
    }
}

fn config(
    kind: BadKind,
    made: BadCertificate,
    authority: &Authority,
    tls: &Tls,
) -> anyhow::Result<ServerConfig> {
    let failed = || format!("cannot serve {}", kind.host());
    let again = || "try again".to_owned();
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.key.as_slice()));
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&der).or_hint(failed, again)?;
    let key = Arc::new(CertifiedKey::new(made.chain.into_iter().map(CertificateDer::from).collect(), key));
    let verifier = if kind == BadKind::MtlsRequired {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates([CertificateDer::from(authority.root.der.as_slice())]);
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), tls.provider());
        builder.build().or_hint(failed, again)?
    } else {
        WebPkiClientVerifier::no_client_auth()
    };
    let versions: &[_] = match kind {
        BadKind::Tls12Only => &[&rustls::version::TLS12],
        _ => rustls::ALL_VERSIONS,
    };
    tls.config_with(versions, verifier, key).or_hint(failed, again)
}

fn url(kind: BadKind, port: u16) -> String {
    let port = if port == 443 { String::new() } else { format!(":{port}") };
    format!("https://{}{port}/", kind.host())
}

fn html(port: u16) -> String {
    let mut body = String::from("<h1>Faulty certificates</h1>\n<ul>\n");
    for kind in BadKind::ALL {
        let (url, what) = (url(*kind, port), escaped(kind.what()));
        let _ = writeln!(body, "<li><a href=\"{url}\">{}</a><br>{what}\n<dl>", escaped(kind.name()));
        for (client, says) in messages::messages(*kind) {
            let _ = writeln!(body, "<dt>{client}</dt><dd>{}</dd>", escaped(says));
        }
        body.push_str("</dl></li>\n");
    }
    body.push_str("</ul>\n");
    for note in NOTES {
        let _ = writeln!(body, "<p>{}</p>", escaped(note));
    }
    page::document("Faulty certificates", STYLE, &body, "devca serve --bad")
}

fn plain(port: u16) -> String {
    let width = BadKind::ALL.iter().map(|kind| url(*kind, port).len()).max().unwrap_or(0);
    let mut text = String::new();
    for kind in BadKind::ALL {
        let _ = writeln!(text, "{:width$}  {}", url(*kind, port), kind.what());
        for (client, says) in messages::messages(*kind) {
            let _ = writeln!(text, "    {:8} {says}", client.name());
        }
    }
    text + "\n" + &NOTES.join("\n") + "\n"
}
