//! Connections that fail before a certificate is judged, or without any.

use std::io::{Read, Write};
use std::net::TcpListener;

/// A program that does not get an answer, started as the clients are. The shell also has `$PLAIN`, `$CLOSED`, `$FORBIDDEN`,
/// `$ENDING`, `$RESETTING` and `$SILENT`, which are ports.
pub(super) struct Connection {
    pub(super) name: &'static str,
    pub(super) script: &'static str,
    pub(super) fault: &'static str,
}

pub(super) const fn to(fault: &'static str, name: &'static str, script: &'static str) -> Connection {
    Connection { name, script, fault }
}

pub(super) const CONNECTIONS: &[Connection] = &[
    to("plain-http", "curl", "exec curl -sS https://localhost:$PLAIN/"),
    to("plain-http", "openssl", "exec openssl s_client -brief -connect localhost:$PLAIN"),
    to("plain-http", "Node", "exec \"$NODE\" $CLIENTS/reason.cjs fetch https://localhost:$PLAIN/"),
    to("plain-http", "axios", "exec \"$NODE\" $CLIENTS/reason.cjs axios https://localhost:$PLAIN/ $MODULES"),
    to("plain-http", "Python", "exec python3 $CLIENTS/client.py $ROOT $PLAIN localhost"),
    to("plain-http", "Go", "exec $GO_CLIENT $ROOT $PLAIN localhost"),
    to("plain-http", "Java", "exec java -cp $JAVA_CLASSES Client $ROOT $PLAIN localhost"),
    to("unresolved-name", "curl", "exec curl -sS https://nowhere.test/"),
    to("unresolved-name", "Node", "exec \"$NODE\" $CLIENTS/reason.cjs fetch https://nowhere.test/"),
    to(
        "unresolved-name",
        "Python",
        "exec python3 -c \"import urllib.request; urllib.request.urlopen('https://nowhere.test/')\"",
    ),
    to("connection-refused", "curl", "exec curl -sS https://localhost:$CLOSED/"),
    to("connection-refused", "Node", "exec \"$NODE\" $CLIENTS/reason.cjs fetch https://localhost:$CLOSED/"),
    to("connection-refused", "Python", "exec python3 $CLIENTS/client.py $ROOT $CLOSED localhost"),
    to("connection-refused", "Go", "exec $GO_CLIENT $ROOT $CLOSED localhost"),
    to("connection-refused", "Java", "exec java -cp $JAVA_CLASSES Client $ROOT $CLOSED localhost"),
    to("no-answer", "curl and a server that ends", "exec curl -sS https://localhost:$ENDING/"),
    to("no-answer", "curl and a server that resets", "exec curl -sS https://localhost:$RESETTING/"),
    to("no-answer", "curl and a silent server", "exec curl -sS --max-time 1 https://localhost:$SILENT/"),
    to(
        "no-answer",
        "Node and a server that ends",
        "exec \"$NODE\" $CLIENTS/client.mjs $ROOT $ENDING localhost",
    ),
    to(
        "no-answer",
        "Node and a server that resets",
        "exec \"$NODE\" $CLIENTS/client.mjs $ROOT $RESETTING localhost",
    ),
    to(
        "no-answer",
        "Python and a server that ends",
        "exec python3 $CLIENTS/client.py $ROOT $ENDING localhost",
    ),
    to(
        "no-answer",
        "Java and a server that ends",
        "exec java -cp $JAVA_CLASSES Client $ROOT $ENDING localhost",
    ),
    to("no-answer", "Go and a server that resets", "exec $GO_CLIENT $ROOT $RESETTING localhost"),
    to(
        "proxy",
        "curl",
        "no_proxy= https_proxy=http://localhost:$FORBIDDEN exec curl -sS --noproxy '' https://nowhere.test/",
    ),
    to(
        "proxy",
        "Python",
        "no_proxy= https_proxy=http://localhost:$FORBIDDEN exec python3 -c \
         \"import urllib.request; urllib.request.urlopen('https://nowhere.test/')\"",
    ),
    to("unreadable-file", "curl", "exec curl -sS --cacert missing.pem $URL"),
    to("unreadable-file", "Node", "exec \"$NODE\" -e \"require('fs').readFileSync('localhost.pem')\""),
    to("protocol-too-old", "curl", "exec curl -sS --tls-max 1.1 --ciphers DEFAULT@SECLEVEL=0 $URL"),
    to(
        "protocol-too-old",
        "openssl",
        "exec openssl s_client -tls1_1 -cipher DEFAULT@SECLEVEL=0 -connect localhost:$PORT",
    ),
    to(
        "protocol-too-old",
        "Node",
        "exec \"$NODE\" --tls-min-v1.0 --tls-max-v1.2 --tls-cipher-list=AES128-SHA $CLIENTS/client.mjs $ROOT $PORT localhost",
    ),
    to("no-common-protocol", "openssl", "exec openssl s_client -alpn other -connect localhost:$PORT"),
    to(
        "no-common-protocol",
        "gnutls-cli",
        "exec gnutls-cli --alpn other --x509cafile $ROOT localhost -p $PORT",
    ),
    to(
        "no-common-protocol",
        "Node",
        "exec \"$NODE\" -e \"require('tls').connect({ port: $PORT, servername: 'localhost', ALPNProtocols: ['other'] })\"",
    ),
    to(
        "no-common-protocol",
        "Python",
        "exec python3 -c \"import socket, ssl
c = ssl.create_default_context(cafile='$ROOT')
c.set_alpn_protocols(['other'])
c.wrap_socket(socket.create_connection(('127.0.0.1', $PORT)), server_hostname='localhost')\"",
    ),
    to(
        "no-common-protocol",
        "Deno",
        "exec $MODULES/.bin/deno eval --quiet \
         \"const c = await Deno.connectTls({ hostname: 'localhost', port: $PORT, alpnProtocols: ['other'] }); await c.handshake()\"",
    ),
    to(
        "verification-off",
        "requests",
        "exec $PYTHON -c \"import requests; requests.get('$URL', verify=False)\"",
    ),
    to(
        "verification-off",
        "Node",
        "NODE_TLS_REJECT_UNAUTHORIZED=0 exec \"$NODE\" -e \"fetch('$URL').catch(() => {})\"",
    ),
];

/// Ports at which each kind of server listens as long as the test runs.
pub(super) fn ports() -> Vec<(&'static str, String)> {
    const OK: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    const NO: &str = "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    std::mem::forget(silent);
    vec![
        ("PLAIN", server(Some(OK))),
        ("FORBIDDEN", server(Some(NO))),
        ("ENDING", server(Some(""))),
        ("RESETTING", server(None)),
        ("SILENT", port),
        ("CLOSED", super::upstream::free_port()),
    ]
}

/// A server that answers whatever it reads, or resets the connection without reading.
fn server(answer: Option<&'static str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    std::thread::spawn(move || {
        for mut connection in listener.incoming().map_while(Result::ok) {
            let mut first = [0; 1];
            let mut rest = [0; 16384];
            // A connection that is closed while there is something to read is reset.
            let is_there = connection.read(&mut first).is_ok_and(|read| read > 0);
            if let (true, Some(answer)) = (is_there, answer) {
                let _ = connection.read(&mut rest);
                let _ = connection.write_all(answer.as_bytes());
            }
        }
    });
    port
}
