//! Certificates that are not well-formed, and others that no client expects.

use super::{Fault, says};

pub static MALFORMED: Fault = Fault {
    id: "malformed",
    title: "a certificate is malformed",
    meaning: "A certificate can be read in part only, or holds something that RFC 5280 forbids. Clients differ in what they still accept.",
    causes: &[
        "it was made by a tool that writes extensions without checking them",
        "the file was edited, or damaged on its way",
    ],
    mend: &["devca inspect FILE shows what can be read", "devca issue NAMES"],
    words: &[
        says("curl", "unable to get local issuer certificate"),
        says("curl", "certificate signature failure"),
        says("OpenSSL", "invalid or inconsistent certificate extension"),
        says("OpenSSL", "x509v3_cache_extensions:invalid certificate"),
        says("Go", "tls: failed to parse certificate from server"),
        says("Go", "certificate contains duplicate extensions"),
        says("Go", "inner and outer signature algorithm identifiers don't match"),
        says("GnuTLS", "Error in the certificate"),
        says("GnuTLS", "Duplicate extension in X.509 certificate"),
        says("GnuTLS", "ASN1 parser: Error in DER parsing"),
        says("rustls", "invalid peer certificate: BadEncoding"),
        says("rustls", "ExtensionValueInvalid"),
        says("rustls", "SignatureAlgorithmMismatch"),
    ],
};

pub static EXPLICIT_CURVE: Fault = Fault {
    id: "explicit-curve",
    title: "the curve of a key has no name",
    meaning: "The key lists the parameters of its elliptic curve instead of naming the curve. That was an attack on Windows once (CVE-2020-0601), and clients refuse it (RFC 5480 §2.1.1 forbids it).",
    causes: &["the key was made with openssl ecparam -param_enc explicit"],
    mend: &["devca issue NAMES makes a key on a named curve"],
    words: &[
        says("curl", "has explicit ECC parameters"),
        says("OpenSSL", "has explicit ECC parameters"),
        says("Node", "has explicit ECC parameters"),
        says("Python", "has explicit ECC parameters"),
        says("Go", "invalid ECDSA parameters"),
        says("rustls", "UnsupportedSignatureAlgorithmForPublicKey"),
    ],
};

pub static TOO_MANY_NAMES: Fault = Fault {
    id: "too-many-names",
    title: "there are too many names and name constraints",
    meaning: "Clients compare every name with every constraint, and refuse the chain where that would take too long.",
    causes: &["one certificate is used for thousands of hosts", "somebody wants to keep the client busy"],
    mend: &["devca issue NAMES, once for each service"],
    words: &[
        says("curl", "unspecified certificate verification error"),
        says("OpenSSL", "unspecified certificate verification error"),
        says("Go", "x509: unknown error"),
        says("Go", "too many constraint"),
        says("GnuTLS", "violates the signer's constraints"),
        says("rustls", "MaximumNameConstraintComparisonsExceeded"),
    ],
};

pub static KEY_ID_MISMATCH: Fault = Fault {
    id: "key-id-mismatch",
    title: "a certificate names another key as its issuer's",
    meaning: "The authority key identifier is not the subject key identifier of the CA whose key made the signature. OpenSSL and GnuTLS take such a CA for another one; Go, rustls and browsers try the signature.",
    causes: &["the CA's certificate was issued again with another key identifier"],
    mend: &["devca issue NAMES"],
    words: &[
        says("curl", "unable to get local issuer certificate"),
        says("Node", "unable to get local issuer certificate"),
        says("Node", "UNABLE_TO_GET_ISSUER_CERT_LOCALLY"),
        says("Node", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
        says("Node", "unable to verify the first certificate"),
        says("Python", "unable to get local issuer certificate"),
        says("OpenSSL", "unable to get local issuer certificate"),
        says("GnuTLS", "The certificate issuer is unknown"),
    ],
};
