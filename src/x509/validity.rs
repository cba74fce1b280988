//! From when to when a certificate is valid, and how long it still is.

use std::fmt;

use serde::Serialize;
use time::{Duration, OffsetDateTime};

use crate::x509::policy::BACKDATE;

/// From when to when a certificate is valid; both ends count (RFC 5280 §4.1.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// First second.
    pub not_before: OffsetDateTime,
    /// Last second.
    pub not_after: OffsetDateTime,
}

impl Validity {
    /// When what began shortly before was made.
    pub fn made(self) -> OffsetDateTime {
        self.not_before + BACKDATE
    }

    /// `days` from shortly before `now`.
    pub fn starting(now: OffsetDateTime, days: i64) -> Self {
        let not_before = whole_second(now) - BACKDATE;
        Self { not_before, not_after: not_before + Duration::days(days) - Duration::SECOND }
    }

    /// Up to a moment, which may be in the past: then it was valid for a month before.
    pub fn ending(now: OffsetDateTime, not_after: OffsetDateTime) -> Self {
        let not_before = (whole_second(now) - BACKDATE).min(not_after - Duration::days(30));
        Self { not_before, not_after: whole_second(not_after) }
    }

    /// Cut to the issuer's own. What ended before the issuer began, a test's expired certificate, keeps its beginning.
    #[must_use]
    pub fn within(self, issuer: Self) -> Self {
        let not_after = self.not_after.min(issuer.not_after);
        let not_before = if not_after > issuer.not_before {
            self.not_before.max(issuer.not_before)
        } else {
            self.not_before
        };
        Self { not_before, not_after }
    }

    /// Whole days from one end to the other, both counted.
    pub fn days(self) -> i64 {
        (self.not_after - self.not_before + Duration::SECOND).whole_days()
    }

    /// How long it lasts from now on.
    pub fn days_left(self, now: OffsetDateTime) -> DaysLeft {
        DaysLeft::until(self.not_after, now)
    }
}

/// How many days something is still valid. A day that has begun counts; zero or fewer once it has expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct DaysLeft(pub i64);

impl DaysLeft {
    /// From now until the end.
    pub fn until(not_after: OffsetDateTime, now: OffsetDateTime) -> Self {
        let seconds = (not_after - now).whole_seconds();
        Self((seconds + 86_399).div_euclid(86_400))
    }

    /// The label and the text that say when something ends.
    pub fn row(self, not_after: OffsetDateTime) -> (&'static str, String) {
        if self.is_expired() {
            ("expired", not_after.date().to_string())
        } else {
            ("expires", format!("{}, {self}", not_after.date()))
        }
    }

    /// Whether the end has passed.
    pub fn is_expired(self) -> bool {
        self.0 <= 0
    }
}

/// `in 5 days`; with `{:#}`, `5 days left`.
impl fmt::Display for DaysLeft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.0;
        let unit = if days == 1 { "day" } else { "days" };
        match (self.is_expired(), f.alternate()) {
            (true, _) => f.write_str("expired"),
            (false, false) => write!(f, "in {days} {unit}"),
            (false, true) => write!(f, "{days} {unit} left"),
        }
    }
}

/// X.509 times have no fraction.
fn whole_second(moment: OffsetDateTime) -> OffsetDateTime {
    moment.replace_nanosecond(0).unwrap_or(moment)
}
