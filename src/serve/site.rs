//! What serves which host: `3000`, `app.localhost=3000`, `*.app.localhost=./public`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::upstream::Upstream;
use crate::error::Fault;
use crate::x509::name::Name;

/// What answers the requests of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Another server.
    Upstream(Upstream),
    /// The files in a folder.
    Folder(PathBuf),
    /// The page about the client's connection.
    Page,
    /// Sites with faulty certificates, and their list.
    Bad,
}

impl FromStr for Destination {
    type Err = Fault;

    /// A word with a slash or without a port is a folder, such as `./public`, `.` or `public`.
    fn from_str(word: &str) -> Result<Self, Fault> {
        let is_url = word.contains("://") || word.starts_with("unix:") || word.starts_with("h2c+unix:");
        let is_path = word.contains(['/', '\\']) || !word.contains(':');
        let is_port = word.bytes().all(|byte| byte.is_ascii_digit());
        if is_url || is_port || !is_path || word.contains(['\0', '@', '?']) {
            return word.parse().map(Self::Upstream);
        }
        Ok(Self::Folder(word.into()))
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upstream(upstream) => upstream.fmt(f),
            Self::Folder(path) => path.display().fmt(f),
            Self::Page => f.write_str("a page about your connection"),
            Self::Bad => f.write_str("a list of sites with faulty certificates"),
        }
    }
}

/// A name and what serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// A host name, an address or a wildcard; `None` for all other hosts.
    pub name: Option<Name>,
    /// What answers its requests.
    pub destination: Destination,
}

impl FromStr for Site {
    type Err = Fault;

    fn from_str(word: &str) -> Result<Self, Fault> {
        let Some((name, destination)) = word.split_once('=').filter(|(name, _)| !name.contains(['/', ':']))
        else {
            return Ok(Self { name: None, destination: word.parse()? });
        };
        let hint = "for example: devca serve app.localhost=3000 '*.app.localhost=4000'";
        let name = match Name::parse(name).map_err(|fault| fault.with_hint(hint))? {
            name @ (Name::Dns(_) | Name::Ip(_)) => name,
            other => return Err(Fault::usage(format!("{other} is not a host name"), hint)),
        };
        Ok(Self { name: Some(name), destination: destination.parse()? })
    }
}

/// All sites of a server.
#[derive(Debug, Clone, Default)]
pub struct Sites(Vec<Site>);

impl Sites {
    /// Refuses two sites with the same name.
    pub fn new(sites: Vec<Site>) -> Result<Self, Fault> {
        let twice = sites
            .iter()
            .enumerate()
            .find(|(at, site)| sites[..*at].iter().any(|other| other.name == site.name));
        if let Some((_, site)) = twice {
            let (what, hint) = match &site.name {
                Some(name) => (format!("{name} is given twice"), "give each name one server"),
                None => (
                    "two servers are given without a name".to_owned(),
                    "name them, for example: devca serve app.localhost=3000 api.localhost=4000",
                ),
            };
            return Err(Fault::usage(what, hint));
        }
        Ok(Self(sites))
    }

    /// The page about the client's connection, for every host.
    pub fn page() -> Self {
        Self(vec![Site { name: None, destination: Destination::Page }])
    }

    /// Sites with faulty certificates, and their list for every other host.
    pub fn bad() -> Self {
        Self(vec![Site { name: None, destination: Destination::Bad }])
    }

    /// Whether these are the faulty sites.
    pub fn are_bad(&self) -> bool {
        self.iter().any(|site| site.destination == Destination::Bad)
    }

    /// Whether there is nothing but that page.
    pub fn are_pages(&self) -> bool {
        self.iter().all(|site| site.destination == Destination::Page)
    }

    /// Iterates over the sites in their original order.
    pub fn iter(&self) -> impl Iterator<Item = &Site> {
        self.0.iter()
    }

    /// The index of the site for a host: the one with its name, or else with a matching wildcard, or else the
    /// one without a name.
    pub fn find(&self, host: &str) -> Option<usize> {
        let host = host.strip_suffix('.').unwrap_or(host);
        let position = |is: &dyn Fn(&Site) -> bool| self.0.iter().position(is);
        let is_exact = |site: &Site| site.name.as_ref().is_some_and(|name| is_host(name, host));
        position(&is_exact)
            .or_else(|| self.by_wildcard(host))
            .or_else(|| position(&|site| site.name.is_none()))
    }

    /// Finds a wildcard for the host. As in certificates, `*.app.test` covers exactly one label.
    fn by_wildcard(&self, host: &str) -> Option<usize> {
        let (_, rest) = host.split_once('.')?;
        self.0.iter().position(|site| match &site.name {
            Some(Name::Dns(name)) => {
                name.strip_prefix("*.").is_some_and(|base| base.eq_ignore_ascii_case(rest))
            }
            _ => false,
        })
    }
}

fn is_host(name: &Name, host: &str) -> bool {
    match name {
        Name::Dns(name) => name.eq_ignore_ascii_case(host),
        Name::Ip(own) => host.trim_matches(['[', ']']).parse() == Ok(*own),
        Name::Email(_) | Name::Uri(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sites(words: &[&str]) -> Sites {
        Sites::new(words.iter().map(|word| word.parse().unwrap()).collect()).unwrap()
    }

    #[test]
    fn finds_the_closest() {
        let all = sites(&["app.localhost=1", "*.app.localhost=2", "127.0.0.1=3", "4"]);
        for (host, place) in [
            ("app.localhost", 0),
            ("APP.localhost.", 0),
            ("a.app.localhost", 1),
            ("a.b.app.localhost", 3),
            ("127.0.0.1", 2),
            ("[::1]", 3),
            ("localhost", 3),
        ] {
            assert_eq!(all.find(host), Some(place), "{host}");
        }
        assert_eq!(sites(&["app.localhost=1"]).find("localhost"), None);
    }

    #[test]
    fn words_with_a_slash_or_without_a_port_are_folders() {
        for word in [".", "..", "./public", "/srv/www", "public", "a.b", "~/site", "dist/", "2024/site"] {
            assert_eq!(word.parse::<Destination>().unwrap(), Destination::Folder(word.into()), "{word}");
        }
        let upstreams = ["3000", "app:80", "127.0.0.1:3000", "[::1]:3000", "http://app"];
        let sockets: &[&str] = if cfg!(unix) { &["unix:/run/app.sock"] } else { &[] };
        for word in upstreams.iter().chain(sockets) {
            assert!(matches!(word.parse().unwrap(), Destination::Upstream(_)), "{word}");
        }
    }

    #[test]
    fn refuses_what_is_ambiguous() {
        for words in [["3000", "4000"], ["a.test=1", "a.test=2"]] {
            let read = words.iter().map(|word| word.parse().unwrap()).collect();
            Sites::new(read).unwrap_err();
        }
        for word in
            ["", "=3000", "a b=3000", "spiffe=", "alice@example.com=1", "app.localhost=", "app.localhost=a:b"]
        {
            word.parse::<Site>().expect_err(word);
        }
    }
}
