//! instant-acme: instant-acme DIRECTORY ROOT HTTP_PORT TLS_PORT DNS_API FOLDER NAME CHALLENGE
//!
//! Obtains a certificate, asks when to renew it, renews it with a new account key, and revokes it.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, ChallengeType, Identifier, NewAccount, NewOrder,
    RetryPolicy, RevocationReason, RevocationRequest,
};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ServerConfig, ServerConnection};

type Failure = Box<dyn Error>;

/// What the challenges' servers answer.
#[derive(Clone)]
struct Answers {
    /// By token.
    files: Arc<Mutex<HashMap<String, String>>>,
    certificate: Arc<Mutex<Option<Arc<ServerConfig>>>>,
    dns_api: String,
    root: String,
}

impl Answers {
    fn serve_http(&self, port: u16) -> Result<(), Failure> {
        let (listener, files) = (TcpListener::bind(("127.0.0.1", port))?, self.files.clone());
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut buffer = [0; 4096];
                let length = stream.read(&mut buffer).unwrap_or(0);
                let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
                let path = request.split(' ').nth(1).unwrap_or_default();
                let token = path.rsplit('/').next().unwrap_or_default();
                let body = files.lock().unwrap().get(token).cloned().unwrap_or_default();
                let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}", body.len());
                let _ = stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes());
            }
        });
        Ok(())
    }

    fn serve_tls(&self, port: u16) -> Result<(), Failure> {
        let (listener, certificate) = (TcpListener::bind(("127.0.0.1", port))?, self.certificate.clone());
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let Some(config) = certificate.lock().unwrap().clone() else { continue };
                let mut connection = ServerConnection::new(config).unwrap();
                let _ = connection.complete_io(&mut stream);
            }
        });
        Ok(())
    }

    /// RFC 8737 §3.
    fn show_certificate(&self, name: &str, digest: &[u8]) -> Result<(), Failure> {
        let mut params = CertificateParams::new([name.to_owned()])?;
        params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?.der().clone();
        let key = PrivateKeyDer::try_from(key.serialize_der())?;
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder.with_safe_default_protocol_versions()?.with_no_client_auth();
        // with_single_cert does not accept a certificate with a critical extension that it does not know.
        let key = default_provider().key_provider.load_private_key(key)?;
        let certified = CertifiedKey::new(vec![certificate], key);
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
        *self.certificate.lock().unwrap() = Some(Arc::new(config));
        Ok(())
    }

    fn set_record(&self, name: &str, value: &str) -> Result<(), Failure> {
        let body = format!("{{\"host\": \"_acme-challenge.{name}.\", \"value\": \"{value}\"}}");
        let mut curl = Command::new("curl");
        curl.args(["-sSf", "--noproxy", "*", "--cacert", &self.root, "--data", &body]);
        let status = curl.arg(format!("{}/set-txt", self.dns_api)).status()?;
        if status.success() { Ok(()) } else { Err("the record was not set".into()) }
    }
}

/// Completes an order, and returns the key and the chain.
async fn obtain(
    account: &Account,
    order: &NewOrder<'_>,
    kind: ChallengeType,
    answers: &Answers,
) -> Result<(String, String), Failure> {
    let mut order = account.new_order(order).await?;
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status != AuthorizationStatus::Pending {
            continue;
        }
        let mut challenge = authorization.challenge(kind.clone()).ok_or("no such challenge")?;
        let proof = challenge.key_authorization();
        let Identifier::Dns(name) = challenge.identifier().identifier.clone() else { continue };
        match kind {
            ChallengeType::Http01 => {
                answers.files.lock().unwrap().insert(challenge.token.clone(), proof.as_str().to_owned());
            }
            ChallengeType::TlsAlpn01 => answers.show_certificate(&name, proof.digest().as_ref())?,
            _ => answers.set_record(&name, &proof.dns_value())?,
        }
        challenge.set_ready().await?;
    }
    order.poll_ready(&RetryPolicy::default()).await?;
    let key = order.finalize().await?;
    Ok((key, order.poll_certificate(&RetryPolicy::default()).await?))
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, root, http, tls, dns_api, folder, name, kind] = arguments.as_slice() else {
        return Err("eight arguments, please".into());
    };
    let kind = match kind.as_str() {
        "http-01" => ChallengeType::Http01,
        "tls-alpn-01" => ChallengeType::TlsAlpn01,
        _ => ChallengeType::Dns01,
    };
    let answers = Answers {
        files: Arc::default(),
        certificate: Arc::default(),
        dns_api: dns_api.clone(),
        root: root.clone(),
    };
    answers.serve_http(http.parse()?)?;
    answers.serve_tls(tls.parse()?)?;
    let new = NewAccount {
        contact: &["mailto:a@example.com"],
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let (mut account, _) = Account::builder_with_root(root)?.create(&new, directory.clone(), None).await?;
    let identifiers = [Identifier::Dns(name.clone())];
    let order = NewOrder::new(&identifiers);
    let (_, first) = obtain(&account, &order, kind.clone(), &answers).await?;
    let _ = account.update_key().await?;
    let certificate = CertificateDer::from_pem_slice(first.as_bytes())?;
    let id = CertificateIdentifier::try_from(&certificate)?;
    let order = match account.renewal_info(&id).await {
        Ok((info, _)) => {
            assert!(info.suggested_window.start < info.suggested_window.end);
            order.replaces(id.into_owned())
        }
        // Pebble 2.4 has no renewal information.
        Err(instant_acme::Error::Unsupported(_)) => order,
        Err(e) => return Err(e.into()),
    };
    let (key, chain) = obtain(&account, &order, kind, &answers).await?;
    assert_ne!(first, chain);
    fs::write(format!("{folder}/chain.pem"), &chain)?;
    fs::write(format!("{folder}/key.pem"), key)?;
    let certificate = CertificateDer::from_pem_slice(chain.as_bytes())?;
    let reason = Some(RevocationReason::Superseded);
    account.revoke(&RevocationRequest { certificate: &certificate, reason }).await?;
    account.update_contacts(&[]).await?;
    account.deactivate().await?;
    Ok(())
}
