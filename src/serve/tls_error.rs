//! What went wrong with TLS, in devca's words instead of the library's.

use std::error::Error;
use std::io;

use rustls::{CertificateError, PeerIncompatible};

use crate::check::catalogue::search::search;

/// The TLS error in a chain of errors.
pub(super) fn find<'a>(failed: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(failed);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        // The source of an I/O error is that of the wrapped error, not the wrapped error itself.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// Why a handshake failed, as something that the other side does or has.
pub(super) fn reason(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(why) => of_certificate(why),
        rustls::Error::PeerIncompatible(why) => of_offer(why).into(),
        rustls::Error::AlertReceived(alert) => format!("it ended the handshake with the alert {alert:?}"),
        rustls::Error::InvalidMessage(_) => "what it sends is not TLS".into(),
        rustls::Error::NoCertificatesPresented => "it sent no certificate".into(),
        _ => "it does not follow the protocol".into(),
    }
}

fn of_certificate(why: &CertificateError) -> String {
    let why = match why {
        CertificateError::BadEncoding => "its certificate is malformed",
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet"
        }
        CertificateError::Revoked => "its certificate was revoked",
        CertificateError::UnhandledCriticalExtension => "its certificate has an unknown critical extension",
        CertificateError::UnknownIssuer => "its certificate was not issued by a CA that is trusted here",
        CertificateError::BadSignature => "a signature in its certificates is wrong",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name"
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "its certificate is not meant for this use"
        }
        CertificateError::Other(other) => {
            let found = search(&other.to_string());
            return found.first().map_or_else(
                || "its certificate is not accepted".into(),
                |(fault, _)| format!("its certificate is not accepted: {}", fault.title),
            );
        }
        _ => "its certificate is not accepted",
    };
    why.into()
}

fn of_offer(why: &PeerIncompatible) -> &'static str {
    match why {
        PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled
        | PeerIncompatible::SupportedVersionsExtensionRequired
        | PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig => {
            "it does not offer a TLS version in use here"
        }
        // Clients of TLS 1.1 and older do not have it.
        PeerIncompatible::SignatureAlgorithmsExtensionRequired => {
            "it offers no signature algorithms, so it may speak only TLS 1.1 or older"
        }
        PeerIncompatible::NoCipherSuitesInCommon => {
            "it offers only cipher suites that are not supported here"
        }
        PeerIncompatible::NoKxGroupsInCommon
        | PeerIncompatible::NamedGroupsExtensionRequired
        | PeerIncompatible::KeyShareExtensionRequired => {
            "it offers only key exchanges that are not supported here"
        }
        PeerIncompatible::NoSignatureSchemesInCommon
        | PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon => {
            "it offers only signature algorithms that are not supported here"
        }
        _ => "it lacks a part of TLS that is required here",
    }
}
