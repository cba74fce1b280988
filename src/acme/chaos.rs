//! Deliberate failures for testing clients: some requests get refused nonces, errors, rate limits or delays.

use std::str::FromStr;
use std::time::Duration;

use aws_lc_rs::rand;

use super::problem::{AcmeProblem, ProblemKind};
use crate::error::Fault;

/// How long clients must wait after reaching a rate limit, in seconds.
const RETRY_AFTER: u64 = 1;
const LONGEST_DELAY: u64 = 2000;

/// The percentage of requests for each kind of failure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Chaos {
    nonces: u8,
    errors: u8,
    limits: u8,
    delays: u8,
}

impl FromStr for Chaos {
    type Err = Fault;

    /// `5`, or `nonces=20,errors=5`.
    fn from_str(text: &str) -> Result<Self, Fault> {
        let refuse = || {
            let what = format!("{text:?} is not a percentage of requests, such as 30");
            Fault::usage(what, "for example: --chaos 30, or --chaos nonces=20,errors=5,limits=5,delays=10")
        };
        let percent = |word: &str| word.parse().ok().filter(|percent| *percent <= 100).ok_or_else(refuse);
        if let Ok(percent) = percent(text) {
            return Ok(Self { nonces: percent, errors: percent, limits: percent, delays: percent });
        }
        let mut chaos = Self::default();
        for word in text.split(',') {
            let (name, value) = word.split_once('=').ok_or_else(refuse)?;
            let field = match name {
                "nonces" => &mut chaos.nonces,
                "errors" => &mut chaos.errors,
                "limits" => &mut chaos.limits,
                "delays" => &mut chaos.delays,
                _ => return Err(refuse()),
            };
            *field = percent(value)?;
        }
        Ok(chaos)
    }
}

impl Chaos {
    /// Delays some requests.
    pub(super) async fn delay(self) {
        if happens(self.delays) {
            let share = u64::from(byte());
            tokio::time::sleep(Duration::from_millis(LONGEST_DELAY * share / 255)).await;
        }
    }

    /// Refuses some requests.
    pub(super) fn fail(self) -> Result<(), AcmeProblem> {
        let by = "(devca acme --chaos)";
        if happens(self.nonces) {
            return Err(AcmeProblem::new(ProblemKind::BadNonce, format!("this nonce was refused {by}")));
        }
        if happens(self.errors) {
            return Err(AcmeProblem::internal(format!("the server failed {by}")).with_status(503));
        }
        if happens(self.limits) {
            let mut problem = AcmeProblem::new(ProblemKind::RateLimited, format!("too many requests {by}"));
            problem.retry_after = Some(RETRY_AFTER);
            return Err(problem);
        }
        Ok(())
    }
}

fn happens(percent: u8) -> bool {
    percent > 0 && u16::from(byte()) * 100 < u16::from(percent) * 256
}

fn byte() -> u8 {
    let mut byte = [0];
    let _ = rand::fill(&mut byte);
    byte[0]
}

#[cfg(test)]
mod tests {
    use super::Chaos;

    #[test]
    fn reads_percentages() {
        assert_eq!("5".parse::<Chaos>().unwrap(), Chaos { nonces: 5, errors: 5, limits: 5, delays: 5 });
        let some = Chaos { nonces: 20, delays: 1, ..Chaos::default() };
        assert_eq!("nonces=20,delays=1".parse::<Chaos>().unwrap(), some);
        for bad in ["", "101", "nonces", "nonces=x", "other=1", "-1"] {
            assert!(bad.parse::<Chaos>().is_err(), "{bad}");
        }
    }
}
