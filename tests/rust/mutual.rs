// Mutual TLS with axum and rustls: CERTIFICATE KEY CLIENT-CA. Prints its port, then greets every client that
// TLS accepts.
use axum::{Router, routing::get};
use axum_server::tls_rustls::RustlsConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::net::TcpListener;
use std::sync::Arc;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files: Vec<String> = std::env::args().skip(1).collect();
    let mut clients = RootCertStore::empty();
    clients.add(CertificateDer::from_pem_file(&files[2])?)?;
    let chain = CertificateDer::pem_file_iter(&files[0])?.collect::<Result<Vec<_>, _>>()?;
    let tls = ServerConfig::builder()
        .with_client_cert_verifier(WebPkiClientVerifier::builder(Arc::new(clients)).build()?)
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(&files[1])?)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    println!("ACCEPT {}", listener.local_addr()?);
    let app = Router::new().route("/", get(|| async { "Hello, whoever you are\n" }));
    let server = axum_server::from_tcp_rustls(listener, RustlsConfig::from_config(Arc::new(tls)))?;
    Ok(server.serve(app.into_make_service()).await?)
}
