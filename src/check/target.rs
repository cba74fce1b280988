//! The target of a check: a server or a file.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::error::{Fault, quoted};

/// What an argument on the command line refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckTarget {
    /// `https://localhost:8443/…`, `localhost:8443`, `[::1]:8443`.
    Server {
        /// The host name or address, without brackets.
        host: String,
        /// The port; 443 if a URL does not have one.
        port: u16,
    },
    /// An existing file.
    File(PathBuf),
}

impl CheckTarget {
    /// An argument with a scheme is a URL, one that names an existing file is that file, and anything else is
    /// a host or a port.
    pub fn parse(word: &str) -> Result<Self, Fault> {
        let example = "for example: devca check https://localhost:8443, localhost:8443 or localhost.pem";
        if let Some((scheme, rest)) = word.split_once("://") {
            let port = match scheme.to_ascii_lowercase().as_str() {
                "https" | "wss" => 443,
                "ldaps" => 636,
                "http" | "ws" => {
                    return Err(Fault::usage(
                        format!("{word} is an address without TLS"),
                        "start it with https://",
                    ));
                }
                _ => return Err(Fault::usage(format!("{scheme}:// is not supported"), example)),
            };
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let authority = authority.rsplit('@').next().unwrap_or_default();
            return Self::server(authority, Some(port), word);
        }
        let path = PathBuf::from(word);
        if word == "-" {
            return Ok(Self::File(path));
        }
        match path.try_exists() {
            Ok(true) => return Ok(Self::File(path)),
            Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {
                let folder = path.ancestors().skip(1).find(|folder| folder.exists()).unwrap_or(&path);
                let hint = format!("check the permissions of its folder: ls -ld {}", quoted(folder));
                return Err(Fault::new(format!("cannot read {word}: permission denied"), hint));
            }
            // On Windows, a path that cannot be a file name is also an error.
            _ => {}
        }
        // `8443` and `:8443` are ports on this machine.
        let port = word.strip_prefix(':').unwrap_or(word).parse::<u16>();
        if let Some(port) = port.ok().filter(|port| *port > 0) {
            return Self::server("localhost", Some(port), word);
        }
        let authority = word.split_once(['/', '?', '#']).map_or(word, |(authority, _)| authority);
        if authority.is_empty() || looks_like_a_file(word) {
            return Err(Fault::usage(format!("{word:?} is neither a file nor an address"), example));
        }
        Self::server(authority, Some(443), word)
    }

    fn server(authority: &str, default: Option<u16>, word: &str) -> Result<Self, Fault> {
        let bad = || {
            let example = "for example: devca check https://localhost:8443 or '[::1]:8443'";
            Fault::usage(format!("{word} is not a server address"), example)
        };
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or_else(bad)?;
                host.parse::<IpAddr>().map_err(|_| bad())?;
                (host, port.strip_prefix(':'))
            }
            None => match authority.rsplit_once(':') {
                Some((host, port)) if !host.contains(':') => (host, Some(port)),
                Some(_) => return Err(bad()),
                None => (authority, None),
            },
        };
        let port = match (port, default) {
            (Some(port), _) => port.parse().ok().filter(|port| *port > 0).ok_or_else(bad)?,
            (None, Some(port)) => port,
            (None, None) => return Err(bad()),
        };
        if host.is_empty() {
            return Err(bad());
        }
        let host = idna::domain_to_ascii(host).unwrap_or_else(|_| host.to_owned());
        Ok(Self::Server { host, port })
    }
}

/// Whether this is a path to a missing file rather than a host: it has a folder or the extension of a
/// certificate file.
fn looks_like_a_file(word: &str) -> bool {
    const EXTENSIONS: [&str; 10] = ["pem", "crt", "cer", "der", "key", "csr", "p12", "pfx", "jks", "txt"];
    let path = Path::new(word);
    let has_extension = path
        .extension()
        .is_some_and(|extension| EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known)));
    let starts_like_a_path = word.starts_with(['/', '.', '~']) || word.contains('\\');
    starts_like_a_path || has_extension || !word.contains(['.', ':']) && word != "localhost"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        for (word, host, port) in [
            ("https://localhost:8443/a?b", "localhost", 8443),
            ("https://bücher.test", "xn--bcher-kva.test", 443),
            ("localhost:1", "localhost", 1),
            ("[::1]:8443", "::1", 8443),
            ("https://[::1]", "::1", 443),
            ("https://me:secret@app.test", "app.test", 443),
            ("localhost", "localhost", 443),
            ("app.localhost/path?x", "app.localhost", 443),
            ("localhost:8443/path", "localhost", 8443),
            (":8443", "localhost", 8443),
            ("8443", "localhost", 8443),
        ] {
            assert_eq!(
                CheckTarget::parse(word).unwrap(),
                CheckTarget::Server { host: host.into(), port },
                "{word}"
            );
        }
        for word in [
            "",
            "nothing",
            "missing.pem",
            "./missing",
            "folder/file",
            "http://localhost",
            "ftp://a",
            "localhost:0",
            "localhost:99999",
            "::1:80",
            "[x]:1",
            ":0",
        ] {
            assert!(CheckTarget::parse(word).is_err(), "{word}");
        }
    }
}
