//! From the leaf to a root that the client trusts.

use super::{Fault, says};

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
        says("rustls", "UnknownIssuer"),
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
        says("rustls", "UnknownIssuer"),
        says(".NET", "PartialChain"),
        says("Node", "unable to verify the first certificate"),
        says("OpenSSL", "unable to verify the first certificate"),
        says("wget", "Unable to locally verify the issuer's authority"),
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
        says("Node", "unable to verify the first certificate"),
        says("OpenSSL", "unable to verify the first certificate"),
        says("OpenSSL", "unable to get issuer certificate"),
        says("Node", "UNABLE_TO_GET_ISSUER_CERT"),
        says("Python", "unable to get issuer certificate"),
        says("wget", "Unable to locally verify the issuer's authority"),
        says("wget", "doesn't have a known issuer"),
        says("git", "server certificate verification failed"),
        says("PostgreSQL", "root certificate file"),
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
        says("Node", "unable to verify the first certificate"),
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
        says("GnuTLS", "The signature in the certificate is invalid"),
        says("rustls", "BadSignature"),
        says("rustls", "UnknownIssuer"),
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
        says("rustls", "invalid peer certificate: Revoked"),
    ],
};

pub static REFUSED: Fault = Fault {
    id: "refused",
    title: "the client refuses the certificate, and these words do not say why",
    meaning: "Clients begin so whatever is wrong with a certificate; the reason follows, if they give one.",
    causes: &[
        "the root is not trusted by this client",
        "an intermediate is missing from what the server sends",
        "the certificate is for another name",
        "the certificate has expired",
    ],
    mend: &["devca check ADDRESS says which it is", "devca explain with all that the client has printed"],
    words: &[
        says("curl", "SSL certificate problem"),
        says("curl", "SSL peer certificate or SSH remote key was not OK"),
        says("OpenSSL", "certificate verify failed"),
        says("Python", "CERTIFICATE_VERIFY_FAILED"),
        says("Node", "ERR_SSL_CERTIFICATE_VERIFY_FAILED"),
        says("Java", "SSLHandshakeException"),
        says("Java", "PKIX path validation failed"),
        says("Go", "tls: failed to verify certificate"),
        says("rustls", "invalid peer certificate"),
        says("GnuTLS", "PKI verification of server certificate failed"),
        says("Chrome", "Your connection is not private"),
        says("Firefox", "Potential Security Risk Ahead"),
        says("Safari", "This Connection Is Not Private"),
        says(".NET", "The SSL connection could not be established"),
        says(".NET", "The remote certificate is invalid"),
    ],
};

pub static NOT_A_CA: Fault = Fault {
    id: "not-a-ca",
    title: "a certificate in the chain may not sign the one below it",
    meaning: "What stands above a leaf must be a CA's certificate (basicConstraints CA:TRUE), and its key usage, if it has one, must name the signing of certificates.",
    causes: &[
        "a leaf's key was used to sign: openssl x509 -CA takes any certificate",
        "the CA was made without -addext basicConstraints=critical,CA:TRUE",
    ],
    mend: &["devca issue NAMES", "devca issue --intermediate NAMES, where one is wanted in between"],
    words: &[
        says("curl", "invalid CA certificate"),
        says("Node", "unsuitable certificate purpose"),
        says("Node", "INVALID_CA"),
        says("Node", "key usage does not include certificate signing"),
        says("Python", "invalid CA certificate"),
        says("Java", "this is not a CA certificate"),
        says("Java", "keyCertSign bit is not set"),
        says("Go", "parent certificate cannot sign this kind of certificate"),
        says("Chrome", "NET::ERR_CERT_INVALID"),
        says("Firefox", "SEC_ERROR_CA_CERT_INVALID"),
        says("Firefox", "SEC_ERROR_INADEQUATE_KEY_USAGE"),
        says("GnuTLS", "The certificate issuer is not a CA"),
        says("GnuTLS", "violates the signer's constraints"),
        says("rustls", "EndEntityUsedAsCa"),
    ],
};

