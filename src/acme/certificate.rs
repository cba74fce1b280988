//! Downloads of certificates (RFC 8555 §7.4.2), with an alternate chain that includes the root.

use http::StatusCode;

use super::problem::AcmeProblem;
use super::record::AcmeCertificate;
use super::reply::{self, AcmeReply};
use super::route::Route;
use super::server::{Call, Caller};

/// Sends a chain.
pub(super) fn download(
    call: &Call,
    caller: &Caller,
    serial: &str,
    with_root: bool,
) -> Result<AcmeReply, AcmeProblem> {
    let found: Option<AcmeCertificate> = call.server.store.find(serial)?;
    let certificate = found.ok_or_else(|| AcmeProblem::not_found("certificate"))?;
    caller.owns(&certificate.account, "certificate")?;
    let (body, other) = if with_root {
        (format!("{}{}", certificate.chain, certificate.root), Route::Certificate(serial))
    } else {
        (certificate.chain, Route::LongerChain(serial))
    };
    let reply = reply::with_type(StatusCode::OK, "application/pem-certificate-chain", body);
    Ok(reply::linked(reply, &call.url(other), "alternate"))
}
