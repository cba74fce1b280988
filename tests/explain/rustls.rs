//! What rustls prints, as a server and as a client, in this process.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};

use super::common::Server;
use super::common::captured::{clients_of, servers_of};
use super::{Bench, Recognized};

/// Clients that trust nothing, and the shell commands that start them; the shell has `$PORT`.
const CLIENTS: &[(&str, &str)] = &[
    (
        "openssl",
        "openssl s_client -verify_return_error -no-CAfile -no-CApath -no-CAstore -connect 127.0.0.1:$PORT",
    ),
    ("Go", "$GO_CLIENT $CLIENT_CA $PORT localhost"),
    ("Java", "java -cp $JAVA_CLASSES Client $CLIENT_CA $PORT localhost"),
];

/// Has a server with rustls log what clients tell it.
pub(super) fn serves(bench: &Bench, recognized: &Mutex<Recognized>) {
    let chain = vec![CertificateDer::from_pem_file(bench.home.file("localhost.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(bench.home.file("localhost-key.pem")).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let config = Arc::new(config);
    for (name, script) in CLIENTS {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let serve = || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut session = ServerConnection::new(config.clone()).unwrap();
            let mut tls = rustls::Stream::new(&mut session, &mut stream);
            tls.read(&mut [0; 1]).unwrap_err().to_string()
        };
        let said = std::thread::scope(|scope| {
            let server = scope.spawn(serve);
            bench.run(script, &[("PORT", address.port().to_string())]);
            // Otherwise the server would wait for a client that could not start.
            let _ = TcpStream::connect(address);
            server.join().unwrap()
        });
        let mut recognized = recognized.lock().unwrap();
        recognized.look_up(
            servers_of("rustls"),
            &format!("rustls's log of {name}"),
            &said,
            &["rejected-by-client"],
        );
    }
}

/// Has a client with rustls connect to a server whose certificate is on its list of revoked ones.
pub(super) fn connects(bench: &Bench, recognized: &Mutex<Recognized>) {
    let file = |name: &str| bench.home.file(name);
    let server = Server::page(&file("revoked/localhost.pem"), &file("revoked/localhost-key.pem"));
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(bench.home.root()).unwrap()).unwrap();
    let list = CertificateRevocationListDer::from_pem_file(file("servers-crl.pem")).unwrap();
    let verifier = WebPkiServerVerifier::builder(Arc::new(roots)).with_crls([list]).build().unwrap();
    let config = ClientConfig::builder().with_webpki_verifier(verifier).with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let mut session = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    let said = rustls::Stream::new(&mut session, &mut stream).write(b"x").unwrap_err().to_string();
    recognized.lock().unwrap().look_up(clients_of("rustls"), "rustls: revoked", &said, &["revoked"]);
}
