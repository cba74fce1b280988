//! Profiles of certificates (draft-ietf-acme-profiles), by the names that Let's Encrypt uses.

use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use super::problem::{AcmeProblem, ProblemKind};
use super::record::AcmeOrder;
use super::server::AcmeRules;
use crate::x509::policy;
use crate::x509::validity::Validity;

/// A kind of certificate that orders can ask for.
pub(super) struct OrderProfile {
    pub(super) name: &'static str,
    description: &'static str,
    lifetime: Duration,
    /// Whether the first host name is also the common name.
    pub(super) has_common_name: bool,
}

/// All profiles. The first is the default.
const PROFILES: [OrderProfile; 3] = [
    OrderProfile {
        name: "classic",
        description: "90 days, with a common name",
        lifetime: Duration::days(90),
        has_common_name: true,
    },
    OrderProfile {
        name: "tlsserver",
        description: "90 days, without a common name",
        lifetime: Duration::days(90),
        has_common_name: false,
    },
    OrderProfile {
        name: "shortlived",
        description: "160 hours, without a common name",
        lifetime: Duration::hours(160),
        has_common_name: false,
    },
];

/// The profiles for the directory.
pub(super) fn descriptions() -> Value {
    let one = |profile: &OrderProfile| (profile.name.to_owned(), profile.description.into());
    Value::Object(PROFILES.iter().map(one).collect::<Map<_, _>>())
}

/// The profile with this name, or the default.
pub(super) fn find(name: Option<&str>) -> Result<&'static OrderProfile, AcmeProblem> {
    let Some(name) = name else { return Ok(&PROFILES[0]) };
    PROFILES.iter().find(|profile| profile.name == name).ok_or_else(|| {
        let all = PROFILES.each_ref().map(|profile| profile.name).join(", ");
        AcmeProblem::new(
            ProblemKind::InvalidProfile,
            format!("there is no profile {name:?}; use one of: {all}"),
        )
    })
}

/// The validity period. A short one starts only shortly before now: clients renew after a fraction of the lifetime, and
/// starting an hour early would use up most of it.
pub(super) fn validity(
    profile: &OrderProfile,
    rules: &AcmeRules,
    order: &AcmeOrder,
    now: OffsetDateTime,
) -> Validity {
    let now = now.replace_nanosecond(0).unwrap_or(now);
    let lifetime = rules.lifetime.unwrap_or(profile.lifetime);
    let backdate = policy::BACKDATE.min(lifetime / 20);
    let not_before = order.not_before.unwrap_or(now - backdate);
    let not_after = order.not_after.unwrap_or(now.max(not_before) - backdate + lifetime - Duration::SECOND);
    Validity { not_before, not_after }
}
