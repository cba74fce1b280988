//! Malformed certificates, and others that clients do not expect.

use super::Case::{ChainSent, LeafSent, RootNotSent};
use super::Client::{Curl, GnuTls, Go, Node, OpenSsl, Python, Rustls};
use super::{Diagnosis, says};

pub static MALFORMED: Diagnosis = Diagnosis {
    id: "malformed",
    title: "a certificate is malformed",
    meaning: "A certificate can only be read in part, or contains something that RFC 5280 forbids. Clients differ in what they accept.",
    causes: &[
        "it was created by a tool that does not check the extensions it writes",
        "the file was edited, or damaged in transfer",
    ],
    fix: &["devca inspect FILE shows what can be read", "devca issue NAMES"],
    words: &[
        says(Curl, "unable to get local issuer certificate").when(RootNotSent),
        says(Curl, "certificate signature failure"),
        says(OpenSsl, "invalid or inconsistent certificate extension"),
        says(OpenSsl, "x509v3_cache_extensions:invalid certificate"),
        says(Go, "tls: failed to parse certificate from server"),
        says(Go, "certificate contains duplicate extensions"),
        says(Go, "inner and outer signature algorithm identifiers don't match"),
        says(GnuTls, "Error in the certificate"),
        says(GnuTls, "Duplicate extension in X.509 certificate"),
        says(GnuTls, "ASN1 parser: Error in DER parsing"),
        says(Rustls, "invalid peer certificate: BadEncoding"),
        says(Rustls, "ExtensionValueInvalid"),
        says(Rustls, "SignatureAlgorithmMismatch"),
    ],
};

pub static EXPLICIT_CURVE: Diagnosis = Diagnosis {
    id: "explicit-curve",
    title: "a key does not name its curve",
    meaning: "The key spells out the parameters of its elliptic curve instead of naming the curve. This was used to attack Windows (CVE-2020-0601), so clients reject it; RFC 5480 §2.1.1 forbids it.",
    causes: &["the key was created with openssl ecparam -param_enc explicit"],
    fix: &["devca issue NAMES creates a key on a named curve"],
    words: &[
        says(Curl, "has explicit ECC parameters"),
        says(OpenSsl, "has explicit ECC parameters"),
        says(Node, "has explicit ECC parameters"),
        says(Python, "has explicit ECC parameters"),
        says(Go, "invalid ECDSA parameters"),
        says(Rustls, "UnsupportedSignatureAlgorithmForPublicKey"),
    ],
};

pub static TOO_MANY_NAMES: Diagnosis = Diagnosis {
    id: "too-many-names",
    title: "too many names and name constraints",
    meaning: "Clients compare every name with every constraint, and reject the chain if that would take too long.",
    causes: &["one certificate is used for thousands of hosts", "someone is trying to keep the client busy"],
    fix: &["devca issue NAMES, once per service"],
    words: &[
        says(Curl, "unspecified certificate verification error"),
        says(OpenSsl, "unspecified certificate verification error"),
        says(Go, "x509: unknown error"),
        says(Go, "too many constraint"),
        says(GnuTls, "violates the signer's constraints"),
        says(Rustls, "MaximumNameConstraintComparisonsExceeded"),
    ],
};

pub static KEY_ID_MISMATCH: Diagnosis = Diagnosis {
    id: "key-id-mismatch",
    title: "a certificate names the wrong issuer key",
    meaning: "The authority key identifier differs from the subject key identifier of the CA that signed the certificate. OpenSSL and GnuTLS then do not recognize the CA as the issuer; Go, rustls and browsers verify the signature.",
    causes: &["the CA certificate was reissued with another key identifier"],
    fix: &["devca issue NAMES"],
    words: &[
        says(Curl, "unable to get local issuer certificate").when(RootNotSent),
        says(Node, "unable to get local issuer certificate").when(RootNotSent),
        says(Node, "UNABLE_TO_GET_ISSUER_CERT_LOCALLY").when(ChainSent),
        says(Node, "UNABLE_TO_VERIFY_LEAF_SIGNATURE").when(LeafSent),
        says(Node, "unable to verify the first certificate").when(LeafSent),
        says(Python, "unable to get local issuer certificate").when(RootNotSent),
        says(OpenSsl, "unable to get local issuer certificate").when(RootNotSent),
        says(GnuTls, "The certificate issuer is unknown"),
    ],
};
