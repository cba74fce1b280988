//! The payloads of requests.

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::problem::AcmeProblem;

/// Parses a payload; the error says which member is missing or wrong.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, AcmeProblem> {
    if body.is_empty() {
        return Err(AcmeProblem::malformed("this request needs a payload; send {} if it is empty"));
    }
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(AcmeProblem::malformed("the payload must be a JSON object"));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize(&mut json);
    let read = read.map_err(|e| (Some(e.path().to_string()), e.into_inner()));
    let read = read.and_then(|value| json.end().map(|()| value).map_err(|e| (None, e)));
    read.map_err(|(member, why)| {
        let member =
            member.filter(|member| member != ".").map(|member| format!("{member}: ")).unwrap_or_default();
        let why = why.to_string();
        let why = why.split(" at line ").next().unwrap_or_default();
        AcmeProblem::malformed(format!("the payload cannot be read: {member}{why}"))
    })
}

/// Parses a member with a date and time (RFC 3339).
pub(super) fn moment<'de, D: Deserializer<'de>>(member: D) -> Result<Option<OffsetDateTime>, D::Error> {
    let Some(text) = Option::<String>::deserialize(member)? else { return Ok(None) };
    let moment = OffsetDateTime::parse(&text, &Rfc3339);
    let wrong =
        |_| D::Error::custom(format!("{text:?} is not a date and time, such as 2030-01-31T12:00:00Z"));
    moment.map(Some).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Example {
        #[serde(deserialize_with = "moment", default)]
        end: Option<OffsetDateTime>,
        names: Vec<String>,
    }

    #[test]
    fn errors_name_the_member() {
        for (body, expected) in [
            (r#"{"names": [], "end": "soon"}"#, "end: \"soon\" is not a date and time"),
            (r#"{"names": [], "end": 1}"#, "end: invalid type: integer `1`, expected a string"),
            (r#"{"names": ["a", 2]}"#, "names[1]: invalid type: integer"),
            ("{}", "read: missing field `names`"),
            (r#"{"names": []} x"#, "read: trailing characters"),
            ("", "needs a payload"),
            ("[[]]", "must be a JSON object"),
        ] {
            let problem = read::<Example>(body.as_bytes()).unwrap_err();
            assert!(problem.detail.contains(expected), "{body}: {}", problem.detail);
        }
        let good = read::<Example>(br#"{"names": [], "end": "2030-01-31T12:00:00Z"} "#).unwrap();
        assert!(good.end.is_some() && good.names.is_empty());
    }
}
