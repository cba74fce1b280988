//! Turns the names of a command line into a common name and subject alternative names.

use std::net::Ipv4Addr;

use crate::error::Fault;
use crate::x509::constraints::Constraints;
use crate::x509::kind::Kind;
use crate::x509::name::{self, Name};
use crate::x509::policy::MAX_COMMON_NAME;
use crate::x509::subtree::Subtree;

/// The subject and subject alternative names of a leaf, with all parts parsed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subject {
    /// The common name, at most 64 characters.
    pub common_name: Option<String>,
    /// The organization (O) to use instead of devca's default.
    pub organization: Option<String>,
    /// The organizational unit (OU).
    pub unit: Option<String>,
    /// The subject alternative names, in order and without duplicates.
    pub names: Vec<Name>,
    /// An additional DNS name that was not requested: see [`Self::suit`].
    pub stand_in: Option<Name>,
}

impl Subject {
    /// Parses the names of a command line, batch or CSR. `common_name` is the one that was given separately.
    pub fn parse(kind: Kind, words: &[String], common_name: Option<&str>) -> Result<Self, Fault> {
        match (kind, common_name) {
            (Kind::Client, Some(common_name)) => Self::with_common_name(common_name, words),
            // Since RFC 6125, clients only check a server's SANs.
            (_, Some(common_name)) => match Self::with_common_name(common_name, words)? {
                named if !named.names.is_empty() => Ok(named),
                _ => Err(Fault::usage(
                    format!(
                        "{common_name:?} is not the name of a server: clients match host names and addresses"
                    ),
                    "also name the server, for example: devca issue localhost --cn NAME",
                )),
            },
            (Kind::Client, None) => match words.split_first() {
                Some((first, more)) => Self::with_common_name(first, more),
                None => Err(Fault::usage("a client needs a name", "for example: devca issue --client alice")),
            },
            (_, None) => Self::server(words),
        }
    }

    /// A common name, which also becomes a SAN if it can be parsed as one, and further SANs.
    fn with_common_name(common_name: &str, words: &[String]) -> Result<Self, Fault> {
        checked(common_name, "a common name", "for example: devca issue --client alice")?;
        // "alice" and "Alice Smith" are only common names; "alice.test", "a@b.test" and "spiffe://…" also
        // become SANs, because OpenSSL treats a common name with a dot as a host name if there is no other.
        let own = match Name::parse(common_name) {
            Ok(Name::Dns(host)) if !host.contains('.') => None,
            Ok(name) => Some(name),
            Err(_) if !common_name.contains(['.', '@', '/', '*']) => None,
            Err(fault) => return Err(fault),
        };
        let names = own.into_iter().map(Ok).chain(words.iter().map(|word| Name::parse(word)));
        Ok(Self {
            common_name: Some(common_name.to_owned()),
            names: names.collect::<Result<_, _>>()?,
            ..Self::default()
        }
        .without_duplicates())
    }

    fn server(words: &[String]) -> Result<Self, Fault> {
        let names = words.iter().map(|word| Name::parse(word)).collect::<Result<Vec<_>, _>>()?;
        if let Some(url) =
            words.iter().find(|word| word.starts_with("https://") || word.starts_with("http://"))
        {
            let host = name::host_in(url).unwrap_or_else(|| "localhost".into());
            return Err(Fault::usage(
                format!("{url} is a URL, not the name of a server"),
                format!("omit the scheme, port and path: devca issue {host}"),
            ));
        }
        if let [Name::Email(mailbox)] = names.as_slice() {
            return Err(Fault::usage(
                format!("{mailbox} does not name a server: clients match host names and addresses"),
                format!("for a client certificate: devca issue --client {mailbox}"),
            ));
        }
        // If there is no DNS name in the SANs, OpenSSL treats a common name that could be one (even
        // `127.0.0.1`) as a DNS name, and finds it outside the constraints. So only a host name becomes the
        // common name.
        let host = names.iter().find(|name| matches!(name, Name::Dns(_)));
        let common_name = host.map(ToString::to_string).filter(|name| name.len() <= MAX_COMMON_NAME);
        Ok(Self { common_name, names, ..Self::default() }.without_duplicates())
    }

    /// Adds the organization and unit to the subject.
    pub fn with_organization(
        mut self,
        organization: Option<String>,
        unit: Option<String>,
    ) -> Result<Self, Fault> {
        for part in [&organization, &unit].into_iter().flatten() {
            checked(part, "an organization", "for example: --org 'Example Ltd' --ou Tests")?;
        }
        (self.organization, self.unit) = (organization, unit);
        Ok(self)
    }

    /// Adds a permitted DNS name to a subject without one, if a client would take the common name for a host name, and find it
    /// outside the constraints: OpenSSL takes an IPv4 address for one, and Java, below an intermediate, every name of a client.
    pub fn add_stand_in(&mut self, constraints: &Constraints, is_client_below_intermediate: bool) {
        let is_dns = |name: &Name| matches!(name, Name::Dns(_));
        let is_ipv4 = self.common_name.as_ref().is_some_and(|name| name.parse::<Ipv4Addr>().is_ok());
        let permitted = constraints.permitted.iter().find_map(|subtree| match subtree {
            Subtree::Dns(base) => Some(base),
            Subtree::Net(..) => None,
        });
        if (is_ipv4 || is_client_below_intermediate)
            && let (false, Some(base)) = (self.names.iter().any(is_dns), permitted)
        {
            self.stand_in = Some(Name::Dns(format!("client.{base}")));
        }
    }

    fn without_duplicates(mut self) -> Self {
        let mut seen = std::collections::HashSet::new();
        self.names.retain(|name| seen.insert(name.clone()));
        self
    }
}

/// Checks a common name, organization or unit, which may have up to 64 characters (RFC 5280 appendix A).
pub fn checked(text: &str, what: &str, example: &str) -> Result<(), Fault> {
    let fits = !text.trim().is_empty()
        && !text.chars().any(char::is_control)
        && text.chars().count() <= MAX_COMMON_NAME;
    if fits {
        return Ok(());
    }
    let hint = format!("{what} has 1 to {MAX_COMMON_NAME} printable characters, {example}");
    Err(Fault::usage(format!("{text:?} cannot be {what}"), hint))
}
