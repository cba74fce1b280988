//! The catalogue of faults: what each means, what clients say when they meet it, and what mends it. `devca check` reports
//! from it, `devca explain` searches it, and `docs/troubleshooting.md` is printed from it.

#![allow(missing_docs)] // a fault says itself what it is

use serde::{Serialize, Serializer};

/// One way in which TLS fails.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// A short name that stays.
    pub id: &'static str,
    /// The fault in a few words.
    pub title: &'static str,
    /// What it means, in a sentence or two.
    pub meaning: &'static str,
    /// What usually lies behind it, the likeliest first.
    pub causes: &'static [&'static str],
    /// What to run.
    pub mend: &'static [&'static str],
    /// What clients say. The words are parts of their messages, in which names and numbers differ.
    pub words: &'static [Words],
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id)
    }
}

/// What a client says.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Words {
    /// Who.
    pub client: &'static str,
    /// A part of the message, to the letter.
    pub says: &'static str,
}

const fn says(client: &'static str, says: &'static str) -> Words {
    Words { client, says }
}

/// All faults, the worst first: what keeps every client away before what bothers some of them, some day.
pub static ALL: &[&Fault] = &[
    &CONNECTION_REFUSED,
    &NO_ANSWER,
    &PLAIN_HTTP,
    &NOT_TLS,
    &PROTOCOL_TOO_OLD,
    &CLIENT_CERTIFICATE_REQUIRED,
    &CLIENT_CERTIFICATE_REFUSED,
    &KEY_MISMATCH,
    &SELF_SIGNED,
    &MISSING_INTERMEDIATE,
    &UNTRUSTED_ROOT,
    &REPLACED_ROOT,
    &NAME_MISMATCH,
    &EXPIRED,
    &NOT_YET_VALID,
    &REVOKED,
    &WRONG_USAGE,
    &CA_AS_LEAF,
    &OUTSIDE_CONSTRAINTS,
    &WEAK,
    &WRONG_ORDER,
    &TOO_LONG,
    &KEY_READABLE,
    &CLOCK_SKEW,
    &PROXY,
    &VERIFICATION_OFF,
    &EXPIRING,
];

pub static CONNECTION_REFUSED: Fault = Fault {
    id: "connection-refused",
    title: "nothing listens there",
    meaning: "The machine answers that no program listens on this port at this address.",
    causes: &[
        "the server is not running, or has ended with an error",
        "it listens on another port, or only on ::1 or only on 127.0.0.1",
        "it runs in a container whose port is not published",
    ],
    mend: &[
        "start the server and read what it says",
        "devca check https://127.0.0.1:PORT and https://[::1]:PORT",
    ],
    words: &[
        says("curl", "Failed to connect"),
        says("Node", "ECONNREFUSED"),
        says("Python", "Connection refused"),
        says("Java", "Connection refused"),
        says("Go", "connection refused"),
        says("Chrome", "ERR_CONNECTION_REFUSED"),
        says("Firefox", "NS_ERROR_CONNECTION_REFUSED"),
        says(".NET", "Connection refused"),
    ],
};

pub static NO_ANSWER: Fault = Fault {
    id: "no-answer",
    title: "no answer in time",
    meaning: "The connection stands, or is not even refused, but no handshake comes about within the timeout, or the other side hangs up.",
    causes: &[
        "the server is overloaded or stopped in a debugger",
        "a firewall swallows the packets",
        "the port speaks a protocol in which the client has to ask for TLS first: give --starttls",
    ],
    mend: &[
        "devca check HOST:PORT --timeout 30",
        "devca check HOST:PORT --starttls smtp|imap|postgres|mysql|ldap",
    ],
    words: &[
        says("curl", "timed out"),
        says("curl", "SSL_ERROR_SYSCALL"),
        says("Node", "ETIMEDOUT"),
        says("Node", "ECONNRESET"),
        says("Python", "timed out"),
        says("Java", "Remote host terminated the handshake"),
        says("Go", "i/o timeout"),
        says("Chrome", "ERR_TIMED_OUT"),
        says("Chrome", "ERR_CONNECTION_RESET"),
        says("Firefox", "PR_CONNECT_RESET_ERROR"),
    ],
};

