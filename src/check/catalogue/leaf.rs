//! Faults of the certificate itself: its names, dates, purpose and key.

use super::Case::{
    Address, CaKey, ExpiredCa, ExpiredLeaf, HostName, LeafKey, NoAddresses, NoHostNames, NoNames, OtherNames,
    Signature, Underscore, UnknownSni,
};
use super::Client::{
    Apache, Boto, Bun, Chrome, Curl, DotNet, Firefox, Git, GnuTls, Go, Grpc, HaProxy, Java, LibreSsl,
    Mosquitto, Nginx, Node, OpenSsl, Perl, Php, Pip, PostgreSql, Python, Redis, Ruby, Rustls, Safari, Wget,
    WgetWithOpenSsl,
};
use super::{Diagnosis, says};

pub static KEY_MISMATCH: Diagnosis = Diagnosis {
    id: "key-mismatch",
    title: "key and certificate do not match",
    meaning: "The private key does not belong to the certificate. Servers refuse to start with such a pair.",
    causes: &["only one of the two files was replaced", "the files of two certificates were mixed up"],
    fix: &["devca issue NAMES --force writes a new pair"],
    words: &[
        says(OpenSsl, "key values mismatch"),
        says(Curl, "unable to set private key file"),
        says(Nginx, "key values mismatch"),
        says(Node, "ERR_OSSL_X509_KEY_VALUES_MISMATCH"),
        says(Python, "KEY_VALUES_MISMATCH"),
        says(Go, "private key does not match public key"),
        says(GnuTls, "certificate and the given key do not match"),
        says(Rustls, "KeyMismatch"),
        says(Ruby, "public key mismatch"),
        says(HaProxy, "inconsistencies between private key and certificate"),
        says(
            Perl,
            "Failed to load key from file (no PEM or DER) error:05800074:x509 certificate routines::key values mismatch",
        ),
        says(Apache, "AH02565: Certificate and private key"),
        says(Redis, "Invalid private key"),
        says(Git, "error reading X.509 key or certificate file"),
        says(Mosquitto, "Unable to load server key file"),
    ],
};

pub static NAME_MISMATCH: Diagnosis = Diagnosis {
    id: "name-mismatch",
    title: "the certificate is for another name",
    meaning: "The name or address that the client connects to is not among the certificate's subject alternative names. A wildcard stands for exactly one label, an address must be listed as an address, and the common name is ignored.",
    causes: &[
        "the client uses another name or address: localhost, 127.0.0.1 and ::1 are three different ones",
        "the server has several certificates, and the client did not say which (SNI)",
        "the certificate has a common name but no subject alternative name",
        "a wildcard is used two levels deep",
    ],
    fix: &[
        "devca issue localhost 127.0.0.1 ::1, with every name you use",
        "devca check ADDRESS shows the names in the certificate",
    ],
    words: &[
        says(Grpc, "Hostname Verification Check failed"),
        says(Curl, "no alternative certificate subject name matches"),
        says(Curl, "does not match target host name"),
        says(Node, "ERR_TLS_CERT_ALTNAME_INVALID"),
        says(Node, "Hostname/IP does not match certificate's altnames"),
        says(Python, "Hostname mismatch").when(HostName),
        says(Python, "IP address mismatch").when(Address),
        says(OpenSsl, "hostname mismatch").when(HostName),
        says(OpenSsl, "IP address mismatch").when(Address),
        says(Java, "No subject alternative"),
        says(Java, "No name matching"),
        says(Java, "Illegal given domain name").when(Underscore),
        says(Go, "certificate is valid for").when(OtherNames),
        says(Go, "doesn't contain any IP SANs").when(NoAddresses),
        says(Go, "certificate relies on legacy Common Name field").when(NoNames),
        says(Go, "certificate is not valid for any names").when(NoHostNames),
        says(Chrome, "NET::ERR_CERT_COMMON_NAME_INVALID"),
        says(Firefox, "SSL_ERROR_BAD_CERT_DOMAIN"),
        says(GnuTls, "The name in the certificate does not match the expected"),
        says(WgetWithOpenSsl, "doesn't match requested host name"),
        says(WgetWithOpenSsl, "no certificate subject alternative name matches"),
        says(Wget, "does not match hostname"),
        says(PostgreSql, "does not match host name"),
        says(Rustls, "NotValidForName"),
        says(OpenSsl, "unrecognized name").when(UnknownSni),
        says(Node, "ERR_SSL_TLSV1_UNRECOGNIZED_NAME").when(UnknownSni),
        says(Chrome, "ERR_SSL_UNRECOGNIZED_NAME_ALERT").when(UnknownSni),
        says(Firefox, "SSL_ERROR_UNRECOGNIZED_NAME_ALERT").when(UnknownSni),
        says(DotNet, "RemoteCertificateNameMismatch"),
        says(Rustls, "certificate not valid for name"),
        says(Php, "did not match expected name"),
        says(Pip, "Certificate did not match expected hostname"),
        says(Boto, "' doesn't match '"),
        says(Perl, "hostname verification failed"),
    ],
};

