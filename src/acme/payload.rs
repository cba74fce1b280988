//! The payloads of requests.

use serde::de::DeserializeOwned;

use super::problem::AcmeProblem;

/// Parses a payload; the error says which member is missing or wrong.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, AcmeProblem> {
    if body.is_empty() {
        return Err(AcmeProblem::malformed("this request needs a payload; send {} if it is empty"));
    }
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(AcmeProblem::malformed("the payload must be a JSON object"));
    }
    serde_json::from_slice(body).map_err(|e| {
        let why = e.to_string();
        let why = why.split(" at line ").next().unwrap_or_default().to_owned();
        AcmeProblem::malformed(format!("the payload cannot be read: {why}"))
    })
}
