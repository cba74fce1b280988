//! Certificates with one deliberate fault each, for testing clients. They are only for localhost and names below it: the
//! root signs test CAs that may not sign for other names, and whose keys exist only in memory; these sign the rest.

use std::str::FromStr;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::{Authority, Draft, parse_signed, profile, try_again};
use crate::error::{Fault, OrHint};
use crate::x509::constraints::Constraints;
use crate::x509::details::CertificateDetails;
use crate::x509::key::{self, KeyType};
use crate::x509::kind::Kind;
use crate::x509::name::Name;
use crate::x509::policy;
use crate::x509::subject::Subject;
use crate::x509::subtree::Subtree;
use crate::x509::validity::Validity;

/// The validity of everything that has not expired.
const DAYS: i64 = 90;
/// A critical extension that no client knows, in the arc for examples (RFC 5612).
const UNKNOWN_EXTENSION: &[u64] = &[1, 3, 6, 1, 4, 1, 32473, 1];

macro_rules! bad_kinds {
    ($($kind:ident = $name:literal: $what:literal,)*) => {
        /// A fault of a certificate or a server.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum BadKind {
            $(#[doc = $what] $kind,)*
        }

        impl BadKind {
            /// All faults.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The name of the fault, such as `expired`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// A short description of the fault.
            pub fn what(self) -> &'static str {
                match self { $(Self::$kind => $what,)* }
            }
        }
    };
}

bad_kinds! {
    Expired = "expired": "The certificate expired yesterday",
    NotYetValid = "not-yet-valid": "The certificate is not valid until tomorrow",
    WrongHost = "wrong-host": "The certificate is for another name",
    SelfSigned = "self-signed": "The certificate is signed with its own key",
    UntrustedRoot = "untrusted-root": "No client trusts the root",
    ReplacedRoot = "replaced-root": "The root has the same name as yours, but another key",
    MissingIntermediate = "missing-intermediate": "The intermediate is not sent",
    WrongOrder = "wrong-order": "Two intermediates are sent in the wrong order",
    ExpiredIntermediate = "expired-intermediate": "The intermediate expired yesterday",
    Revoked = "revoked": "The certificate is on the revocation list",
    ClientOnly = "client-only": "The certificate is for clients",
    CaAsLeaf = "ca-as-leaf": "The certificate is that of a CA",
    CommonNameOnly = "common-name-only": "The name is only in the subject, not in the SANs",
    NameConstraints = "name-constraints": "The intermediate may not sign for the name",
    WildcardDepth = "wildcard-depth": "The wildcard covers one label, and the name has two",
    TooLong = "too-long": "The certificate is valid for 900 days",
    NoKeyUsage = "no-key-usage": "The key usage lacks digitalSignature",
    UnknownCriticalExtension = "unknown-critical-extension": "A critical extension is unknown to clients",
    Tls12Only = "tls12-only": "The server speaks only TLS 1.2, with a good certificate",
    MtlsRequired = "mtls-required": "The server requires a client certificate, and has a good one itself",
}

impl BadKind {
    /// The host name of the site with this fault.
    pub fn host(self) -> String {
        let below = if self == Self::WildcardDepth { "a.b." } else { "" };
        format!("{below}{}.localhost", self.name())
    }

    /// Whether the server itself has this fault, so that no file can.
    pub fn is_of_server(self) -> bool {
        matches!(self, Self::Tls12Only | Self::MtlsRequired)
    }
}

impl FromStr for BadKind {
    type Err = Fault;

    fn from_str(word: &str) -> Result<Self, Fault> {
        let find = || Self::ALL.iter().find(|kind| kind.name() == word).copied();
        find().ok_or_else(|| {
            let names: Vec<&str> =
                Self::ALL.iter().filter(|kind| !kind.is_of_server()).map(|kind| kind.name()).collect();
            Fault::usage(format!("{word:?} is not a fault"), format!("these are: {}", names.join(", ")))
        })
    }
}

/// A faulty chain with the key of its leaf.
pub struct BadCertificate {
    /// The certificates that the server sends, leaf first, in DER.
    pub chain: Vec<Vec<u8>>,
    /// The key as PKCS#8 in DER.
    pub key: Zeroizing<Vec<u8>>,
    /// The root, if it is not that of the CA.
    pub root: Option<Vec<u8>>,
    serial: Vec<u8>,
}

