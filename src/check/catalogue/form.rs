//! Malformed certificates, and others that clients do not expect.

use super::Case::{
    AtRoot, CaKey, ChainSent, EcdsaWithSha3, LeafSent, NotInherited, RootNotSent, RootWithSha3, SentKey,
    Signature,
};
use super::Client::{Curl, Firefox, GnuTls, Go, Java, Node, OpenSsl, Python, Rustls};
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
        says(OpenSsl, "x509v3_cache_extensions:invalid certificate"),
        says(Go, "tls: failed to parse certificate from server"),
        says(Go, "certificate contains duplicate extensions"),
        says(Go, "inner and outer signature algorithm identifiers don't match"),
        says(GnuTls, "Error in the certificate"),
        says(GnuTls, "Duplicate extension in X.509 certificate"),
        says(GnuTls, "ASN1 parser: Error in DER parsing"),
        says(Rustls, "invalid peer certificate: BadEncoding"),
        says(Rustls, "ExtensionValueInvalid"),
        says(Firefox, "SEC_ERROR_BAD_DER"),
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
        says(GnuTls, "violates the signer's constraints"),
        says(Rustls, "MaximumNameConstraintComparisonsExceeded"),
    ],
};

pub static MUST_STAPLE: Diagnosis = Diagnosis {
    id: "must-staple",
    title: "a TLS feature that a certificate requires is missing",
    meaning: "The certificate has the TLS feature extension (RFC 7633), which usually says that the server must staple an OCSP response (must-staple). Firefox and GnuTLS (wget) reject the server if it does not. They also reject a certificate that does not require what its CA requires; Firefox knows no other feature.",
    causes: &[
        "OCSP stapling is off in the server, or it has not fetched a response yet",
        "the CA has stopped answering OCSP, as Let's Encrypt did in 2025",
        "the certificate was requested with --must-staple or tlsfeature = status_request",
    ],
    fix: &[
        "turn on OCSP stapling in the server, such as ssl_stapling on; in nginx",
        "devca issue NAMES issues without must-staple",
    ],
    words: &[
        says(GnuTls, "requires the server to include an OCSP status in its response"),
        says(GnuTls, "violates the signer's constraints").when(NotInherited),
        says(Firefox, "MOZILLA_PKIX_ERROR_REQUIRED_TLS_FEATURE_MISSING"),
    ],
};

pub static KEY_ID_MISMATCH: Diagnosis = Diagnosis {
    id: "key-id-mismatch",
    title: "a certificate names the wrong key or certificate of its issuer",
    meaning: "The authority key identifier differs from the subject key identifier of the CA that signed the certificate. OpenSSL and GnuTLS then do not recognize the CA as the issuer; Go, rustls and browsers verify the signature. The extension may also contain the issuer and the serial number of the CA's certificate; OpenSSL (curl, Node, Python) compares those, and Java a root's serial number.",
    causes: &[
        "the CA certificate was reissued with another key identifier",
        "the CA certificate was renewed, and certificates that it issued before contain its old serial number (authorityKeyIdentifier = keyid,issuer:always in an OpenSSL configuration)",
    ],
    fix: &["have the CA issue the certificate again", "devca issue NAMES"],
    words: &[
        says(Curl, "unable to get local issuer certificate").when(RootNotSent),
        says(Node, "unable to get local issuer certificate").when(ChainSent),
        says(Node, "UNABLE_TO_GET_ISSUER_CERT_LOCALLY").when(ChainSent),
        says(Node, "UNABLE_TO_VERIFY_LEAF_SIGNATURE").when(LeafSent),
        says(Node, "unable to verify the first certificate").when(LeafSent),
        says(Python, "unable to get local issuer certificate").when(RootNotSent),
        says(OpenSsl, "unable to get local issuer certificate").when(RootNotSent),
        says(Java, "Path does not chain with any of the trust anchors").when(AtRoot),
        says(GnuTls, "The certificate issuer is unknown"),
    ],
};

pub static ISSUER_NAME_MISMATCH: Diagnosis = Diagnosis {
    id: "issuer-name-mismatch",
    title: "a certificate spells the name of its issuer in another way",
    meaning: "The issuer in the certificate and the subject of its CA are the same name in another encoding (PrintableString and UTF8String), case or spacing. RFC 5280 §4.1.2.6 requires the same encoding. OpenSSL (curl, Node, Python) and Java regard the names as the same; GnuTLS, Go and rustls compare the octets, and do not find the CA.",
    causes: &["the CA certificate was created again with another program than the one that signs"],
    fix: &["have the CA issue the certificate again", "devca issue NAMES"],
    words: &[
        says(GnuTls, "The certificate issuer is unknown"),
        says(Go, "certificate signed by unknown authority"),
        says(Rustls, "UnknownIssuer"),
    ],
};

pub static UNSUPPORTED_ALGORITHM: Diagnosis = Diagnosis {
    id: "unsupported-algorithm",
    title: "many clients do not support the kind of key or signature",
    meaning: "The key or the signature is of a kind that few clients support: DSA, Ed448, curves other than P-256, P-384 and P-521, SHA-224, SHA-3, or RSA-PSS with a salt of another length than the hash.",
    causes: &[
        "the key was created on a curve for other purposes, such as secp256k1 or a brainpool curve",
        "OpenSSL signed with -sigopt rsa_padding_mode:pss and without -sigopt rsa_pss_saltlen:digest, and used the longest possible salt",
    ],
    fix: &["devca issue NAMES", "openssl: add -sigopt rsa_pss_saltlen:digest"],
    words: &[
        says(Curl, "unable to get local issuer certificate").when(EcdsaWithSha3),
        says(OpenSsl, "unable to get local issuer certificate").when(EcdsaWithSha3),
        says(Python, "unable to get local issuer certificate").when(EcdsaWithSha3),
        says(OpenSsl, "unable to get issuer certificate").when(RootWithSha3),
        says(Python, "unable to get issuer certificate").when(RootWithSha3),
        says(Node, "UNABLE_TO_GET_ISSUER_CERT").when(RootWithSha3),
        says(Go, "x509: unsupported elliptic curve").when(SentKey),
        says(Go, "x509: cannot verify signature: algorithm unimplemented").when(Signature),
        says(Go, "certificate signed by unknown authority").when(RootNotSent),
        says(GnuTls, "certificate is NOT trusted").when(CaKey),
        says(GnuTls, "The signature in the certificate is invalid").when(Signature),
        says(Rustls, "UnsupportedSignatureAlgorithm"),
    ],
};
