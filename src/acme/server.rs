//! What all requests share.

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

/// An order or an authorization is of no use after so long.
pub(super) const PENDING: Duration = Duration::days(7);
/// So often clients look whether a challenge was judged.
pub(super) const LOOK_AGAIN_SECONDS: u64 = 1;

/// How long certificates live, and what is tried out with them.
#[derive(Debug, Clone)]
pub struct AcmeRules {
    /// How long certificates live, if not as long as their profile says.
    pub lifetime: Option<Duration>,
    /// Clients are told to renew at once.
    pub renew_now: bool,
    /// Whether challenges are looked at.
    pub validate: bool,
}

/// Symmetric keys of external accounts, by their identifiers.
pub type BindingKeys = HashMap<String, Zeroizing<Vec<u8>>>;

/// The server.
pub(super) struct AcmeServer {
    pub(super) store: AcmeStore,
    pub(super) nonces: Nonces,
    pub(super) issuer: Issuer,
    pub(super) rules: AcmeRules,
    pub(super) validator: Validator,
    pub(super) chaos: Chaos,
    /// Where there are some, a new account needs one.
    pub(super) bindings: Option<BindingKeys>,
    /// What the built-in name server knows, if it runs.
    pub(super) zone: Option<Arc<Zone>>,
    pub(super) log: Arc<AcmeLog>,
}

/// A request, under the name that the client knows the server by.
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

/// The account that has signed a request.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) id: String,
    pub(super) account: AcmeAccount,
}

impl Caller {
    /// What belongs to others is not there.
    pub(super) fn owns(&self, account: &str, what: &str) -> Result<(), AcmeProblem> {
        if account == self.id { Ok(()) } else { Err(AcmeProblem::not_found(what)) }
    }
}

/// An identifier that nobody can guess, which is also a token of a challenge (RFC 8555 §8: 128 bits).
pub(super) fn random_id() -> Result<String, AcmeProblem> {
    let mut bytes = [0; 18];
    rand::fill(&mut bytes).map_err(|_| AcmeProblem::internal("the system has no randomness"))?;
    Ok(base64url::encode(&bytes))
}

/// As JSON has it.
pub(super) fn rfc3339(moment: OffsetDateTime) -> String {
    moment.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}
