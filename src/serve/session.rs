//! What the server knows of a connection: what the client offered, and what both agreed on.

use std::borrow::Cow;
use std::net::IpAddr;

use rustls::server::ClientHello;
use rustls::{CipherSuite, HandshakeKind, NamedGroup, ProtocolVersion, ServerConnection, SignatureScheme};
use rustls_pki_types::CertificateDer;
use serde::Serialize;
use time::OffsetDateTime;

use super::client_gate::ClientGate;
use crate::report::printable;
use crate::x509::details::CertificateDetails;

/// What the client offered in its hello (RFC 8446 §4.1.2).
#[derive(Debug, Default)]
pub(super) struct Hello {
    ciphers: Vec<CipherSuite>,
    groups: Vec<NamedGroup>,
    signatures: Vec<SignatureScheme>,
    protocols: Vec<Vec<u8>>,
}

impl Hello {
    /// Copies the lists, which are gone once the handshake continues.
    pub(super) fn of(hello: &ClientHello) -> Self {
        Self {
            ciphers: hello.cipher_suites().to_vec(),
            groups: hello.named_groups().unwrap_or_default().to_vec(),
            signatures: hello.signature_schemes().to_vec(),
            protocols: hello.alpn().into_iter().flatten().map(<[u8]>::to_vec).collect(),
        }
    }
}

/// A TLS session.
#[derive(Debug, Default)]
pub(super) struct Session {
    hello: Hello,
    version: Option<ProtocolVersion>,
    cipher: Option<CipherSuite>,
    group: Option<NamedGroup>,
    alpn: Option<Vec<u8>>,
    server_name: Option<String>,
    handshake: Option<HandshakeKind>,
    chain: Vec<CertificateDer<'static>>,
}

impl Session {
    /// The session of a connection whose handshake is complete.
    pub(super) fn of(hello: Hello, connection: &ServerConnection) -> Self {
        Self {
            hello,
            version: connection.protocol_version(),
            cipher: connection.negotiated_cipher_suite().map(|suite| suite.suite()),
            group: connection.negotiated_key_exchange_group().map(rustls::crypto::SupportedKxGroup::name),
            alpn: connection.alpn_protocol().map(<[u8]>::to_vec),
            server_name: connection.server_name().map(ToOwned::to_owned),
            handshake: connection.handshake_kind(),
            chain: connection.peer_certificates().map(<[_]>::to_vec).unwrap_or_default(),
        }
    }

    /// The session as the client may see it: nothing in it is about others. `gate` is the verifier of client
    /// certificates, if they are requested; how to fix a certificate is only for users of this machine.
    pub(super) fn report(
        &self,
        address: IpAddr,
        protocol: &'static str,
        gate: Option<&ClientGate>,
        now: OffsetDateTime,
    ) -> SessionReport {
        SessionReport {
            tls_version: self.version.map(version),
            cipher: self.cipher.map(cipher),
            group: self.group.map(group),
            alpn: self.alpn.as_deref().map(text),
            http_version: protocol,
            server_name: self.server_name.as_deref().map(printable),
            handshake: match self.handshake {
                Some(HandshakeKind::Resumed) => HandshakeForm::Resumed,
                Some(HandshakeKind::FullWithHelloRetryRequest) => HandshakeForm::Retried,
                _ => HandshakeForm::Full,
            },
            address: address.to_canonical().to_string(),
            offered: self.hello.report(),
            client_certificate: self.client_certificate(gate, address.to_canonical().is_loopback(), now),
        }
    }

    fn client_certificate(
        &self,
        gate: Option<&ClientGate>,
        is_local: bool,
        now: OffsetDateTime,
    ) -> ClientCertificateReport {
        let Some(gate) = gate else {
            let message = "the server did not ask for one".into();
            return ClientCertificateReport { message, ..ClientCertificateReport::default() };
        };
        let verdict = gate.verdict(&self.chain, now);
        ClientCertificateReport {
            chain: verdict.chain,
            is_accepted: Some(verdict.is_accepted),
            message: verdict.message,
            hint: verdict.hint.filter(|_| is_local),
        }
    }
}

/// What a client sees of its connection at `/.devca`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SessionReport {
    /// The negotiated version of TLS, such as TLS 1.3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tls_version: Option<Cow<'static, str>>,
    /// The negotiated cipher suite, with its IANA name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cipher: Option<Cow<'static, str>>,
    /// The group of the key exchange; absent in resumed sessions of TLS 1.2, which have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<Cow<'static, str>>,
    /// The protocol negotiated with ALPN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) alpn: Option<String>,
    /// The version of HTTP of this request.
    pub(super) http_version: &'static str,
    /// The host name that the client sent (SNI).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) server_name: Option<String>,
    /// How the session began.
    pub(super) handshake: HandshakeForm,
    /// The client's address.
    pub(super) address: String,
    /// What the client offered.
    pub(super) offered: OfferReport,
    /// The client's certificate.
    pub(super) client_certificate: ClientCertificateReport,
}

/// How a session began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum HandshakeForm {
    /// With a full handshake.
    Full,
    /// With a full handshake, in which the client had to send another key share (`HelloRetryRequest`).
    Retried,
    /// By resuming an earlier session.
    Resumed,
}