pub static PLAIN_HTTP: Fault = Fault {
    id: "plain-http",
    title: "the port speaks plain HTTP",
    meaning: "The server answers in HTTP without TLS: the client takes that answer for a broken handshake.",
    causes: &[
        "the server was started without its certificate and key",
        "the address has https:// and the port of http://",
    ],
    mend: &[
        "devca issue localhost 127.0.0.1 ::1",
        "give the server the two files: docs/servers.md",
        "open http:// instead",
    ],
    words: &[
        says("curl", "wrong version number"),
        says("Node", "ERR_SSL_WRONG_VERSION_NUMBER"),
        says("Node", "wrong version number"),
        says("Python", "WRONG_VERSION_NUMBER"),
        says("Java", "Unsupported or unrecognized SSL message"),
        says("Go", "first record does not look like a TLS handshake"),
        says("Go", "server gave HTTP response to HTTPS client"),
        says("Chrome", "ERR_SSL_PROTOCOL_ERROR"),
        says("Firefox", "SSL_ERROR_RX_RECORD_TOO_LONG"),
        says(".NET", "Cannot determine the frame size or a corrupted frame was received"),
    ],
};

pub static NOT_TLS: Fault = Fault {
    id: "not-tls",
    title: "what answers does not speak TLS",
    meaning: "Something listens, and what it sends is no TLS handshake that a client could understand.",
    causes: &[
        "another program has the port",
        "the protocol begins without TLS: mail, databases and LDAP ask for it later",
        "the server sends a message that is too large, such as a chain with hundreds of certificates",
    ],
    mend: &[
        "see who has the port: ss -ltnp 'sport = :PORT'",
        "devca check HOST:PORT --starttls smtp|imap|postgres|mysql|ldap",
    ],
    words: &[
        says("curl", "wrong version number"),
        says("curl", "unexpected eof while reading"),
        says("Node", "ERR_SSL_WRONG_VERSION_NUMBER"),
        says("Python", "WRONG_VERSION_NUMBER"),
        says("Java", "Unsupported or unrecognized SSL message"),
        says("Go", "first record does not look like a TLS handshake"),
        says("Chrome", "ERR_SSL_PROTOCOL_ERROR"),
        says("Firefox", "SSL_ERROR_RX_RECORD_TOO_LONG"),
    ],
};

pub static PROTOCOL_TOO_OLD: Fault = Fault {
    id: "protocol-too-old",
    title: "no common version of TLS, or no common cipher",
    meaning: "Clients speak TLS 1.2 and 1.3; this server offers only older versions or ciphers that they have given up.",
    causes: &[
        "the server is configured for TLS 1.0 or 1.1 alone",
        "its TLS library is very old",
        "its ciphers are limited to old ones",
    ],
    mend: &["nginx: ssl_protocols TLSv1.2 TLSv1.3", "Node: minVersion: 'TLSv1.2', and no maxVersion"],
    words: &[
        says("curl", "unsupported protocol"),
        says("curl", "legacy sigalg disallowed or unsupported"),
        says("curl", "alert protocol version"),
        says("curl", "alert handshake failure"),
        says("Node", "ERR_SSL_UNSUPPORTED_PROTOCOL"),
        says("Node", "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION"),
        says("Node", "alert protocol version"),
        says("Python", "UNSUPPORTED_PROTOCOL"),
        says("Python", "TLSV1_ALERT_PROTOCOL_VERSION"),
        says("Java", "protocol_version"),
        says("Go", "protocol version not supported"),
        says("Chrome", "ERR_SSL_VERSION_OR_CIPHER_MISMATCH"),
        says("Firefox", "SSL_ERROR_UNSUPPORTED_VERSION"),
    ],
};

