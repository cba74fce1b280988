//! dns-01 (RFC 8555 §8.4): a TXT record.

use std::net::SocketAddr;

use aws_lc_rs::digest::{SHA256, digest};
use devca_platform::read;
use hickory_proto::rr::{RData, RecordType};

use super::{Proof, Validator};
use crate::acme::base64url;
use crate::acme::dns::query;
use crate::acme::dns::zone::Zone;
use crate::acme::problem::{AcmeProblem, ProblemKind};
use crate::error::lower_first;

/// The maximum number of wrong records that an error shows.
const SHOWN: usize = 3;

/// Queries the record and compares it.
pub(super) async fn look(
    validator: &Validator,
    proof: &Proof,
    zone: Option<&Zone>,
) -> Result<String, AcmeProblem> {
    let name = format!("_acme-challenge.{}", proof.identifier);
    let own = zone.map(|zone| zone.texts(&name)).unwrap_or_default();
    let (texts, place) = match (own.is_empty(), zone, validator.reach.name_server()) {
        (false, ..) | (true, Some(_), None) => (own, "the built-in name server".to_owned()),
        (true, _, server) => {
            let server = server.or_else(of_system).ok_or_else(|| {
                let what = "no name server is known; run one with devca acme --dns-port 8053, or name one with --dns";
                AcmeProblem::new(ProblemKind::Dns, what)
            })?;
            let found = query::ask(server, &name, RecordType::TXT).await;
            let failed = |e: std::io::Error| {
                let what = format!("{server} was asked for TXT {name}: {}", lower_first(&e.to_string()));
                AcmeProblem::new(ProblemKind::Dns, what)
            };
            let texts = found.map_err(failed)?.iter().filter_map(|record| text(&record.data)).collect();
            (texts, server.to_string())
        }
    };
    let expected = base64url::encode(digest(&SHA256, proof.key_authorization.as_bytes()).as_ref());
    if texts.contains(&expected) {
        return Ok(format!("{place} has the record {name}"));
    }
    let found = match texts.as_slice() {
        [] => "none".to_owned(),
        texts => texts.iter().take(SHOWN).map(|text| format!("{text:?}")).collect::<Vec<_>>().join(", "),
    };
    let what = format!("{place} was asked for TXT {name}: expected {expected:?}, found {found}");
    let kind = if texts.is_empty() { ProblemKind::Dns } else { ProblemKind::Unauthorized };
    Err(AcmeProblem::new(kind, what))
}

/// The strings of a record, concatenated.
fn text(data: &RData) -> Option<String> {
    let RData::TXT(txt) = data else { return None };
    Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned())
}

/// The first name server in the system's configuration.
fn of_system() -> Option<SocketAddr> {
    let text = read::bytes(std::path::Path::new("/etc/resolv.conf")).ok()?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let word = text.lines().find_map(|line| line.trim().strip_prefix("nameserver"))?;
    Some(SocketAddr::new(word.trim().parse().ok()?, 53))
}
