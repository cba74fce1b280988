// One request over TLS with the libraries that Rust programs use: HOW PORT NAME. Each uses the roots that it
// finds by default.
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_platform_verifier::BuilderVerifierExt;
use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

fn ask(mut tls: impl Read + Write, name: &str) -> Result<(), Box<dyn Error>> {
    write!(tls, "GET / HTTP/1.0\r\nHost: {name}\r\n\r\n")?;
    let mut first = [0; 4];
    tls.read_exact(&mut first)?;
    assert_eq!(&first, b"HTTP");
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (how, name) = (words[0].as_str(), words[2].clone());
    let stream = TcpStream::connect(("127.0.0.1", words[1].parse()?))?;
    let mut roots = RootCertStore::empty();
    let builder = ClientConfig::builder();
    let config = match how {
        "native-tls" => return ask(native_tls::TlsConnector::new()?.connect(&name, stream)?, &name),
        "rustls-platform-verifier" => builder.with_platform_verifier()?.with_no_client_auth(),
        "rustls-native-certs" => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            builder.with_root_certificates(roots).with_no_client_auth()
        }
        "webpki-roots" => {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            builder.with_root_certificates(roots).with_no_client_auth()
        }
        _ => return Err(format!("{how} is not known").into()),
    };
    let server = ServerName::try_from(name.clone())?;
    ask(StreamOwned::new(ClientConnection::new(Arc::new(config), server)?, stream), &name)
}