/// What a client offered in its hello, in its order.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OfferReport {
    /// The versions of TLS, as far as the cipher suites tell.
    pub(super) versions: Vec<Cow<'static, str>>,
    /// The cipher suites.
    pub(super) ciphers: Vec<Cow<'static, str>>,
    /// The groups for the key exchange.
    pub(super) groups: Vec<Cow<'static, str>>,
    /// The signature schemes.
    pub(super) signatures: Vec<Cow<'static, str>>,
    /// The protocols (ALPN).
    pub(super) alpn: Vec<String>,
}

/// The client's certificate, and whether the server accepts it.
#[derive(Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ClientCertificateReport {
    /// From the client's certificate upwards; empty if it sent none.
    pub(super) chain: Vec<CertificateDetails>,
    /// Whether it is accepted; absent if the server did not ask for a certificate.
    #[serde(rename = "accepted", skip_serializing_if = "Option::is_none")]
    pub(super) is_accepted: Option<bool>,
    /// Why, in a sentence.
    pub(super) message: String,
    /// The command that fixes it, for clients on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hint: Option<String>,
}

impl Hello {
    /// What the client sees of it.
    pub(super) fn report(&self) -> OfferReport {
        OfferReport {
            versions: self.versions(),
            ciphers: self.ciphers.iter().copied().map(cipher).collect(),
            groups: self.groups.iter().copied().map(group).collect(),
            signatures: self.signatures.iter().copied().map(signature).collect(),
            alpn: self.protocols.iter().map(|name| text(name)).collect(),
        }
    }

    /// rustls does not show the list of versions, but each cipher suite belongs to certain ones: 0x13xx to TLS 1.3
    /// (RFC 8446 §B.4), all others to TLS 1.2 and earlier. Signaling values (RFC 5746, RFC 7507) and those of GREASE
    /// belong to none.
    fn versions(&self) -> Vec<Cow<'static, str>> {
        const SIGNALING: [u16; 2] = [0x00ff, 0x5600];
        let mut real =
            self.ciphers.iter().map(|suite| u16::from(*suite)).filter(|code| !is_grease(*code)).peekable();
        let is_new = |code: u16| code >> 8 == 0x13;
        let has_new = real.clone().any(is_new);
        let has_old = real.any(|code| !is_new(code) && !SIGNALING.contains(&code));
        let both = [(has_new, "TLS 1.3"), (has_old, "TLS 1.2")];
        both.into_iter().filter(|(is_offered, _)| *is_offered).map(|(_, name)| name.into()).collect()
    }
}

fn version(version: ProtocolVersion) -> Cow<'static, str> {
    match version {
        ProtocolVersion::TLSv1_3 => "TLS 1.3".into(),
        ProtocolVersion::TLSv1_2 => "TLS 1.2".into(),
        other => format!("{other:?}").into(),
    }
}

fn cipher(suite: CipherSuite) -> Cow<'static, str> {
    match suite.as_str() {
        // The IANA registry writes the names of TLS 1.3 without the version.
        Some(name) => name.strip_prefix("TLS13_").map_or(name.into(), |rest| format!("TLS_{rest}").into()),
        None => unknown(suite.into()),
    }
}

fn group(group: NamedGroup) -> Cow<'static, str> {
    group.as_str().map_or_else(|| unknown(group.into()), Into::into)
}

fn signature(scheme: SignatureScheme) -> Cow<'static, str> {
    scheme.as_str().map_or_else(|| unknown(scheme.into()), Into::into)
}

fn unknown(code: u16) -> Cow<'static, str> {
    if is_grease(code) { "GREASE".into() } else { format!("0x{code:04x}").into() }
}

/// Values that clients offer so that servers get used to unknown ones (RFC 8701).
fn is_grease(code: u16) -> bool {
    code & 0x0f0f == 0x0a0a && code >> 8 == code & 0xff
}

/// A protocol's name, which may be any bytes.
fn text(name: &[u8]) -> String {
    match name {
        [first, second] if is_grease(u16::from_be_bytes([*first, *second])) => "GREASE".into(),
        name => printable(&String::from_utf8_lossy(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(codes: &[u16]) -> Vec<Cow<'static, str>> {
        let ciphers = codes.iter().map(|code| CipherSuite::from(*code)).collect();
        Hello { ciphers, ..Hello::default() }.versions()
    }

    #[test]
    fn cipher_suites_tell_the_versions() {
        assert_eq!(versions(&[0x1301, 0xc02b]), ["TLS 1.3", "TLS 1.2"]);
        assert_eq!(versions(&[0x0a0a, 0x1303, 0x00ff]), ["TLS 1.3"]);
        assert_eq!(versions(&[0xc02f, 0x5600]), ["TLS 1.2"]);
        assert!(versions(&[]).is_empty());
    }

    #[test]
    fn names_are_those_of_the_registry() {
        assert_eq!(cipher(CipherSuite::TLS13_AES_128_GCM_SHA256), "TLS_AES_128_GCM_SHA256");
        assert_eq!(cipher(CipherSuite::from(0x2a2a)), "GREASE");
        assert_eq!(cipher(CipherSuite::from(0x2a3a)), "0x2a3a");
        assert_eq!((text(b"\x1a\x1a"), text(b"h2")), ("GREASE".into(), "h2".into()));
        assert!(!text(b"\x1b[2J").contains('\x1b'));
    }
}
