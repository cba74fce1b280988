//! What clients that trust the root say at each faulty site. `tests/serve/bad.rs` compares this with real clients.

use crate::ca::faulty::BadKind;
use crate::check::catalogue::Client;

/// The clients, in the order of [`messages`].
const CLIENTS: [Client; 6] =
    [Client::Curl, Client::Node, Client::Python, Client::Go, Client::Chrome, Client::Firefox];

/// The message of a client that accepts the site.
const ACCEPTED: &str = "(accepts it)";

/// There is no message: Firefox without a window waits for an answer that nobody can give.
const UNKNOWN: &str = "";

/// Each client with its message.
pub(super) fn messages(kind: BadKind) -> impl Iterator<Item = (Client, &'static str)> {
    let said = SAID.iter().find(|(kinds, _)| kinds.contains(&kind)).map(|(_, said)| *said);
    let said = said.unwrap_or([ACCEPTED; CLIENTS.len()]);
    CLIENTS.into_iter().zip(said).filter(|(_, says)| *says != UNKNOWN)
}

/// The messages at each site that some client rejects. curl and Python print OpenSSL's, and so does Node for faults without a code.
static SAID: &[(&[BadKind], [&str; CLIENTS.len()])] = &[
    (
        &[BadKind::Expired],
        [
            "certificate has expired",
            "CERT_HAS_EXPIRED",
            "certificate has expired",
            "x509: certificate has expired or is not yet valid",
            "NET::ERR_CERT_DATE_INVALID",
            "SEC_ERROR_EXPIRED_CERTIFICATE",
        ],
    ),
    (
        &[BadKind::NotYetValid],
        [
            "certificate is not yet valid",
            "CERT_NOT_YET_VALID",
            "certificate is not yet valid",
            "x509: certificate has expired or is not yet valid",
            "NET::ERR_CERT_DATE_INVALID",
            "MOZILLA_PKIX_ERROR_NOT_YET_VALID_CERTIFICATE",
        ],
    ),
    (
        &[BadKind::WrongHost, BadKind::WildcardDepth],
        [
            "no alternative certificate subject name matches target host name",
            "ERR_TLS_CERT_ALTNAME_INVALID",
            "Hostname mismatch, certificate is not valid for",
            "x509: certificate is valid for",
            "NET::ERR_CERT_COMMON_NAME_INVALID",
            "SSL_ERROR_BAD_CERT_DOMAIN",
        ],
    ),
    (
        &[BadKind::SelfSigned],
        [
            "self-signed certificate",
            "DEPTH_ZERO_SELF_SIGNED_CERT",
            "self-signed certificate",
            "x509: certificate signed by unknown authority",
            "NET::ERR_CERT_AUTHORITY_INVALID",
            "MOZILLA_PKIX_ERROR_SELF_SIGNED_CERT",
        ],
    ),
    (
        &[BadKind::UntrustedRoot, BadKind::MissingIntermediate],
        [
            "unable to get local issuer certificate",
            "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
            "unable to get local issuer certificate",
            "x509: certificate signed by unknown authority",
            "NET::ERR_CERT_AUTHORITY_INVALID",
            "SEC_ERROR_UNKNOWN_ISSUER",
        ],
    ),
    (
        &[BadKind::ReplacedRoot],
        [
            "unable to get local issuer certificate",
            "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
            "unable to get local issuer certificate",
            "x509: certificate signed by unknown authority (possibly because of \"x509: ECDSA verification failure\"",
            "NET::ERR_CERT_AUTHORITY_INVALID",
            "SEC_ERROR_BAD_SIGNATURE",
        ],
    ),
    (
        &[BadKind::ExpiredIntermediate],
        [
            "certificate has expired",
            "CERT_HAS_EXPIRED",
            "certificate has expired",
            "x509: certificate has expired or is not yet valid",
            "NET::ERR_CERT_DATE_INVALID",
            "SEC_ERROR_EXPIRED_ISSUER_CERTIFICATE",
        ],
    ),
    (
        &[BadKind::ClientOnly],
        [
            "unsuitable certificate purpose",
            "INVALID_PURPOSE",
            "unsuitable certificate purpose",
            "x509: certificate specifies an incompatible key usage",
            "NET::ERR_CERT_INVALID",
            "SEC_ERROR_INADEQUATE_CERT_TYPE",
        ],
    ),
    (
        &[BadKind::CaAsLeaf],
        [ACCEPTED, ACCEPTED, ACCEPTED, ACCEPTED, ACCEPTED, "MOZILLA_PKIX_ERROR_CA_CERT_USED_AS_END_ENTITY"],
    ),
    (
        &[BadKind::CommonNameOnly],
        [
            ACCEPTED,
            ACCEPTED,
            ACCEPTED,
            "x509: certificate relies on legacy Common Name field, use SANs instead",
            "NET::ERR_CERT_COMMON_NAME_INVALID",
            "SSL_ERROR_BAD_CERT_DOMAIN",
        ],
    ),
    (
        &[BadKind::NameConstraints],
        [
            "permitted subtree violation",
            "permitted subtree violation",
            "permitted subtree violation",
            "x509: a root or intermediate certificate is not authorized to sign for this name",
            "NET::ERR_CERT_INVALID",
            "SEC_ERROR_CERT_NOT_IN_NAME_SPACE",
        ],
    ),
    (
        &[BadKind::NoKeyUsage],
        [
            "unsuitable certificate purpose",
            "INVALID_PURPOSE",
            "unsuitable certificate purpose",
            ACCEPTED,
            "ERR_SSL_KEY_USAGE_INCOMPATIBLE",
            "SEC_ERROR_INADEQUATE_KEY_USAGE",
        ],
    ),
    (
        &[BadKind::UnknownCriticalExtension],
        [
            "unhandled critical extension",
            "unhandled critical extension",
            "unhandled critical extension",
            "x509: unhandled critical extension",
            "NET::ERR_CERT_INVALID",
            "SEC_ERROR_UNKNOWN_CRITICAL_EXTENSION",
        ],
    ),
    (
        &[BadKind::MtlsRequired],
        [
            "alert certificate required",
            "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
            "TLSV13_ALERT_CERTIFICATE_REQUIRED",
            "tls: certificate required",
            "ERR_BAD_SSL_CLIENT_AUTH_CERT",
            UNKNOWN,
        ],
    ),
];
