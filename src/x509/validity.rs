//! The validity of certificates, and how long they remain valid.

use std::fmt;

use serde::Serialize;
use time::{Duration, OffsetDateTime};

use crate::x509::policy::BACKDATE;

/// A period of validity, including both ends (RFC 5280 §4.1.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first second of validity.
    pub not_before: OffsetDateTime,
    /// The last second of validity.
    pub not_after: OffsetDateTime,
}

impl Validity {
    /// When a backdated certificate was actually made.
    pub fn made(self) -> OffsetDateTime {
        self.not_before + BACKDATE
    }

    /// A validity of this many days that begins shortly before `now`.
    pub fn starting(now: OffsetDateTime, days: i64) -> Self {
        let not_before = whole_second(now) - BACKDATE;
        Self { not_before, not_after: not_before + Duration::days(days) - Duration::SECOND }
    }

    /// A validity with this end. If the end is in the past, it begins a month before that.
    pub fn ending(now: OffsetDateTime, not_after: OffsetDateTime) -> Self {
        let not_before = (whole_second(now) - BACKDATE).min(not_after - Duration::days(30));
        Self { not_before, not_after: whole_second(not_after) }
    }

    /// Limits the validity to that of the issuer. One that ends before the issuer's begins (an expired
    /// certificate for tests) keeps its beginning.
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

    /// The length in whole days, counting both ends.
    pub fn days(self) -> i64 {
        (self.not_after - self.not_before + Duration::SECOND).whole_days()
    }

    /// How many days are left.
    pub fn days_left(self, now: OffsetDateTime) -> DaysLeft {
        DaysLeft::until(self.not_after, now)
    }
}

/// How many days something is still valid. A partial day counts as one; zero or fewer means that it has
/// expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct DaysLeft(pub i64);

impl DaysLeft {
    /// The days from now until the end.
    pub fn until(not_after: OffsetDateTime, now: OffsetDateTime) -> Self {
        let seconds = (not_after - now).whole_seconds();
        Self((seconds + 86_399).div_euclid(86_400))
    }

    /// The label and text of a table row with the end of the validity.
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

/// Formats as `in 5 days` or, with `{:#}`, as `5 days left`.
impl fmt::Display for DaysLeft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.0;
        match (self.is_expired(), f.alternate()) {
            (true, _) => f.write_str("expired"),
            (false, false) if days == 1 => f.write_str("within a day"),
            (false, true) if days == 1 => f.write_str("less than a day left"),
            (false, false) => write!(f, "in {days} days"),
            (false, true) => write!(f, "{days} days left"),
        }
    }
}

/// Drops the fraction of a second, which X.509 times cannot express.
fn whole_second(moment: OffsetDateTime) -> OffsetDateTime {
    moment.replace_nanosecond(0).unwrap_or(moment)
}