pub static PATH_TOO_LONG: Fault = Fault {
    id: "path-too-long",
    title: "there are more CAs in the chain than one of them allows",
    meaning: "A CA can say how many others may follow below it (pathLenConstraint): devca's intermediates allow none.",
    causes: &["an intermediate was issued by one that may issue leaves alone"],
    mend: &["devca issue NAMES", "devca export --for … hands out an intermediate of the root's own"],
    words: &[
        says("curl", "path length constraint exceeded"),
        says("Node", "PATH_LENGTH_EXCEEDED"),
        says("Python", "path length constraint exceeded"),
        says("Java", "pathLenConstraint violated"),
        says("Go", "too many intermediates for path length constraint"),
        says("Chrome", "NET::ERR_CERT_INVALID"),
        says("Firefox", "SEC_ERROR_PATH_LEN_CONSTRAINT_INVALID"),
        says("GnuTLS", "violates the signer's constraints"),
        says("rustls", "PathLenConstraintViolated"),
        says("rustls", "MaximumPathDepthExceeded"),
    ],
};

pub static UNKNOWN_EXTENSION: Fault = Fault {
    id: "unknown-extension",
    title: "a critical extension is not known",
    meaning: "A certificate has an extension that is marked as critical: whoever does not know it must refuse the certificate.",
    causes: &["the certificate was made for a closed system, whose clients know the extension"],
    mend: &["devca issue NAMES", "leave the extension out, or not critical"],
    words: &[
        says("curl", "unhandled critical extension"),
        says("Node", "unhandled critical extension"),
        says("Python", "unhandled critical extension"),
        says("Java", "unrecognized critical extension"),
        says("Go", "unhandled critical extension"),
        says("Chrome", "NET::ERR_CERT_INVALID"),
        says("Firefox", "SEC_ERROR_UNKNOWN_CRITICAL_EXTENSION"),
        says("Firefox", "SEC_ERROR_UNKNOWN_ISSUER"),
        says("GnuTLS", "unknown critical extension"),
        says("rustls", "UnsupportedCriticalExtension"),
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
        says("curl", "excluded subtree violation"),
        says("Node", "permitted subtree violation"),
        says("Node", "excluded subtree violation"),
        says("Python", "permitted subtree violation"),
        says("Python", "excluded subtree violation"),
        says("Java", "name constraints check failed"),
        says("Go", "is not authorized to sign for this name"),
        says("Chrome", "NET::ERR_CERT_INVALID"),
        says("Firefox", "SEC_ERROR_CERT_NOT_IN_NAME_SPACE"),
        says("GnuTLS", "violates the signer's constraints"),
        says("rustls", "NameConstraintViolation"),
    ],
};

pub static CONSTRAINED_ADDRESSES: Fault = Fault {
    id: "constrained-addresses",
    title: "BoringSSL does not know constraints on addresses",
    meaning: "The certificate has an address among its names, and its root limits the addresses that it may sign for. BoringSSL (Bun, gRPC, workerd, Electron, Envoy, Dart) does not know such limits, and refuses the certificate, for its other names as well.",
    causes: &[
        "the root was made with --constrain-addresses, or by an earlier version of devca",
        "a range of addresses was added to the root with devca permit",
    ],
    mend: &["devca permit --no-constrain-addresses", "devca issue NAMES without the address"],
    words: &[
        says("Bun", "UNSUPPORTED_CONSTRAINT_TYPE"),
        says("Bun", "unsupported name constraint type"),
        says("gRPC", "unsupported name constraint type"),
        says("workerd", "unsupported name constraint type"),
    ],
};

pub static CLIENT_WITHOUT_SAN: Fault = Fault {
    id: "client-without-san",
    title: "BoringSSL wants a subject alternative name in a client's certificate",
    meaning: "The client's certificate has a common name and no subject alternative name. Below a root with name constraints, a server that uses BoringSSL (gRPC, Bun, Envoy) refuses it. The client hears only that the connection was closed.",
    causes: &["the certificate was issued by an earlier version of devca, or by another program"],
    mend: &["devca renew alice-client.pem"],
    words: &[says("gRPC", "Issuer has name constraints but leaf has no SANs")],
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
