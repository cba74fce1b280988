//! The targets of requests: `3000`, `localhost:3000`, `https://api.test`, `h2c://localhost:50051`,
//! `unix:/run/app.sock`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use http::uri::Authority;

use crate::error::Fault;
use crate::x509::name::Name;

/// The protocol of an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// HTTP/1.1 without TLS.
    Http,
    /// HTTP/2 without TLS, with prior knowledge (RFC 9113 §3.3).
    H2c,
    /// TLS, with HTTP/2 if the upstream supports it.
    Https,
}

/// The address of an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A host name or address (IPv6 without brackets) and a port.
    Tcp(String, u16),
    /// A Unix socket.
    Socket(PathBuf),
}

/// A server behind the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// The protocol.
    pub scheme: Scheme,
    /// The address.
    pub place: Endpoint,
}

impl Upstream {
    /// Whether it runs on this machine. Such a server sees the host that the client requested; others see
    /// their own name.
    pub fn is_local(&self) -> bool {
        match &self.place {
            Endpoint::Socket(_) => true,
            Endpoint::Tcp(host, _) => is_loopback(host),
        }
    }

    /// The value of the `Host` header for an upstream that sees its own name.
    pub fn authority(&self) -> String {
        match &self.place {
            Endpoint::Socket(_) => "localhost".into(),
            Endpoint::Tcp(host, port) => {
                let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
                let is_usual = *port == if self.scheme == Scheme::Https { 443 } else { 80 };
                if is_usual { host } else { format!("{host}:{port}") }
            }
        }
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl FromStr for Upstream {
    type Err = Fault;

    fn from_str(word: &str) -> Result<Self, Fault> {
        if let Some(path) = word.strip_prefix("unix:") {
            return socket(word, Scheme::Http, path);
        }
        if let Some(path) = word.strip_prefix("h2c+unix:") {
            return socket(word, Scheme::H2c, path);
        }
        let (scheme, rest) = match word.split_once("://") {
            Some(("http", rest)) => (Scheme::Http, rest),
            Some(("h2c", rest)) => (Scheme::H2c, rest),
            Some(("https", rest)) => (Scheme::Https, rest),
            Some(_) => return Err(refuse(word, "its scheme is not http, https or h2c")),
            None => (Scheme::Http, word),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#']) {
            return Err(refuse(word, "a path is not supported: requests keep their own"));
        }
        if rest.contains('@') {
            return Err(refuse(word, "it contains a user name"));
        }
        if !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()) {
            let port = rest.parse().ok().filter(|port| *port > 0);
            let port = port.ok_or_else(|| refuse(word, "a port is a number from 1 to 65535"))?;
            return Ok(Self { scheme, place: Endpoint::Tcp("localhost".into(), port) });
        }
        let authority: Authority = rest.parse().map_err(|_| refuse(word, "it is not a host with a port"))?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let host = match Name::parse(host) {
            Ok(name @ (Name::Dns(_) | Name::Ip(_))) if !host.contains('*') => name.to_string(),
            _ => return Err(refuse(word, "it is not a host with a port")),
        };
        let usual = word.contains("://").then_some(if scheme == Scheme::Https { 443 } else { 80 });
        let has_port = rest.rsplit(']').next().is_some_and(|end| end.contains(':'));
        let port = match authority.port_u16().filter(|port| *port > 0) {
            None if has_port => return Err(refuse(word, "a port is a number from 1 to 65535")),
            given => given.or(usual).ok_or_else(|| refuse(word, "it has no port"))?,
        };
        Ok(Self { scheme, place: Endpoint::Tcp(host, port) })
    }
}

#[cfg(unix)]
fn socket(word: &str, scheme: Scheme, path: &str) -> Result<Upstream, Fault> {
    if path.is_empty() || path.contains('\0') {
        return Err(refuse(word, "it names no socket"));
    }
    Ok(Upstream { scheme, place: Endpoint::Socket(path.into()) })
}

#[cfg(not(unix))]
fn socket(word: &str, _: Scheme, _: &str) -> Result<Upstream, Fault> {
    Err(refuse(word, "this system has no Unix sockets"))
}

fn refuse(word: &str, why: &str) -> Fault {
    let shown: String = word.chars().take(80).collect();
    Fault::usage(
        format!("{shown:?} is not a server to send requests to: {why}"),
        "use a port, host:port, a URL or a socket, for example: devca serve 3000, or devca serve unix:/tmp/app.sock",
    )
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, marked) = match self.scheme {
            Scheme::Http => ("http", ""),
            Scheme::H2c => ("h2c", "h2c+"),
            Scheme::Https => ("https", ""),
        };
        match &self.place {
            Endpoint::Socket(path) => write!(f, "{marked}unix:{}", path.display()),
            Endpoint::Tcp(..) => write!(f, "{scheme}://{}", self.authority()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_each_form() {
        for (word, shown) in [
            ("3000", "http://localhost:3000"),
            ("127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("[::1]:3000", "http://[::1]:3000"),
            ("app:80", "http://app"),
            ("http://localhost:3000/", "http://localhost:3000"),
            ("http://Localhost", "http://localhost"),
            ("https://api.example.com", "https://api.example.com"),
            ("https://3000", "https://localhost:3000"),
            ("h2c://50051", "h2c://localhost:50051"),
            ("h2c://[::1]:50051", "h2c://[::1]:50051"),
            #[cfg(unix)]
            ("unix:/tmp/app.sock", "unix:/tmp/app.sock"),
            #[cfg(unix)]
            ("h2c+unix:app.sock", "h2c+unix:app.sock"),
        ] {
            let read: Upstream = word.parse().expect(word);
            assert_eq!(read.to_string(), shown);
            assert_eq!(shown.parse::<Upstream>().expect(shown), read);
        }
    }

    #[test]
    fn refuses_what_is_not_a_server() {
        for word in [
            "",
            "0",
            "65536",
            "99999999999",
            "app",
            "localhost",
            "ftp://x",
            "http://",
            "http://a/b",
            "a:0",
            "http://192.0.2.1:70000",
            "[::1]:99999",
            "a:x",
            "u@h:1",
            "unix:",
            "*.app.test:80",
            "http://[::1",
            "a b:1",
            "::1:3000",
            "http://a:1?x",
            "//a:1",
            "a:1:2",
        ] {
            let fault = word.parse::<Upstream>().expect_err(word);
            assert!(!fault.hint().is_empty());
        }
    }
}
