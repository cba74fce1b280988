//! The resources of the server, and their URLs.

use std::fmt;

use super::record::ChallengeKind;

/// A resource (RFC 8555 §7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route<'a> {
    Home,
    Directory,
    NewNonce,
    NewAccount,
    NewOrder,
    NewAuthorization,
    RevokeCertificate,
    KeyChange,
    Account(&'a str),
    Orders(&'a str),
    /// The page of an account's orders that follows this one.
    OrdersAfter(&'a str, &'a str),
    Order(&'a str),
    Finalize(&'a str),
    Authorization(&'a str),
    Challenge(&'a str, ChallengeKind),
    Certificate(&'a str),
    /// The chain that includes the root.
    LongerChain(&'a str),
    /// RFC 9773 §4.1.
    RenewalInfo(&'a str),
    /// The API for changing the name server's records, with the rest of the path.
    Dns(&'a str),
}

impl<'a> Route<'a> {
    /// Parses a path; `None` if there is nothing at it.
    pub(super) fn parse(path: &'a str) -> Option<Self> {
        if let Some(rest) = path.strip_prefix("/dns/") {
            return Some(Self::Dns(rest));
        }
        let mut parts = path.strip_prefix('/')?.split('/');
        let route = match (parts.next()?, parts.next(), parts.next()) {
            ("account", Some(id), Some("orders")) => match parts.next() {
                Some(cursor) => Self::OrdersAfter(id, cursor),
                None => Self::Orders(id),
            },
            ("", None, None) => Self::Home,
            ("directory", None, None) => Self::Directory,
            ("new-nonce", None, None) => Self::NewNonce,
            ("new-account", None, None) => Self::NewAccount,
            ("new-order", None, None) => Self::NewOrder,
            ("new-authz", None, None) => Self::NewAuthorization,
            ("revoke-cert", None, None) => Self::RevokeCertificate,
            ("key-change", None, None) => Self::KeyChange,
            ("account", Some(id), None) => Self::Account(id),
            ("order", Some(id), None) => Self::Order(id),
            ("order", Some(id), Some("finalize")) => Self::Finalize(id),
            ("authz", Some(id), None) => Self::Authorization(id),
            ("challenge", Some(id), Some("http-01")) => Self::Challenge(id, ChallengeKind::Http),
            ("challenge", Some(id), Some("tls-alpn-01")) => Self::Challenge(id, ChallengeKind::TlsAlpn),
            ("challenge", Some(id), Some("dns-01")) => Self::Challenge(id, ChallengeKind::Dns),
            ("certificate", Some(serial), None) => Self::Certificate(serial),
            ("certificate", Some(serial), Some("with-root")) => Self::LongerChain(serial),
            ("renewal-info", Some(id), None) => Self::RenewalInfo(id),
            _ => return None,
        };
        parts.next().is_none().then_some(route)
    }
}

/// The resource's path.
impl fmt::Display for Route<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Home => f.write_str("/"),
            Self::Directory => f.write_str("/directory"),
            Self::NewNonce => f.write_str("/new-nonce"),
            Self::NewAccount => f.write_str("/new-account"),
            Self::NewOrder => f.write_str("/new-order"),
            Self::NewAuthorization => f.write_str("/new-authz"),
            Self::RevokeCertificate => f.write_str("/revoke-cert"),
            Self::KeyChange => f.write_str("/key-change"),
            Self::Account(id) => write!(f, "/account/{id}"),
            Self::Orders(id) => write!(f, "/account/{id}/orders"),
            Self::OrdersAfter(id, cursor) => write!(f, "/account/{id}/orders/{cursor}"),
            Self::Order(id) => write!(f, "/order/{id}"),
            Self::Finalize(id) => write!(f, "/order/{id}/finalize"),
            Self::Authorization(id) => write!(f, "/authz/{id}"),
            Self::Challenge(id, kind) => write!(f, "/challenge/{id}/{}", kind.as_str()),
            Self::Certificate(serial) => write!(f, "/certificate/{serial}"),
            Self::LongerChain(serial) => write!(f, "/certificate/{serial}/with-root"),
            // The directory lists it without an identifier.
            Self::RenewalInfo("") => f.write_str("/renewal-info"),
            Self::RenewalInfo(id) => write!(f, "/renewal-info/{id}"),
            Self::Dns(rest) => write!(f, "/dns/{rest}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for route in [
            Route::Home,
            Route::Directory,
            Route::NewNonce,
            Route::Account("a"),
            Route::Orders("a"),
            Route::OrdersAfter("a", "c"),
            Route::Finalize("o"),
            Route::Challenge("z", ChallengeKind::TlsAlpn),
            Route::LongerChain("0a"),
            Route::RenewalInfo("a.b"),
            Route::Dns("acme-dns/register"),
        ] {
            assert_eq!(Route::parse(&route.to_string()), Some(route));
        }
        for path in ["", "x", "/x", "//", "/order", "/order/1/2", "/order/1/finalize/2", "/challenge/1/x-01"]
        {
            assert_eq!(Route::parse(path), None, "{path}");
        }
    }
}
