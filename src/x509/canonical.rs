//! Distinguished names as OpenSSL compares them, and as text.

use x509_parser::asn1_rs::{Any, Tag};
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// A distinguished name without what OpenSSL ignores: the encoding of text, the case of ASCII letters, and
/// repeated, leading and trailing spaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canonical(Vec<Vec<Attribute>>);

/// The type of an attribute, and its value.
type Attribute = (String, Result<String, Vec<u8>>);

impl Canonical {
    /// Simplifies a name.
    pub fn of(name: &X509Name) -> Self {
        let attribute =
            |attribute: &AttributeTypeAndValue| (attribute.attr_type().to_id_string(), value(attribute));
        let parts = name.iter_rdn().map(|part| {
            let mut attributes: Vec<_> = part.iter().map(attribute).collect();
            attributes.sort();
            attributes
        });
        Self(parts.collect())
    }

    /// Whether the name begins with all parts of another one.
    pub fn starts_with(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }
}

/// The text, or the octets of a value that is none.
fn value(attribute: &AttributeTypeAndValue) -> Result<String, Vec<u8>> {
    let any = attribute.attr_value();
    let words = |text: String| text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    text(any).map(|text| words(text).to_ascii_lowercase()).ok_or_else(|| any.data.to_vec())
}

/// The text in one of the encodings that X.520 allows.
fn text(any: &Any) -> Option<String> {
    match any.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::VisibleString => {
            String::from_utf8(any.data.to_vec()).ok()
        }
        Tag::T61String => Some(any.data.iter().map(|octet| char::from(*octet)).collect()),
        Tag::BmpString => {
            let units = any.data.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            String::from_utf16(&units.collect::<Vec<_>>()).ok()
        }
        _ => None,
    }
}

/// A distinguished name for display, such as `CN=localhost, O=devca`. A value that is not text is shown in hexadecimal, as
/// in RFC 4514.
pub fn readable(name: &X509Name) -> String {
    let attribute = |attribute: &AttributeTypeAndValue| {
        let (kind, any) = (attribute.attr_type(), attribute.attr_value());
        let kind = oid2abbrev(kind, oid_registry()).map_or_else(|_| kind.to_id_string(), ToOwned::to_owned);
        let value = text(any).unwrap_or_else(|| format!("#{}", hex::encode(any.data)));
        format!("{kind}={value}")
    };
    let parts = name.iter_rdn().map(|part| part.iter().map(attribute).collect::<Vec<_>>().join(" + "));
    parts.collect::<Vec<_>>().join(", ")
}
