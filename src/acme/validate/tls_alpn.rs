//! tls-alpn-01 (RFC 8737): a certificate that a TLS server presents to clients that offer `acme-tls/1`.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::TlsConnector;

use super::{Proof, Validator};
use crate::acme::dns::zone::Zone;
use crate::acme::problem::{AcmeProblem, ProblemKind};
use crate::x509::parsed::Parsed;

pub(super) const PROTOCOL: &[u8] = b"acme-tls/1";

/// Connects and reads the certificate.
pub(super) async fn look(
    validator: &Validator,
    proof: &Proof,
    zone: Option<&Zone>,
) -> Result<String, AcmeProblem> {
    let name = &proof.identifier.value;
    let (stream, address) = validator.reach.connect(name, validator.tls_port, zone).await?;
    let tls = |why: String| AcmeProblem::new(ProblemKind::Tls, format!("{name} at {address}: {why}"));
    let wrong = |why: &str| {
        let what = format!("{name} at {address} does not complete tls-alpn-01: {why}");
        AcmeProblem::new(ProblemKind::Unauthorized, what)
    };
    let server_name = match name.parse() {
        // For an address, SNI is its name in the reverse tree (RFC 8738 §6).
        Ok(address) => reverse(address),
        Err(_) => name.clone(),
    };
    let server_name = ServerName::try_from(server_name).map_err(|e| tls(e.to_string()))?;
    let connected = TlsConnector::from(validator.tls_alpn.clone()).connect(server_name, stream).await;
    let connected = connected.map_err(|e| tls(e.to_string()))?;
    let session = connected.get_ref().1;
    if session.alpn_protocol() != Some(PROTOCOL) {
        return Err(wrong("it did not choose the protocol acme-tls/1"));
    }
    let certificate = session.peer_certificates().and_then(<[_]>::first);
    let parsed = certificate.and_then(|der| Parsed::read(der));
    let parsed = parsed.ok_or_else(|| wrong("it presented no readable certificate"))?;
    if parsed.names() != [name.as_str()] {
        let names = parsed.names().join(", ");
        return Err(wrong(&format!("its certificate is for {names:?}, not only for {name}")));
    }
    let expected = digest(&SHA256, proof.key_authorization.as_bytes());
    match parsed.acme_identifier() {
        None => Err(wrong("its certificate has no critical acmeIdentifier extension")),
        Some(found) if found == expected.as_ref() => Ok(format!("{address} presented the certificate")),
        Some(found) => {
            let found = hex::encode(found);
            Err(wrong(&format!("its acmeIdentifier is {found}, not {}", hex::encode(expected.as_ref()))))
        }
    }
}

/// The name of an address in in-addr.arpa or ip6.arpa.
fn reverse(address: std::net::IpAddr) -> String {
    let name = hickory_proto::rr::Name::from(address);
    name.to_ascii().trim_end_matches('.').to_owned()
}

/// Accepts any certificate, because its contents are compared later. rustls' own functions reject the critical
/// acmeIdentifier extension, so the signature of the handshake is verified here.
#[derive(Debug)]
pub(super) struct AnyCertificate(pub(super) Arc<CryptoProvider>);

impl AnyCertificate {
    fn verify(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let bad = |error| rustls::Error::InvalidCertificate(error);
        let parsed = Parsed::read(certificate).ok_or_else(|| bad(CertificateError::BadEncoding))?;
        let key = &parsed.raw.public_key().subject_public_key.data;
        let known = self.0.signature_verification_algorithms.mapping;
        let mut algorithms =
            known.iter().filter(|(scheme, _)| *scheme == signed.scheme).flat_map(|(_, all)| *all);
        if algorithms.any(|one| one.verify_signature(key, message, signed.signature()).is_ok()) {
            return Ok(HandshakeSignatureValid::assertion());
        }
        Err(bad(CertificateError::BadSignature))
    }
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verify(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verify(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