/// Creates faulty certificates below one root.
pub struct Forger<'a> {
    root: &'a Authority,
    /// The CA below the root, for names below localhost.
    upper: Authority,
    now: OffsetDateTime,
}

impl<'a> Forger<'a> {
    /// Signs a test CA. A CA that may have no other CAs below it cannot do that; the error tells the user to run this
    /// command with another one.
    pub fn new(root: &'a Authority, command: &str, now: OffsetDateTime) -> anyhow::Result<Self> {
        let length = CertificateDetails::read(&root.signer().der).and_then(|details| details.path_length);
        if length == Some(0) {
            let what = format!("{} may not sign the CAs that tests need", root.signer().common_name);
            return Err(Fault::new(what, format!("use another CA: devca --ca tests {command}")).into());
        }
        let validity = Validity::starting(now, DAYS);
        let upper = test_ca(root, "devca test CA", "localhost", None, validity)?;
        Ok(Self { root, upper, now })
    }

    /// Creates a certificate with this fault, as clients of these hosts see it.
    pub fn make(&self, kind: BadKind, hosts: &[Name]) -> anyhow::Result<BadCertificate> {
        let (own, above) = self.issuer(kind)?;
        let issuer = match &own {
            Signed::By(ca) => Some(&**ca),
            Signed::ByUpper => Some(&self.upper),
            Signed::ByItself => None,
        };
        let key = KeyType::EcdsaP256.generate()?;
        let serial = key::random_serial()?;
        let params = self.leaf(kind, hosts, serial)?;
        let signed = match issuer {
            Some(issuer) => params.signed_by(&key, &issuer.issuer()?),
            None => params.self_signed(&*key.pair()?),
        };
        let signed = signed.or_hint(|| "cannot sign the certificate".into(), try_again)?;
        let chain = std::iter::once(signed.der().to_vec()).chain(above).collect();
        let root = match (&own, kind) {
            (Signed::By(ca), BadKind::UntrustedRoot | BadKind::ReplacedRoot) => Some(ca.root.der.clone()),
            _ => None,
        };
        Ok(BadCertificate { chain, key: key.pkcs8, root, serial: serial.to_vec() })
    }

    /// The revocation lists of both CAs above this certificate, in DER; the first list contains the certificate.
    pub fn revocation_lists(&self, revoked: &BadCertificate) -> anyhow::Result<[Vec<u8>; 2]> {
        let validity = Validity::starting(self.now, DAYS);
        let entry = (revoked.serial.clone(), validity.not_before);
        let own = self.upper.revocation_list(std::iter::once(entry), validity)?;
        Ok([own, self.root.revocation_list(std::iter::empty(), validity)?])
    }

    /// The issuer of the leaf, and the certificates that the server sends after it.
    fn issuer(&self, kind: BadKind) -> anyhow::Result<(Signed, Vec<Vec<u8>>)> {
        let validity = Validity::starting(self.now, DAYS);
        let sent = |ca: &Authority| ca.signer().der.clone();
        let named = |suffix: &str| format!("devca test CA ({suffix})");
        let stranger = |common_name: &str| {
            let constraints = &below("localhost");
            Authority::draft(&Draft { common_name, constraints, sealed: false, passphrase: None }, self.now)
        };
        Ok(match kind {
            BadKind::SelfSigned => (Signed::ByItself, Vec::new()),
            BadKind::UntrustedRoot => (Signed::By(Box::new(stranger("devca test root")?)), Vec::new()),
            BadKind::ReplacedRoot => {
                (Signed::By(Box::new(stranger(&self.root.root.common_name)?)), Vec::new())
            }
            BadKind::MissingIntermediate => {
                let hidden = test_ca(self.root, &named("not sent"), "localhost", Some(0), validity)?;
                (Signed::By(Box::new(hidden)), Vec::new())
            }
            BadKind::ExpiredIntermediate => {
                let past = Validity::ending(self.now, self.now - Duration::DAY);
                let expired = test_ca(self.root, &named("expired"), "localhost", Some(0), past)?;
                let above = vec![sent(&expired)];
                (Signed::By(Box::new(expired)), above)
            }
            BadKind::NameConstraints => {
                let narrow =
                    test_ca(self.root, &named("constrained"), "elsewhere.localhost", Some(0), validity)?;
                let above = vec![sent(&narrow)];
                (Signed::By(Box::new(narrow)), above)
            }
            // A CA without CAs below it: nothing that the key of the leaf signs is valid.
            BadKind::CaAsLeaf => {
                let last = test_ca(self.root, &named("last"), "localhost", Some(0), validity)?;
                let above = vec![sent(&last)];
                (Signed::By(Box::new(last)), above)
            }
            BadKind::WrongOrder => {
                let lower = test_ca(&self.upper, &named("lower"), "localhost", Some(0), validity)?;
                let above = vec![sent(&self.upper), sent(&lower)];
                (Signed::By(Box::new(lower)), above)
            }
            _ => (Signed::ByUpper, vec![sent(&self.upper)]),
        })
    }

