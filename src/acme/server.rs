//! The state that all requests share.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::rand;
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::base64url;
use super::chaos::Chaos;
use super::dns::zone::Zone;
use super::issuer::Issuer;
use super::log::AcmeLog;
use super::nonce::Nonces;
use super::problem::AcmeProblem;
use super::record::AcmeAccount;
use super::route::Route;
use super::store::AcmeStore;
use super::validate::Validator;

/// How long orders and authorizations are kept.
pub(super) const PENDING: Duration = Duration::days(7);
/// How often clients should poll a challenge.
pub(super) const LOOK_AGAIN_SECONDS: u64 = 1;

/// Settings for testing clients.
#[derive(Debug, Clone)]
pub struct AcmeRules {
    /// The lifetime of certificates, if it differs from the profile's.
    pub lifetime: Option<Duration>,
    /// Whether clients are told to renew right away.
    pub renew_now: bool,
    /// Whether challenges are validated.
    pub validate: bool,
}

/// The symmetric keys of external accounts, by identifier.
pub type BindingKeys = HashMap<String, Zeroizing<Vec<u8>>>;

/// The server.
pub(super) struct AcmeServer {
    pub(super) store: AcmeStore,
    pub(super) nonces: Nonces,
    pub(super) issuer: Issuer,
    pub(super) rules: AcmeRules,
    pub(super) validator: Validator,
    pub(super) chaos: Chaos,
    /// If there are any, new accounts need one.
    pub(super) bindings: Option<BindingKeys>,
    /// The records of the built-in name server, if it runs.
    pub(super) zone: Option<Arc<Zone>>,
    pub(super) log: Arc<AcmeLog>,
}

/// A request, with the name by which the client knows the server.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) server: Arc<AcmeServer>,
    /// `https://localhost:14000`
    pub(super) base: String,
    pub(super) now: OffsetDateTime,
}

impl Call {
    /// The URL of a resource.
    pub(super) fn url(&self, route: Route) -> String {
        format!("{}{route}", self.base)
    }
}

/// The account that signed the request.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) id: String,
    pub(super) account: AcmeAccount,
}

impl Caller {
    /// Other accounts' resources are reported as not found.
    pub(super) fn owns(&self, account: &str, what: &str) -> Result<(), AcmeProblem> {
        if account == self.id { Ok(()) } else { Err(AcmeProblem::not_found(what)) }
    }
}

/// A random identifier that cannot be guessed, also used as the token of a challenge (RFC 8555 §8: 128 bits).
pub(super) fn random_id() -> Result<String, AcmeProblem> {
    let mut bytes = [0; 18];
    rand::fill(&mut bytes).map_err(|_| AcmeProblem::internal("the system has no randomness"))?;
    Ok(base64url::encode(&bytes))
}

/// The time in the format of JSON messages.
pub(super) fn rfc3339(moment: OffsetDateTime) -> String {
    moment.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}
