//! Distinguished names as OpenSSL compares them.

use x509_parser::asn1_rs::Tag;
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
    let text = match any.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::VisibleString => {
            String::from_utf8(any.data.to_vec()).ok()
        }
        Tag::T61String => Some(any.data.iter().map(|octet| char::from(*octet)).collect()),
        Tag::BmpString => {
            let units = any.data.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            String::from_utf16(&units.collect::<Vec<_>>()).ok()
        }
        _ => None,
    };
    let words = |text: String| text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    text.map(|text| words(text).to_ascii_lowercase()).ok_or_else(|| any.data.to_vec())
}