pub static EXPIRED: Diagnosis = Diagnosis {
    id: "expired",
    title: "the certificate has expired",
    meaning: "The certificate, or a CA above it, is past its expiry date.",
    causes: &[
        "it was not renewed",
        "it was renewed, but the server still has the old one in memory",
        "this machine's clock is ahead",
    ],
    fix: &[
        "devca renew",
        "restart or reload the server",
        "devca renew --install-timer --exec 'nginx -s reload'",
    ],
    words: &[
        says(Curl, "certificate has expired"),
        says(Node, "CERT_HAS_EXPIRED"),
        says(Python, "certificate has expired"),
        says(Java, "validity check failed"),
        says(Java, "NotAfter:"),
        says(Go, "certificate has expired or is not yet valid"),
        says(Chrome, "NET::ERR_CERT_DATE_INVALID"),
        says(Firefox, "SEC_ERROR_EXPIRED_CERTIFICATE").when(ExpiredLeaf),
        says(Firefox, "SEC_ERROR_EXPIRED_ISSUER_CERTIFICATE").when(ExpiredCa),
        says(GnuTls, "certificate chain uses expired certificate"),
        says(WgetWithOpenSsl, "Issued certificate has expired"),
        says(Rustls, "invalid peer certificate: Expired"),
        says(DotNet, "NotTimeValid"),
        says(Rustls, "certificate expired"),
        says(Rustls, "ExpiredContext"),
        says(Wget, "' has expired"),
    ],
};

pub static NOT_YET_VALID: Diagnosis = Diagnosis {
    id: "not-yet-valid",
    title: "the certificate is not valid yet",
    meaning: "By this machine's clock, its validity has not started.",
    causes: &[
        "the clock of this machine, virtual machine or container is behind",
        "it was issued on a machine whose clock is ahead",
    ],
    fix: &["compare the clocks: date -u", "devca issue NAMES --force"],
    words: &[
        says(Curl, "certificate is not yet valid"),
        says(Node, "CERT_NOT_YET_VALID"),
        says(Python, "certificate is not yet valid"),
        says(Java, "validity check failed"),
        says(Java, "NotBefore:"),
        says(Go, "certificate has expired or is not yet valid"),
        says(Chrome, "NET::ERR_CERT_DATE_INVALID"),
        says(Firefox, "MOZILLA_PKIX_ERROR_NOT_YET_VALID_CERTIFICATE"),
        says(GnuTls, "uses not yet valid certificate"),
        says(WgetWithOpenSsl, "Issued certificate not yet valid"),
        says(Rustls, "NotValidYet"),
        says(Rustls, "certificate not valid yet"),
        says(Wget, "is not yet activated"),
        says(Wget, "has not yet been activated"),
    ],
};

pub static WRONG_USAGE: Diagnosis = Diagnosis {
    id: "wrong-usage",
    title: "the certificate is not meant for this use",
    meaning: "Its extended key usage is for servers but a client uses it, or the other way around.",
    causes: &[
        "a server is configured with a client certificate",
        "a client is configured with a server certificate; their file names can be similar",
    ],
    fix: &[
        "devca issue localhost for a server",
        "devca issue --client alice for a client",
        "devca issue --client --server for a service that is both",
    ],
    words: &[
        says(Curl, "unsuitable certificate purpose"),
        says(LibreSsl, "unsupported certificate purpose"),
        says(Node, "INVALID_PURPOSE"),
        says(Python, "unsuitable certificate purpose"),
        says(Java, "Extended key usage does not permit use for TLS"),
        says(Go, "certificate specifies an incompatible key usage"),
        says(Chrome, "NET::ERR_CERT_INVALID"),
        says(Firefox, "SEC_ERROR_INADEQUATE_CERT_TYPE"),
        says(GnuTls, "does not match the intended purpose"),
        says(Rustls, "RequiredEkuNotFound"),
        says(Rustls, "certificate does not allow extended key usage"),
    ],
};

