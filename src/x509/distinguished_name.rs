//! The subject of an imported root, for another certificate with the same subject.

use rcgen::{DistinguishedName, DnType, DnValue};
use x509_parser::asn1_rs::Tag;
use x509_parser::prelude::{AttributeTypeAndValue, FromDer};
use x509_parser::x509::X509Name;

/// Reads a name in DER. Clients compare the encodings of names, so each value keeps its type of string. Returns `None` if
/// rcgen cannot write the name: it puts each attribute into a set of its own, and each type of attribute once.
pub fn parse(der: &[u8]) -> Option<DistinguishedName> {
    let (_, name) = X509Name::from_der(der).ok()?;
    let mut parsed = DistinguishedName::new();
    for set in name.iter() {
        let mut attributes = set.iter();
        let (Some(attribute), None) = (attributes.next(), attributes.next()) else { return None };
        let oid: Vec<u64> = attribute.attr_type().iter()?.collect();
        parsed.push(DnType::from_oid(&oid), value(attribute)?);
    }
    Some(parsed)
}

fn value(attribute: &AttributeTypeAndValue) -> Option<DnValue> {
    let value = attribute.attr_value();
    let text = std::str::from_utf8(value.data).ok()?;
    match value.header.tag() {
        Tag::Utf8String => Some(DnValue::Utf8String(text.to_owned())),
        Tag::PrintableString => Some(DnValue::PrintableString(text.try_into().ok()?)),
        Tag::Ia5String => Some(DnValue::Ia5String(text.try_into().ok()?)),
        Tag::T61String => Some(DnValue::TeletexString(text.try_into().ok()?)),
        _ => None,
    }
}
