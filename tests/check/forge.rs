//! Creates certificates with arbitrary contents, well-formed or not, for chains that no CA would sign.

use std::sync::LazyLock;

use rcgen::{KeyPair, PublicKeyData, SigningKey};
use time::{Duration, OffsetDateTime};

/// The keys of the certificates. Chains refer to them by index.
static KEYS: LazyLock<Vec<KeyPair>> = LazyLock::new(|| {
    (0..12).map(|_| KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap()).collect()
});

/// Encodes a DER element.
pub(super) fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let digits = &length[length.iter().position(|octet| *octet > 0).unwrap_or(length.len() - 1)..];
    let mut element = vec![tag];
    if content.len() > 127 {
        element.push(0x80 | u8::try_from(digits.len()).unwrap());
    }
    element.extend(digits);
    element.extend(content);
    element
}

pub(super) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    der(0x30, &parts.concat())
}

/// Encodes an object identifier; every arc except the first two may have any size.
pub(super) fn oid(dotted: &str) -> Vec<u8> {
    let arcs: Vec<u32> = dotted.split('.').map(|arc| arc.parse().unwrap()).collect();
    let mut content = vec![u8::try_from(arcs[0] * 40 + arcs[1]).unwrap()];
    for arc in &arcs[2..] {
        let groups = (0..5).rev().filter(|group| *group == 0 || arc >> (7 * group) > 0);
        let octet =
            |group: u32| u8::try_from(arc >> (7 * group) & 0x7f).unwrap() | if group == 0 { 0 } else { 0x80 };
        content.extend(groups.map(octet));
    }
    der(6, &content)
}

/// Encodes a distinguished name with common names and, optionally, an email address: `leaf/other <me@app.test>`.
/// An empty text makes an empty name.
pub(super) fn name(text: &str) -> Vec<u8> {
    if text.is_empty() {
        return sequence(&[]);
    }
    let (common_name, address) = text.trim_end_matches('>').split_once(" <").unwrap_or((text, ""));
    let attribute =
        |id: &str, tag: u8, value: &str| der(0x31, &sequence(&[oid(id), der(tag, value.as_bytes())]));
    let mut attributes: Vec<_> =
        common_name.split('/').map(|value| attribute("2.5.4.3", 0x0c, value)).collect();
    if !address.is_empty() {
        let tag = if address.is_ascii() { 0x16 } else { 0x0c };
        attributes.push(attribute("1.2.840.113549.1.9.1", tag, address));
    }
    sequence(&attributes)
}

const ECDSA_SHA256: &str = "1.2.840.10045.4.3.2";

/// The contents of a certificate.
#[derive(Clone, PartialEq)]
pub(super) struct Draft {
    pub(super) subject: String,
    pub(super) issuer: String,
    /// The index of its own key, and that of the key that signs it.
    pub(super) key: usize,
    pub(super) signer: usize,
    /// The beginning and end of its validity, in days from now.
    pub(super) days: (i64, i64),
    pub(super) extensions: Vec<Extension>,
    /// 2 stands for version 3.
    pub(super) version: u8,
    pub(super) serial: Vec<u8>,
    /// The algorithm inside the signed part; the one outside is not changed.
    pub(super) inner_algorithm: &'static str,
    pub(super) has_explicit_curve: bool,
    pub(super) has_bad_signature: bool,
    /// Data after the certificate, inside its PEM block.
    pub(super) trailer: Vec<u8>,
}

#[derive(Clone, PartialEq)]
pub(super) struct Extension {
    pub(super) oid: &'static str,
    pub(super) is_critical: bool,
    pub(super) content: Vec<u8>,
}

pub(super) const BASIC_CONSTRAINTS: &str = "2.5.29.19";
pub(super) const KEY_USAGE: &str = "2.5.29.15";
pub(super) const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
pub(super) const NAME_CONSTRAINTS: &str = "2.5.29.30";
pub(super) const ALTERNATIVE_NAMES: &str = "2.5.29.17";
pub(super) const SUBJECT_KEY_ID: &str = "2.5.29.14";
pub(super) const AUTHORITY_KEY_ID: &str = "2.5.29.35";

impl Draft {
    fn new(subject: &str, key: usize, issuer: &str, signer: usize) -> Self {
        let mut draft = Self {
            subject: subject.into(),
            issuer: issuer.into(),
            key,
            signer,
            days: (-1, 30),
            extensions: Vec::new(),
            version: 2,
            serial: vec![1 + u8::try_from(key).unwrap()],
            inner_algorithm: ECDSA_SHA256,
            has_explicit_curve: false,
            has_bad_signature: false,
            trailer: Vec::new(),
        };
        draft.set(SUBJECT_KEY_ID, false, &der(4, &[u8::try_from(key).unwrap(); 20]));
        draft.set_authority_key_id(signer);
        draft
    }

    /// A root or an intermediate.
    pub(super) fn ca(subject: &str, key: usize, issuer: &str, signer: usize) -> Self {
        let mut draft = Self::new(subject, key, issuer, signer);
        draft.set(BASIC_CONSTRAINTS, true, &sequence(&[der(1, &[0xff])]));
        draft.set(KEY_USAGE, true, &der(3, &[1, 0x06]));
        draft
    }

    /// A server's certificate for `app.test`.
    pub(super) fn leaf(key: usize, issuer: &str, signer: usize) -> Self {
        let mut draft = Self::new("leaf", key, issuer, signer);
        draft.set(KEY_USAGE, true, &der(3, &[7, 0x80]));
        draft.set(EXTENDED_KEY_USAGE, false, &usages(&[SERVER]));
        draft.set(ALTERNATIVE_NAMES, false, &sequence(&[dns("app.test")]));
        draft
    }