    fn leaf(&self, kind: BadKind, hosts: &[Name], serial: [u8; 16]) -> anyhow::Result<CertificateParams> {
        let now = self.now;
        let validity = match kind {
            BadKind::Expired => Validity::ending(now, now - Duration::DAY),
            BadKind::NotYetValid => Validity::starting(now + Duration::DAY + policy::BACKDATE, DAYS),
            BadKind::TooLong => Validity::starting(now, 900),
            _ => Validity::starting(now, DAYS),
        };
        let names = match kind {
            BadKind::WrongHost => vec![Name::Dns("another.localhost".into())],
            BadKind::WildcardDepth => hosts.iter().map(shallow_wildcard).collect::<Result<_, _>>()?,
            BadKind::CommonNameOnly => Vec::new(),
            _ => hosts.to_vec(),
        };
        let is_common_name = kind == BadKind::CommonNameOnly;
        let common_name = hosts.first().filter(|_| is_common_name).map(ToString::to_string);
        let subject = Subject { common_name, names, ..Subject::default() };
        let mut params = profile::leaf(Kind::Server, &subject, false, validity, serial);
        match kind {
            BadKind::ClientOnly => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
            BadKind::CaAsLeaf => {
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
                params.key_usages.push(KeyUsagePurpose::KeyCertSign);
            }
            BadKind::NoKeyUsage => params.key_usages = vec![KeyUsagePurpose::KeyCertSign],
            BadKind::UnknownCriticalExtension => {
                let null = vec![5, 0];
                let mut extension = CustomExtension::from_oid_content(UNKNOWN_EXTENSION, null);
                extension.set_criticality(true);
                params.custom_extensions.push(extension);
            }
            _ => {}
        }
        Ok(params)
    }
}

/// The wildcard for the names that have one label less than this host.
fn shallow_wildcard(host: &Name) -> Result<Name, Fault> {
    let above = match host {
        Name::Dns(host) => host.splitn(3, '.').nth(2),
        _ => None,
    };
    above.map(|above| Name::Dns(format!("*.{above}"))).ok_or_else(|| {
        Fault::usage(
            format!("no wildcard could be meant to cover {host}"),
            "use a name with two more labels, such as a.b.app.localhost",
        )
    })
}

/// The issuer of a leaf.
enum Signed {
    By(Box<Authority>),
    ByUpper,
    ByItself,
}

/// A CA that may sign only for names below `domain`, with its new key.
fn test_ca(
    issuer: &Authority,
    common_name: &str,
    domain: &str,
    path_length: Option<u8>,
    validity: Validity,
) -> anyhow::Result<Authority> {
    let key = KeyType::EcdsaP256.generate()?.pair()?;
    let mut params = profile::intermediate(common_name, &below(domain), validity, key::random_serial()?);
    params.is_ca =
        IsCa::Ca(path_length.map_or(BasicConstraints::Unconstrained, BasicConstraints::Constrained));
    let signed =
        params.signed_by(&*key, &issuer.issuer()?).or_hint(|| "cannot sign the test CA".into(), try_again)?;
    let (root, intermediate) = (issuer.root.clone(), Some(parse_signed(signed.der())?));
    Ok(Authority { root, intermediate, is_sealed: true, key, passphrase: None, root_crl: None })
}

fn below(domain: &str) -> Constraints {
    Constraints { permitted: vec![Subtree::Dns(domain.into())], excluded: Vec::new() }
}