pub static CLIENT_CERTIFICATE_REQUIRED: Fault = Fault {
    id: "client-certificate-required",
    title: "the server wants a client certificate",
    meaning: "Mutual TLS: the server shows its certificate and then refuses whoever shows none.",
    causes: &[
        "no certificate was given to the client",
        "the client has one, but none of a CA that the server names as acceptable",
    ],
    mend: &["devca issue --client alice", "curl --cert alice-client.pem --key alice-client-key.pem …"],
    words: &[
        says("curl", "alert certificate required"),
        says("curl", "alert handshake failure"),
        says("nginx", "No required SSL certificate was sent"),
        says("Node", "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED"),
        says("Node", "certificate required"),
        says("Python", "TLSV13_ALERT_CERTIFICATE_REQUIRED"),
        says("Java", "certificate_required"),
        says("Go", "certificate required"),
        says("Chrome", "ERR_BAD_SSL_CLIENT_AUTH_CERT"),
        says("Firefox", "SSL_ERROR_RX_CERTIFICATE_REQUIRED_ALERT"),
    ],
};

pub static CLIENT_CERTIFICATE_REFUSED: Fault = Fault {
    id: "client-certificate-refused",
    title: "the server refuses the client certificate",
    meaning: "Mutual TLS: a client certificate was shown, and the server does not accept it.",
    causes: &[
        "it is of another CA than the one that the server trusts for clients",
        "it has expired or was revoked",
        "it is a server certificate: its extended key usage lacks clientAuth",
    ],
    mend: &[
        "devca check alice-client.pem --client --ca CLIENT-CA.pem",
        "devca issue --client alice",
        "give the server devca root --pem as its client CA",
    ],
    words: &[
        says("curl", "alert unknown ca"),
        says("curl", "alert bad certificate"),
        says("curl", "alert certificate expired"),
        says("curl", "alert certificate revoked"),
        says("curl", "alert unsupported certificate"),
        says("nginx", "The SSL certificate error"),
        says("Node", "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA"),
        says("Node", "ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE"),
        says("Node", "ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED"),
        says("Node", "ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED"),
        says("Node", "ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE"),
        says("Node", "ECONNRESET"),
        says("Python", "TLSV1_ALERT_UNKNOWN_CA"),
        says("Python", "ALERT_BAD_CERTIFICATE"),
        says("Python", "ALERT_CERTIFICATE_EXPIRED"),
        says("Python", "ALERT_CERTIFICATE_REVOKED"),
        says("Python", "ALERT_UNSUPPORTED_CERTIFICATE"),
        says("Java", "unknown_ca"),
        says("Java", "bad_certificate"),
        says("Java", "certificate_expired"),
        says("Java", "certificate_revoked"),
        says("Java", "unsupported_certificate"),
        says("Go", "unknown certificate authority"),
        says("Go", "bad certificate"),
        says("Go", "expired certificate"),
        says("Go", "revoked certificate"),
        says("Go", "unsupported certificate"),
        says("Chrome", "ERR_BAD_SSL_CLIENT_AUTH_CERT"),
        says("Firefox", "SSL_ERROR_UNKNOWN_CA_ALERT"),
    ],
};

pub static KEY_MISMATCH: Fault = Fault {
    id: "key-mismatch",
    title: "key and certificate do not belong together",
    meaning: "The private key is not the one that the certificate is for: no server starts with such a pair.",
    causes: &["one of the two files was replaced alone", "the files of two certificates were mixed up"],
    mend: &["devca issue NAMES --force writes both anew"],
    words: &[
        says("OpenSSL", "key values mismatch"),
        says("nginx", "key values mismatch"),
        says("Node", "ERR_OSSL_X509_KEY_VALUES_MISMATCH"),
        says("Python", "KEY_VALUES_MISMATCH"),
        says("Go", "private key does not match public key"),
    ],
};

pub static SELF_SIGNED: Fault = Fault {
    id: "self-signed",
    title: "the certificate is self-signed",
    meaning: "It vouches for itself; no CA that a client could trust stands behind it.",
    causes: &["the server made one of its own at its first start", "it was made with openssl req -x509"],
    mend: &["devca install", "devca issue localhost 127.0.0.1 ::1, and give the server these files"],
    words: &[
        says("curl", "self-signed certificate"),
        says("curl", "self signed certificate"),
        says("Node", "DEPTH_ZERO_SELF_SIGNED_CERT"),
        says("Python", "self-signed certificate"),
        says("Java", "unable to find valid certification path"),
        says("Go", "certificate signed by unknown authority"),
        says("Chrome", "NET::ERR_CERT_AUTHORITY_INVALID"),
        says("Firefox", "MOZILLA_PKIX_ERROR_SELF_SIGNED_CERT"),
        says("GnuTLS", "The certificate issuer is unknown"),
        says(".NET", "UntrustedRoot"),
    ],
};