    /// Adds an extension, replacing one of the same type.
    pub(super) fn set(&mut self, oid: &'static str, is_critical: bool, content: &[u8]) {
        self.remove(oid);
        self.extensions.push(Extension { oid, is_critical, content: content.to_vec() });
    }

    pub(super) fn remove(&mut self, oid: &str) {
        self.extensions.retain(|extension| extension.oid != oid);
    }

    /// Sets the key identifier of the key with this index.
    pub(super) fn set_authority_key_id(&mut self, key: usize) {
        let id = der(0x80, &[u8::try_from(key).unwrap(); 20]);
        self.set(AUTHORITY_KEY_ID, false, &sequence(&[id]));
    }

    pub(super) fn set_names(&mut self, names: &[Vec<u8>]) {
        self.set(ALTERNATIVE_NAMES, false, &sequence(names));
    }

    /// Sets name constraints with these permitted and excluded subtrees.
    pub(super) fn set_constraints(&mut self, permitted: &[Vec<u8>], excluded: &[Vec<u8>]) {
        let list = |tag: u8, names: &[Vec<u8>]| {
            let subtrees: Vec<Vec<u8>> =
                names.iter().map(|name| sequence(std::slice::from_ref(name))).collect();
            if names.is_empty() { Vec::new() } else { der(tag, &subtrees.concat()) }
        };
        self.set(NAME_CONSTRAINTS, true, &sequence(&[list(0xa0, permitted), list(0xa1, excluded)]));
    }

    /// Signs and encodes the certificate in DER.
    pub(super) fn sign(&self) -> Vec<u8> {
        let extension = |Extension { oid: id, is_critical, content }: &Extension| {
            let critical = if *is_critical { der(1, &[0xff]) } else { Vec::new() };
            sequence(&[oid(id), critical, der(4, content)])
        };
        let extensions: Vec<Vec<u8>> = self.extensions.iter().map(extension).collect();
        let to_be_signed = sequence(&[
            if self.version == 0 { Vec::new() } else { der(0xa0, &der(2, &[self.version])) },
            der(2, &self.serial),
            sequence(&[oid(self.inner_algorithm)]),
            name(&self.issuer),
            sequence(&[date(self.days.0), date(self.days.1)]),
            name(&self.subject),
            if self.has_explicit_curve {
                explicit_curve(&KEYS[self.key])
            } else {
                KEYS[self.key].subject_public_key_info()
            },
            if extensions.is_empty() { Vec::new() } else { der(0xa3, &sequence(&extensions)) },
        ]);
        let mut signature = KEYS[self.signer].sign(&to_be_signed).unwrap();
        if self.has_bad_signature {
            signature = KEYS[self.signer].sign(b"something else").unwrap();
        }
        let signature = der(3, &[vec![0], signature].concat());
        let mut certificate = sequence(&[to_be_signed, sequence(&[oid(ECDSA_SHA256)]), signature]);
        certificate.extend(&self.trailer);
        certificate
    }
}

/// The same time during the whole run.
static NOW: LazyLock<OffsetDateTime> = LazyLock::new(OffsetDateTime::now_utc);

/// Encodes a time this many days from now: `UTCTime` until 2049 (RFC 5280 §4.1.2.5).
fn date(days: i64) -> Vec<u8> {
    let at = *NOW + Duration::days(days);
    let rest = format!(
        "{:02}{:02}{:02}{:02}{:02}Z",
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    );
    if at.year() < 2050 {
        der(0x17, format!("{:02}{rest}", at.year() % 100).as_bytes())
    } else {
        der(0x18, format!("{:04}{rest}", at.year()).as_bytes())
    }
}

/// Encodes P-256 with explicit parameters instead of its name (SEC 1, appendix C.2).
fn explicit_curve(key: &KeyPair) -> Vec<u8> {
    let hex = |digits: &str| -> Vec<u8> {
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
    };
    let prime = "00ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";
    let a = "ffffffff00000001000000000000000000000000fffffffffffffffffffffffc";
    let b = "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b";
    let base = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
    let order = "00ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let parameters = sequence(&[
        der(2, &[1]),
        sequence(&[oid("1.2.840.10045.1.1"), der(2, &hex(prime))]),
        sequence(&[der(4, &hex(a)), der(4, &hex(b))]),
        der(4, &hex(base)),
        der(2, &hex(order)),
        der(2, &[1]),
    ]);
    let point = der(3, &[&[0], key.der_bytes()].concat());
    sequence(&[sequence(&[oid("1.2.840.10045.2.1"), parameters]), point])
}

pub(super) const SERVER: &str = "1.3.6.1.5.5.7.3.1";
pub(super) const CLIENT: &str = "1.3.6.1.5.5.7.3.2";
pub(super) const ANY: &str = "2.5.29.37.0";

pub(super) fn usages(list: &[&str]) -> Vec<u8> {
    sequence(&list.iter().map(|usage| oid(usage)).collect::<Vec<_>>())
}

pub(super) fn dns(text: &str) -> Vec<u8> {
    der(0x82, text.as_bytes())
}

pub(super) fn email(text: &str) -> Vec<u8> {
    der(0x81, text.as_bytes())
}

pub(super) fn uri(text: &str) -> Vec<u8> {
    der(0x86, text.as_bytes())
}

pub(super) fn ip(octets: &[u8]) -> Vec<u8> {
    der(0x87, octets)
}

pub(super) fn directory(common_name: &str) -> Vec<u8> {
    der(0xa4, &name(common_name))
}