pub static WRONG_KEY_USAGE: Diagnosis = Diagnosis {
    id: "wrong-key-usage",
    title: "the certificate's key may not be used in handshakes",
    meaning: "Its key usage lacks digitalSignature, which TLS 1.3 and every key exchange with forward secrecy require.",
    causes: &["it was made for another purpose, or with keyUsage = keyEncipherment from an old recipe"],
    fix: &["devca issue NAMES"],
    words: &[
        says(Curl, "unsuitable certificate purpose"),
        says(Node, "INVALID_PURPOSE"),
        says(Python, "unsuitable certificate purpose"),
        says(Java, "KeyUsage does not allow digital signatures"),
        says(Chrome, "ERR_SSL_KEY_USAGE_INCOMPATIBLE"),
        says(Firefox, "SEC_ERROR_INADEQUATE_KEY_USAGE"),
        says(GnuTls, "Key usage violation in certificate has been detected"),
        says(Bun, "KEY_USAGE_BIT_INCORRECT"),
    ],
};

pub static CA_AS_LEAF: Diagnosis = Diagnosis {
    id: "ca-as-leaf",
    title: "a server uses a CA certificate",
    meaning: "The certificate is a CA's (basicConstraints CA:TRUE). Firefox and rustls reject it as a server certificate.",
    causes: &[
        "the server is configured with the root's files instead of a leaf's",
        "it was created with openssl req -x509, which creates a CA by default",
    ],
    fix: &["devca issue localhost 127.0.0.1 ::1, and configure these files in the server"],
    words: &[
        says(Firefox, "MOZILLA_PKIX_ERROR_CA_CERT_USED_AS_END_ENTITY"),
        says(Rustls, "CaUsedAsEndEntity"),
    ],
};

pub static WEAK: Diagnosis = Diagnosis {
    id: "weak",
    title: "the key or the signature is too weak",
    meaning: "Current clients reject RSA keys below 2048 bits and signatures with SHA-1 or MD5.",
    causes: &["the certificate is old, or was created with old options"],
    fix: &["devca issue NAMES"],
    words: &[
        says(Curl, "EE certificate key too weak").when(LeafKey),
        says(Curl, "CA certificate key too weak").when(CaKey),
        says(Curl, "ee key too small").when(LeafKey),
        says(Curl, "could not load PEM client certificate…ee key too small").when(LeafKey),
        says(Curl, "dh key too small").when(LeafKey),
        says(Curl, "CA signature digest algorithm too weak").when(Signature),
        says(Node, "EE certificate key too weak").when(LeafKey),
        says(Node, "CA signature digest algorithm too weak").when(Signature),
        says(Python, "EE certificate key too weak").when(LeafKey),
        says(Python, "CA signature digest algorithm too weak").when(Signature),
        says(Java, "Algorithm constraints check failed").when(Signature),
        says(Go, "x509: cannot verify signature: insecure algorithm").when(Signature),
        says(Chrome, "NET::ERR_CERT_WEAK_KEY").when(LeafKey),
        says(Chrome, "NET::ERR_CERT_INVALID").when(Signature),
        says(Firefox, "MOZILLA_PKIX_ERROR_INADEQUATE_KEY_SIZE").when(LeafKey),
        says(Firefox, "SEC_ERROR_CERT_SIGNATURE_ALGORITHM_DISABLED").when(Signature),
        says(GnuTls, "chain uses insecure algorithm").when(Signature),
        says(Rustls, "UnsupportedSignatureAlgorithm").when(Signature),
    ],
};

pub static SMALL_EXPONENT: Diagnosis = Diagnosis {
    id: "small-exponent",
    title: "an RSA key has a small public exponent",
    meaning: "Clients accept an exponent such as 3, but forged signatures have passed for such keys where software checked the padding carelessly (CVE-2006-4339, CVE-2014-1568). Public CAs and FIPS 186-5 require 65537 or more.",
    causes: &["the key was created with openssl genrsa -3 or rsa_keygen_pubexp"],
    fix: &["devca issue NAMES"],
    words: &[],
};

pub static TOO_LONG: Diagnosis = Diagnosis {
    id: "too-long",
    title: "it is valid for too long",
    meaning: "Apple's systems reject server certificates that are valid for more than 825 days, even from a root that the user added. For public CAs, browsers' limit is 398 days.",
    causes: &["it was issued with a large --days"],
    fix: &["devca issue NAMES (397 days)"],
    words: &[
        says(Safari, "certificate is not standards compliant"),
        says(Chrome, "NET::ERR_CERT_VALIDITY_TOO_LONG"),
    ],
};

pub static EXPIRING: Diagnosis = Diagnosis {
    id: "expiring",
    title: "the certificate expires soon",
    meaning: "It is still valid, but expires within days.",
    causes: &["it is not renewed automatically"],
    fix: &["devca renew", "devca renew --install-timer"],
    words: &[],
};