pub static MISSING_INTERMEDIATE: Fault = Fault {
    id: "missing-intermediate",
    title: "an intermediate certificate is missing",
    meaning: "The server sends its own certificate without the intermediate that links it to the root, and most clients do not look for that elsewhere. (Browsers may have it from another site, or fetch it: so it works there and nowhere else.)",
    causes: &[
        "the server was given the leaf alone instead of the full chain",
        "the chain was put together without the intermediate",
    ],
    mend: &[
        "devca issue NAMES --format fullchain, and give the server that file",
        "nginx: ssl_certificate takes the full chain",
    ],
    words: &[
        says("curl", "unable to get local issuer certificate"),
        says("Node", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
        says("Python", "unable to get local issuer certificate"),
        says("Java", "unable to find valid certification path"),
        says("Go", "certificate signed by unknown authority"),
        says("Chrome", "NET::ERR_CERT_AUTHORITY_INVALID"),
        says("Firefox", "SEC_ERROR_UNKNOWN_ISSUER"),
        says("GnuTLS", "The certificate issuer is unknown"),
        says(".NET", "PartialChain"),
    ],
};

pub static UNTRUSTED_ROOT: Fault = Fault {
    id: "untrusted-root",
    title: "the root is not trusted here",
    meaning: "The chain is whole, but it ends at a root that the client does not have in its list.",
    causes: &[
        "devca install has not been run for this user or on this machine, or has missed a store",
        "the client was started before, and reads its list once",
        "the client does not read the system's list: Node, Python's requests, Java, Firefox",
        "the certificate is of somebody else's CA",
    ],
    mend: &["devca install", "devca run -- PROGRAM", "devca status"],
    words: &[
        says("curl", "unable to get local issuer certificate"),
        says("curl", "self-signed certificate in certificate chain"),
        says("curl", "self signed certificate in certificate chain"),
        says("Node", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
        says("Node", "UNABLE_TO_GET_ISSUER_CERT_LOCALLY"),
        says("Node", "SELF_SIGNED_CERT_IN_CHAIN"),
        says("Python", "unable to get local issuer certificate"),
        says("Python", "self-signed certificate in certificate chain"),
        says("Java", "unable to find valid certification path"),
        says("Go", "certificate signed by unknown authority"),
        says("Chrome", "NET::ERR_CERT_AUTHORITY_INVALID"),
        says("Firefox", "SEC_ERROR_UNKNOWN_ISSUER"),
        says("GnuTLS", "The certificate issuer is unknown"),
        says("rustls", "UnknownIssuer"),
        says(".NET", "UntrustedRoot"),
    ],
};

pub static REPLACED_ROOT: Fault = Fault {
    id: "replaced-root",
    title: "it was issued by a root that has been replaced",
    meaning: "The certificate is of a devca root with the same name as the one that is trusted here, but with another key.",
    causes: &[
        "devca rotate, or uninstall --purge and install, made a new root, and this certificate was not issued again",
        "the files come from another machine or home folder",
    ],
    mend: &["devca renew --all", "devca issue NAMES --force, and restart the server"],
    words: &[
        says("curl", "certificate signature failure"),
        says("curl", "unable to get local issuer certificate"),
        says("Node", "CERT_SIGNATURE_FAILURE"),
        says("Node", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
        says("Python", "certificate signature failure"),
        says("Python", "unable to get local issuer certificate"),
        says("Go", "ECDSA verification failure"),
        says("Go", "certificate signed by unknown authority"),
        says("Java", "Path does not chain with any of the trust anchors"),
        says("Java", "unable to find valid certification path"),
        says("Chrome", "NET::ERR_CERT_AUTHORITY_INVALID"),
        says("Firefox", "SEC_ERROR_BAD_SIGNATURE"),
        says("Firefox", "SEC_ERROR_UNKNOWN_ISSUER"),
        says("GnuTLS", "The certificate issuer is unknown"),
    ],
};

pub static NAME_MISMATCH: Fault = Fault {
    id: "name-mismatch",
    title: "the certificate is for another name",
    meaning: "The name or address in the client's request is not among the subject alternative names of the certificate. A wildcard stands for one label; an address needs an address among them; the common name counts for nothing.",
    causes: &[
        "the server is reached by another name or address than it was issued for: localhost, 127.0.0.1 and ::1 are three",
        "the server has several certificates and was not told which by SNI",
        "the certificate has a common name and no subject alternative name",
        "a wildcard is used two levels deep",
    ],
    mend: &[
        "devca issue localhost 127.0.0.1 ::1 with every name that is used",
        "devca check … shows what the certificate is for",
    ],
    words: &[
        says("curl", "no alternative certificate subject name matches"),
        says("curl", "does not match target host name"),
        says("Node", "ERR_TLS_CERT_ALTNAME_INVALID"),
        says("Node", "Hostname/IP does not match certificate's altnames"),
        says("Python", "Hostname mismatch"),
        says("Python", "IP address mismatch"),
        says("OpenSSL", "hostname mismatch"),
        says("OpenSSL", "IP address mismatch"),
        says("Java", "No subject alternative"),
        says("Java", "No name matching"),
        says("Go", "certificate is valid for"),
        says("Go", "doesn't contain any IP SANs"),
        says("Go", "certificate relies on legacy Common Name field"),
        says("Go", "certificate is not valid for any names"),
        says("Chrome", "NET::ERR_CERT_COMMON_NAME_INVALID"),
        says("Firefox", "SSL_ERROR_BAD_CERT_DOMAIN"),
        says("GnuTLS", "The name in the certificate does not match the expected"),
        says(".NET", "RemoteCertificateNameMismatch"),
    ],
};

pub static EXPIRED: Fault = Fault {
    id: "expired",
    title: "the certificate has expired",
    meaning: "Its last day, or that of a CA above it, is past.",
    causes: &[
        "it was not renewed",
        "it was renewed, and the server still has the old one in memory",
        "this machine's clock is ahead",
    ],
    mend: &[
        "devca renew",
        "restart or reload the server",
        "devca renew --install-timer --exec 'nginx -s reload'",
    ],
    words: &[
        says("curl", "certificate has expired"),
        says("Node", "CERT_HAS_EXPIRED"),
        says("Python", "certificate has expired"),
        says("Java", "validity check failed"),
        says("Java", "NotAfter:"),
        says("Go", "certificate has expired or is not yet valid"),
        says("Chrome", "NET::ERR_CERT_DATE_INVALID"),
        says("Firefox", "SEC_ERROR_EXPIRED_CERTIFICATE"),
        says("GnuTLS", "expired certificate"),
        says(".NET", "NotTimeValid"),
    ],
};

pub static NOT_YET_VALID: Fault = Fault {
    id: "not-yet-valid",
    title: "the certificate is not valid yet",
    meaning: "Its first day is still to come, by this machine's clock.",
    causes: &[
        "the clock of this machine, virtual machine or container is behind",
        "it was made on a machine whose clock is ahead",
    ],
    mend: &["compare the clocks: date -u", "devca issue NAMES --force"],
    words: &[
        says("curl", "certificate is not yet valid"),
        says("Node", "CERT_NOT_YET_VALID"),
        says("Python", "certificate is not yet valid"),
        says("Java", "validity check failed"),
        says("Java", "NotBefore:"),
        says("Go", "certificate has expired or is not yet valid"),
        says("Chrome", "NET::ERR_CERT_DATE_INVALID"),
        says("Firefox", "MOZILLA_PKIX_ERROR_NOT_YET_VALID_CERTIFICATE"),
        says("GnuTLS", "uses not yet valid certificate"),
    ],
};

pub static REVOKED: Fault = Fault {
    id: "revoked",
    title: "the certificate was revoked",
    meaning: "This CA has it on its list of revoked certificates: whoever reads that list refuses it.",
    causes: &["devca revoke was told so"],
    mend: &["devca issue NAMES --force makes another"],
    words: &[
        says("curl", "certificate revoked"),
        says("Node", "CERT_REVOKED"),
        says("OpenSSL", "certificate revoked"),
        says("Python", "certificate revoked"),
        says("Java", "Certificate has been revoked"),
        says("Chrome", "NET::ERR_CERT_REVOKED"),
        says("Firefox", "SEC_ERROR_REVOKED_CERTIFICATE"),
    ],
};

pub static WRONG_USAGE: Fault = Fault {
    id: "wrong-usage",
    title: "the certificate is not meant for this use",
    meaning: "Its extended key usage names servers and it is used by a client, or the other way round.",
    causes: &[
        "a client certificate was given to a server",
        "a server certificate was given to a client, or lies in its folder under a similar name",
    ],
    mend: &[
        "devca issue localhost for a server",
        "devca issue --client alice for a client",
        "devca issue --client --server for a service that is both",
    ],
    words: &[
        says("curl", "unsuitable certificate purpose"),
        says("curl", "unsupported certificate purpose"),
        says("Node", "INVALID_PURPOSE"),
        says("Python", "unsuitable certificate purpose"),
        says("Python", "unsupported certificate purpose"),
        says("Java", "Extended key usage does not permit use for TLS"),
        says("Go", "certificate specifies an incompatible key usage"),
        says("Chrome", "NET::ERR_CERT_INVALID"),
        says("Firefox", "SEC_ERROR_INADEQUATE_CERT_TYPE"),
        says("GnuTLS", "does not match the intended purpose"),
    ],
};

pub static CA_AS_LEAF: Fault = Fault {
    id: "ca-as-leaf",
    title: "a CA's certificate is used by a server",
    meaning: "The certificate may sign others (basicConstraints CA:TRUE). Firefox and rustls refuse it as a server's own.",
    causes: &[
        "the root's files were given to the server instead of a leaf's",
        "it was made with openssl req -x509, which makes a CA unless told otherwise",
    ],
    mend: &["devca issue localhost 127.0.0.1 ::1, and give the server these files"],
    words: &[
        says("Firefox", "MOZILLA_PKIX_ERROR_CA_CERT_USED_AS_END_ENTITY"),
        says("rustls", "CaUsedAsEndEntity"),
    ],
};

pub static OUTSIDE_CONSTRAINTS: Fault = Fault {
    id: "outside-constraints",
    title: "a name is outside what its CA may sign for",
    meaning: "The root carries name constraints, and a name of the certificate is not within them: clients refuse the whole certificate.",
    causes: &[
        "the certificate was made with the root's key by another program",
        "the root's list was narrowed since",
    ],
    mend: &["devca permit NAME", "devca issue NAMES without it"],
    words: &[
        says("curl", "permitted subtree violation"),
        says("Node", "permitted subtree violation"),
        says("Python", "permitted subtree violation"),
        says("Go", "is not authorized to sign for this name"),
        says("Chrome", "NET::ERR_CERT_INVALID"),
        says("Firefox", "SEC_ERROR_CERT_NOT_IN_NAME_SPACE"),
        says("GnuTLS", "violates the signer's constraints"),
        says("rustls", "NameConstraintViolation"),
    ],
};

pub static WEAK: Fault = Fault {
    id: "weak",
    title: "the key or the signature is too weak",
    meaning: "RSA keys below 2048 bits, and signatures with SHA-1 or MD5, are refused by current clients.",
    causes: &["the certificate was made long ago or with old options"],
    mend: &["devca issue NAMES"],
    words: &[
        says("curl", "EE certificate key too weak"),
        says("curl", "CA certificate key too weak"),
        says("curl", "ee key too small"),
        says("curl", "CA signature digest algorithm too weak"),
        says("Node", "EE certificate key too weak"),
        says("Node", "EE_KEY_TOO_SMALL"),
        says("Node", "CA signature digest algorithm too weak"),
        says("Node", "CA_MD_TOO_WEAK"),
        says("Python", "EE certificate key too weak"),
        says("Python", "CA signature digest algorithm too weak"),
        says("Java", "Algorithm constraints check failed"),
        says("Go", "x509: cannot verify signature: insecure algorithm"),
        says("Chrome", "NET::ERR_CERT_WEAK_KEY"),
        says("Chrome", "NET::ERR_CERT_WEAK_SIGNATURE_ALGORITHM"),
        says("Firefox", "MOZILLA_PKIX_ERROR_INADEQUATE_KEY_SIZE"),
        says("Firefox", "SEC_ERROR_CERT_SIGNATURE_ALGORITHM_DISABLED"),
        says("GnuTLS", "uses insecure algorithm"),
    ],
};

pub static WRONG_ORDER: Fault = Fault {
    id: "wrong-order",
    title: "the chain is in the wrong order, or has what does not belong there",
    meaning: "After the server's own certificate its issuer follows, then that one's. Most clients sort it out; some (older TLS libraries, some devices) do not.",
    causes: &[
        "the files were put together in another order",
        "a CA's certificate from an earlier setup is still in the file",
    ],
    mend: &["devca issue NAMES --format fullchain"],
    words: &[],
};

pub static TOO_LONG: Fault = Fault {
    id: "too-long",
    title: "it is valid for too long",
    meaning: "Apple's systems refuse server certificates that are valid for more than 825 days, also those of a root that the user has added; and for roots that browsers bring along the limit is 398 days.",
    causes: &["it was made with many --days"],
    mend: &["devca issue NAMES (397 days)"],
    words: &[
        says("Safari", "certificate is not standards compliant"),
        says("Chrome", "NET::ERR_CERT_VALIDITY_TOO_LONG"),
    ],
};

pub static KEY_READABLE: Fault = Fault {
    id: "key-readable",
    title: "others on this machine can read the private key",
    meaning: "Whoever can read the key can be this server, or this client. Some programs (PostgreSQL, ssh) refuse such a file.",
    causes: &["the file was copied or unpacked with a wide umask"],
    mend: &["chmod 600 KEY"],
    words: &[says("PostgreSQL", "has group or world access")],
};

pub static CLOCK_SKEW: Fault = Fault {
    id: "clock-skew",
    title: "the clocks differ",
    meaning: "The server's clock and this machine's are minutes apart: certificates begin or end too early for one of them.",
    causes: &["a virtual machine or container was suspended", "no time service runs"],
    mend: &["compare the clocks: date -u", "timedatectl set-ntp true"],
    words: &[says("Chrome", "NET::ERR_CERT_DATE_INVALID")],
};

pub static PROXY: Fault = Fault {
    id: "proxy",
    title: "clients reach it through a proxy",
    meaning: "A proxy is set in the environment: programs that honour it do not reach this server as devca has, and a proxy that inspects TLS shows a certificate of its own.",
    causes: &["HTTPS_PROXY or https_proxy is set, and NO_PROXY does not name this host"],
    mend: &["export NO_PROXY=localhost,127.0.0.1,::1,.test"],
    words: &[
        says("curl", "CONNECT tunnel failed"),
        says("Chrome", "ERR_TUNNEL_CONNECTION_FAILED"),
        says("Python", "Tunnel connection failed"),
    ],
};

pub static VERIFICATION_OFF: Fault = Fault {
    id: "verification-off",
    title: "verification is switched off",
    meaning: "A setting in this environment makes a client accept every certificate: it hides faults here that are met elsewhere, and lets anybody listen.",
    causes: &["it was set to get past an error once, and stayed"],
    mend: &["unset it, and start the program with: devca run -- PROGRAM"],
    words: &[says("Node", "NODE_TLS_REJECT_UNAUTHORIZED"), says("Python", "InsecureRequestWarning")],
};

pub static EXPIRING: Fault = Fault {
    id: "expiring",
    title: "the certificate ends soon",
    meaning: "It is good today, and will not be in a few days.",
    causes: &["nothing renews it"],
    mend: &["devca renew", "devca renew --install-timer"],
    words: &[],
};
