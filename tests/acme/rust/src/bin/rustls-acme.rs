//! rustls-acme: rustls-acme DIRECTORY ROOT HTTP_PORT TLS_PORT CACHE NAME CHALLENGE
//!
//! Serves HTTPS for a name with certificates that it obtains and renews itself.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use futures::StreamExt;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::Acceptor;
use rustls::{ClientConfig, RootCertStore, ServerConfig, Stream};
use rustls_acme::caches::DirCache;
use rustls_acme::{AcmeConfig, ResolvesServerCertAcme, UseChallenge, is_tls_alpn_challenge};

type Failure = Box<dyn Error>;

fn serve_http(listener: TcpListener, resolver: Arc<ResolvesServerCertAcme>) {
    for mut stream in listener.incoming().flatten() {
        let mut buffer = [0; 4096];
        let length = stream.read(&mut buffer).unwrap_or(0);
        let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let token = request.split(' ').nth(1).and_then(|path| path.rsplit('/').next()).unwrap_or_default();
        let body = resolver.get_http_01_key_auth(token).unwrap_or_default();
        let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}", body.len());
        let _ = stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes());
    }
}

fn answer(
    mut stream: TcpStream,
    challenge: Arc<ServerConfig>,
    usual: Arc<ServerConfig>,
) -> Result<(), Failure> {
    let mut acceptor = Acceptor::default();
    let accepted = loop {
        acceptor.read_tls(&mut stream)?;
        if let Some(accepted) = acceptor.accept().map_err(|(e, _)| e)? {
            break accepted;
        }
    };
    let is_challenge = is_tls_alpn_challenge(&accepted.client_hello());
    let mut connection =
        accepted.into_connection(if is_challenge { challenge } else { usual }).map_err(|(e, _)| e)?;
    if is_challenge {
        connection.complete_io(&mut stream)?;
        return Ok(());
    }
    let mut tls = Stream::new(&mut connection, &mut stream);
    let _ = tls.read(&mut [0; 4096])?;
    tls.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 14\r\n\r\nby rustls-acme")?;
    connection.send_close_notify();
    connection.complete_io(&mut stream)?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, root, http, tls, cache, name, kind] = arguments.as_slice() else {
        return Err("seven arguments, please".into());
    };
    let kind = if kind == "http-01" { UseChallenge::Http01 } else { UseChallenge::TlsAlpn01 };
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(root)?)?;
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions()?.with_root_certificates(roots);
    let mut state = AcmeConfig::new_with_client_config([name], Arc::new(builder.with_no_client_auth()))
        .contact(["mailto:a@example.com"])
        .cache(DirCache::new(cache.clone()))
        .directory(directory)
        .challenge_type(kind)
        .state();
    let provider = Arc::new(default_provider());
    let challenge = state.challenge_rustls_config_with_provider(provider.clone());
    let usual = state.default_rustls_config_with_provider(provider);
    let (listener, resolver) = (TcpListener::bind(format!("127.0.0.1:{http}"))?, state.resolver());
    thread::spawn(move || serve_http(listener, resolver));
    let listener = TcpListener::bind(format!("127.0.0.1:{tls}"))?;
    println!("ACCEPT 127.0.0.1:{tls}");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (challenge, usual) = (challenge.clone(), usual.clone());
            thread::spawn(move || answer(stream, challenge, usual).map_err(|e| eprintln!("{e}")));
        }
    });
    while let Some(event) = state.next().await {
        match event {
            Ok(event) => eprintln!("{event:?}"),
            Err(e) => return Err(format!("{e:?}").into()),
        }
    }
    Ok(())
}
