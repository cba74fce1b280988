//! What is to be checked: an address or a file.

use std::net::IpAddr;
use std::path::PathBuf;

use crate::error::Fault;

/// What argv means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// `https://localhost:8443/…`, `localhost:8443`, `[::1]:8443`.
    Server {
        /// Without brackets.
        host: String,
        /// 443, where none is given in a URL.
        port: u16,
    },
    /// A file that is there.
    File(PathBuf),
}

impl What {
    /// A word with a scheme is an address, one that is a file a file, and any other an address with its port.
    pub fn parse(word: &str) -> Result<Self, Fault> {
        let example = "as in: devca check https://localhost:8443, localhost:8443 or localhost.pem";
        if let Some((scheme, rest)) = word.split_once("://") {
            let port = match scheme.to_ascii_lowercase().as_str() {
                "https" | "wss" => 443,
                "ldaps" => 636,
                "http" | "ws" => {
                    return Err(Fault::usage(
                        format!("{word} is an address without TLS"),
                        "begin it with https://",
                    ));
                }
                _ => return Err(Fault::usage(format!("{scheme}:// is not known"), example)),
            };
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let authority = authority.rsplit('@').next().unwrap_or_default();
            return Self::server(authority, Some(port), word);
        }
        let path = PathBuf::from(word);
        if word == "-" || path.exists() {
            return Ok(Self::File(path));
        }
        if !word.contains(':') {
            return Err(Fault::usage(
                format!("{word} is neither a file nor an address with a port"),
                example,
            ));
        }
        Self::server(word, None, word)
    }

    fn server(authority: &str, default: Option<u16>, word: &str) -> Result<Self, Fault> {
        let bad = || {
            let example = "as in: devca check https://localhost:8443 or '[::1]:8443'";
            Fault::usage(format!("{word} is no address of a server"), example)
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
        ] {
            assert_eq!(What::parse(word).unwrap(), What::Server { host: host.into(), port }, "{word}");
        }
        for word in [
            "",
            "localhost",
            "http://localhost",
            "ftp://a",
            "localhost:0",
            "localhost:99999",
            "::1:80",
            ":80",
            "[x]:1",
        ] {
            assert!(What::parse(word).is_err(), "{word}");
        }
    }
}
