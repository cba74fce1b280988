//! A configuration profile with the root, for iOS, iPadOS and macOS (Apple, "Configuration Profile
//! Reference").
//!
//! The user installs it in the settings and, on iOS, also enables full trust (General, About, Certificate
//! Trust Settings).

use plist::{Dictionary, Value};

use crate::error::OrHint;
use crate::report::printable;
use crate::x509::certificate::CaCertificate;
use crate::x509::key;

pub(super) fn profile(root: &CaCertificate) -> anyhow::Result<Vec<u8>> {
    let name = printable(&root.common_name);
    let (inner, outer) = (uuid(root, "certificate"), uuid(root, "profile"));
    let mut certificate =
        payload("com.apple.security.root", &format!("devca.{outer}.{inner}"), &inner, &name);
    certificate.insert("PayloadContent".into(), Value::Data(root.der.clone()));
    let mut profile = payload("Configuration", &format!("devca.{outer}"), &outer, &name);
    let description = "Trusts certificates of a local development CA";
    profile.insert("PayloadDescription".into(), description.into());
    profile.insert("PayloadContent".into(), Value::Array(vec![certificate.into()]));
    let mut bytes = Vec::new();
    Value::Dictionary(profile)
        .to_writer_xml(&mut bytes)
        .or_hint(|| "cannot write the profile".into(), || "choose another format: --format der".into())?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn payload(kind: &str, identifier: &str, uuid: &str, name: &str) -> Dictionary {
    let mut payload = Dictionary::new();
    for (key, value) in [
        ("PayloadType", kind),
        ("PayloadIdentifier", identifier),
        ("PayloadUUID", uuid),
        ("PayloadDisplayName", name),
    ] {
        payload.insert(key.into(), value.into());
    }
    payload.insert("PayloadVersion".into(), 1.into());
    payload
}

/// Identifies the profile of a root, so that installing it again replaces the old one.
fn uuid(root: &CaCertificate, which: &str) -> String {
    let hex = hex::encode(key::sha256(&[&root.der, which.as_bytes()].concat()));
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_uppercase();
    // A version 8 UUID, whose content is up to the application (RFC 9562 §5.8).
    format!("{}-{}-8{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}
