//! Faults between the leaf and a root that the client trusts.

use super::Case::{
    AnchorIsNoRoot, ChainSent, Excluded, IntermediateIsNoCa, IsNoCa, LeafSent, NoCertSign, NotPermitted,
    OfCa, OfLeaf, RootNotSent, RootSent, TooManyIntermediates,
};
use super::Client::{
    Android, Apple, Bun, Chrome, Curl, CurlOnWindows, Dehydrated, DotNet, Electron, Firefox, Git,
    GitOnWindows, GnuTls, Go, GoOnMacOs, Grpc, Java, LibreSsl, Mosquitto, Node, OpenSsl, PostgreSql, Python,
    Rustls, Safari, SocketIo, Wget, WgetWithOpenSsl, Workerd,
};
use super::{Diagnosis, says};

pub static SELF_SIGNED: Diagnosis = Diagnosis {
    id: "self-signed",
    title: "the certificate is self-signed",
    meaning: "It is signed with its own key instead of by a CA that clients could trust.",
    causes: &["the server generated it when it first started", "it was made with openssl req -x509"],
    fix: &["devca install", "devca issue localhost 127.0.0.1 ::1, and configure these files in the server"],
    words: &[
        says(Curl, "self-signed certificate"),
        says(Curl, "self signed certificate"),
        says(Node, "DEPTH_ZERO_SELF_SIGNED_CERT"),
        says(Python, "self-signed certificate"),
        says(Java, "unable to find valid certification path"),
        says(Go, "certificate signed by unknown authority"),
        says(
            Go,
            "certificate signed by unknown authority…parent certificate cannot sign this kind of certificate",
        ),
        says(Chrome, "NET::ERR_CERT_AUTHORITY_INVALID"),
        says(Firefox, "MOZILLA_PKIX_ERROR_SELF_SIGNED_CERT"),
        says(GnuTls, "The certificate issuer is unknown"),
        says(Rustls, "UnknownIssuer"),
        says(DotNet, "UntrustedRoot"),
    ],
};

pub static MISSING_INTERMEDIATE: Diagnosis = Diagnosis {
    id: "missing-intermediate",
    title: "an intermediate certificate is missing",
    meaning: "The server sends its certificate without the intermediate that links it to the root, and most clients do not look for it elsewhere. Browsers may have it from another site or fetch it, so it can work there and nowhere else.",
    causes: &[
        "the server is configured with the leaf only, instead of the full chain",
        "the chain file was assembled without the intermediate",
    ],
    fix: &[
        "devca issue NAMES --format fullchain, and configure that file in the server",
        "nginx: ssl_certificate takes the full chain",
    ],
    words: &[
        says(Curl, "unable to get local issuer certificate").when(RootNotSent),
        says(Node, "UNABLE_TO_VERIFY_LEAF_SIGNATURE").when(LeafSent),
        says(Python, "unable to get local issuer certificate").when(RootNotSent),
        says(Java, "unable to find valid certification path"),
        says(Go, "certificate signed by unknown authority"),
        says(Chrome, "NET::ERR_CERT_AUTHORITY_INVALID"),
        says(Firefox, "SEC_ERROR_UNKNOWN_ISSUER"),
        says(GnuTls, "The certificate issuer is unknown"),
        says(Rustls, "UnknownIssuer"),
        says(DotNet, "PartialChain"),
        says(Node, "unable to verify the first certificate").when(LeafSent),
        says(OpenSsl, "unable to verify the first certificate").when(LeafSent),
        says(WgetWithOpenSsl, "Unable to locally verify the issuer's authority"),
    ],
};

pub static UNTRUSTED_ROOT: Diagnosis = Diagnosis {
    id: "untrusted-root",
    title: "the root is not trusted here",
    meaning: "The chain is complete, but the client does not trust the root at its end.",
    causes: &[
        "devca install was not run on this machine or for this user, or it missed a store",
        "the client was already running, and reads its trust store only at startup",
        "the client has its own trust store: Node, Python requests, Java, Firefox",
        "the certificate comes from someone else's CA",
    ],
    fix: &["devca install", "devca run -- PROGRAM", "devca status"],
    words: &[
        says(Curl, "unable to get local issuer certificate").when(RootNotSent),
        says(Curl, "self-signed certificate in certificate chain").when(RootSent),
        says(Curl, "self signed certificate in certificate chain").when(RootSent),
        says(Node, "UNABLE_TO_VERIFY_LEAF_SIGNATURE").when(LeafSent),
        says(Node, "UNABLE_TO_GET_ISSUER_CERT_LOCALLY").when(ChainSent),
        says(Node, "SELF_SIGNED_CERT_IN_CHAIN").when(RootSent),
        says(Python, "unable to get local issuer certificate").when(RootNotSent),
        says(Python, "self-signed certificate in certificate chain").when(RootSent),
        says(Java, "unable to find valid certification path"),
        says(Go, "certificate signed by unknown authority"),
        says(Chrome, "NET::ERR_CERT_AUTHORITY_INVALID"),
        says(Firefox, "SEC_ERROR_UNKNOWN_ISSUER"),
        says(GnuTls, "The certificate issuer is unknown"),
        says(Rustls, "UnknownIssuer"),
        says(DotNet, "UntrustedRoot"),
        says(Node, "unable to verify the first certificate").when(LeafSent),
        says(OpenSsl, "unable to verify the first certificate").when(LeafSent),
        says(OpenSsl, "unable to get issuer certificate").when(AnchorIsNoRoot),
        says(Node, "UNABLE_TO_GET_ISSUER_CERT").when(AnchorIsNoRoot),
        says(Python, "unable to get issuer certificate").when(AnchorIsNoRoot),
        says(WgetWithOpenSsl, "Unable to locally verify the issuer's authority"),
        says(Wget, "doesn't have a known issuer"),
        says(PostgreSql, "root certificate file"),
        says(CurlOnWindows, "SEC_E_UNTRUSTED_ROOT"),
        says(GitOnWindows, "CERT_E_UNTRUSTEDROOT"),
        says(Android, "Trust anchor for certification path not found"),
        says(Apple, "NSURLErrorDomain Code=-1202"),
        says(Apple, "The certificate for this server is invalid"),
        says(GoOnMacOs, "” certificate is not trusted"),
        says(DotNet, "Could not establish trust relationship for the SSL/TLS secure channel"),
    ],
};

pub static REPLACED_ROOT: Diagnosis = Diagnosis {
    id: "replaced-root",
    title: "it was issued by a root that was replaced",
    meaning: "The certificate was issued by a devca root with the same name as the one trusted here, but with a different key.",
    causes: &[
        "devca rotate, or uninstall --purge and install, created a new root, and this certificate was not reissued",
        "the files come from another machine or user",
    ],
    fix: &["devca renew --all", "devca issue NAMES --force, then restart the server"],
    words: &[
        says(LibreSsl, "certificate signature failure"),
        says(Curl, "unable to get local issuer certificate").when(RootNotSent),
        says(Node, "CERT_SIGNATURE_FAILURE"),
        says(Node, "UNABLE_TO_VERIFY_LEAF_SIGNATURE").when(LeafSent),
        says(Node, "unable to verify the first certificate").when(LeafSent),
        says(Python, "certificate signature failure"),
        says(Python, "unable to get local issuer certificate").when(RootNotSent),
        says(Go, "possibly because of \"x509: ECDSA verification failure\""),
        says(Go, "certificate signed by unknown authority"),
        says(Java, "Path does not chain with any of the trust anchors"),
        says(Java, "unable to find valid certification path"),
        says(Chrome, "NET::ERR_CERT_AUTHORITY_INVALID"),
        says(Firefox, "SEC_ERROR_BAD_SIGNATURE"),
        says(Firefox, "SEC_ERROR_UNKNOWN_ISSUER"),
        says(GnuTls, "The certificate issuer is unknown"),
        says(GnuTls, "The signature in the certificate is invalid"),
        says(Rustls, "BadSignature"),
        says(Rustls, "UnknownIssuer"),
        says(Firefox, "SEC_ERROR_REUSED_ISSUER_AND_SERIAL"),
    ],
};

pub static BAD_SIGNATURE: Diagnosis = Diagnosis {
    id: "bad-signature",
    title: "a signature is wrong",
    meaning: "The certificate names the key that signed it, but the signature does not match: a byte of the certificate is not what was signed.",
    causes: &[
        "the file was damaged, or edited",
        "a program rewrote the certificate without signing it again",
    ],
    fix: &["devca issue NAMES --force, then restart the server", "restore the file from a backup"],
    words: &[
        says(Curl, "asn1 encoding routines::EVP lib"),
        says(OpenSsl, "certificate signature failure"),
        says(LibreSsl, "certificate signature failure"),
        says(Node, "CERT_SIGNATURE_FAILURE"),
        says(Python, "certificate signature failure"),
        says(Go, "possibly because of \"x509: ECDSA verification failure\""),
        says(Java, "signature check failed"),
        says(Chrome, "NET::ERR_CERT_AUTHORITY_INVALID"),
        says(Firefox, "SEC_ERROR_BAD_SIGNATURE"),
        says(GnuTls, "The signature in the certificate is invalid"),
        says(Rustls, "BadSignature"),
    ],
};

pub static REVOKED: Diagnosis = Diagnosis {
    id: "revoked",
    title: "the certificate was revoked",
    meaning: "It is on this CA's revocation list, and clients that read the list reject it.",
    causes: &["devca revoke was run for it"],
    fix: &["devca issue NAMES --force issues another one"],
    words: &[
        says(Curl, "certificate revoked"),
        says(Node, "CERT_REVOKED"),
        says(OpenSsl, "certificate revoked"),
        says(Python, "certificate revoked"),
        says(Java, "Certificate has been revoked"),
        says(Chrome, "NET::ERR_CERT_REVOKED"),
        says(Firefox, "SEC_ERROR_REVOKED_CERTIFICATE"),
        says(Rustls, "invalid peer certificate: Revoked"),
    ],
};

pub static REFUSED: Diagnosis = Diagnosis {
    id: "refused",
    title: "the client rejects the certificate, and this message does not say why",
    meaning: "Clients start with this for any problem with a certificate; the reason follows, if they give one.",
    causes: &[
        "the client does not trust the root",
        "the server does not send an intermediate",
        "the certificate is for another name",
        "the certificate has expired",
    ],
    fix: &["devca check ADDRESS finds out which", "devca explain with everything that the client printed"],
    words: &[
        says(Curl, "SSL certificate problem"),
        says(Curl, "SSL peer certificate or SSH remote key was not OK"),
        says(OpenSsl, "certificate verify failed"),
        says(Python, "CERTIFICATE_VERIFY_FAILED"),
        says(Electron, "ERR_SSL_CERTIFICATE_VERIFY_FAILED"),
        says(Java, "SSLHandshakeException"),
        says(Java, "PKIX path validation failed"),
        says(Go, "tls: failed to verify certificate"),
        says(Rustls, "invalid peer certificate"),
        says(GnuTls, "PKI verification of server certificate failed"),
        says(Chrome, "Your connection is not private"),
        says(Firefox, "Warning: …Security Risk"),
        says(Safari, "This Connection Is Not Private"),
        says(DotNet, "The SSL connection could not be established"),
        says(DotNet, "The remote certificate is invalid"),
        says(Curl, "curl: (60)"),
        says(Node, "fetch failed"),
        says(Node, "ERR_HTTP2_STREAM_CANCEL"),
        says(Node, "The pending stream has been canceled"),
        says(SocketIo, "xhr poll error"),
        says(SocketIo, "websocket error"),
        says(Chrome, "uses HSTS"),
        says(Firefox, "HTTP Strict Transport Security (HSTS)"),
        says(Wget, "' is not trusted"),
        says(Git, "server certificate verification failed"),
        says(Mosquitto, "A TLS error occurred"),
        says(Dehydrated, "curl returned with 60"),
    ],
};

pub static NOT_A_CA: Diagnosis = Diagnosis {
    id: "not-a-ca",
    title: "a certificate in the chain may not sign the one below it",
    meaning: "A certificate that signs others must be a CA (basicConstraints CA:TRUE), and its key usage, if present, must include keyCertSign.",
    causes: &[
        "a leaf's key was used to sign: openssl x509 -CA accepts any certificate",
        "the CA was created without -addext basicConstraints=critical,CA:TRUE",
    ],
    fix: &["devca issue NAMES", "devca issue --intermediate NAMES, if you want an intermediate"],
    words: &[
        says(Curl, "invalid CA certificate"),
        says(Node, "unsuitable certificate purpose").when(IntermediateIsNoCa),
        says(Node, "key usage does not include certificate signing").when(NoCertSign),
        says(Python, "invalid CA certificate"),
        says(Java, "this is not a CA certificate").when(IsNoCa),
        says(Java, "keyCertSign bit is not set").when(NoCertSign),
        says(Go, "parent certificate cannot sign this kind of certificate"),
        says(
            Go,
            "certificate signed by unknown authority…parent certificate cannot sign this kind of certificate",
        ),
        says(Chrome, "NET::ERR_CERT_INVALID"),
        says(Firefox, "SEC_ERROR_CA_CERT_INVALID").when(IsNoCa),
        says(Firefox, "SEC_ERROR_INADEQUATE_KEY_USAGE").when(NoCertSign),
        says(GnuTls, "The certificate issuer is not a CA").when(IsNoCa),
        says(GnuTls, "violates the signer's constraints").when(NoCertSign),
        says(Rustls, "EndEntityUsedAsCa").when(IsNoCa),
    ],
};

pub static PATH_TOO_LONG: Diagnosis = Diagnosis {
    id: "path-too-long",
    title: "the chain has more CAs than one of them allows",
    meaning: "A CA can limit how many CAs may follow below it (pathLenConstraint); devca's intermediates allow none.",
    causes: &["an intermediate was issued by a CA that may only issue leaves"],
    fix: &["devca issue NAMES", "devca export --for SYSTEM exports an intermediate signed by the root"],
    words: &[
        says(Curl, "path length constraint exceeded"),
        says(Node, "PATH_LENGTH_EXCEEDED"),
        says(Python, "path length constraint exceeded"),
        says(Java, "pathLenConstraint violated"),
        says(Go, "too many intermediates for path length constraint"),
        says(Chrome, "NET::ERR_CERT_INVALID"),
        says(Firefox, "SEC_ERROR_PATH_LEN_CONSTRAINT_INVALID"),
        says(GnuTls, "violates the signer's constraints"),
        says(Rustls, "PathLenConstraintViolated"),
        says(Rustls, "MaximumPathDepthExceeded").when(TooManyIntermediates),
    ],
};

pub static UNKNOWN_EXTENSION: Diagnosis = Diagnosis {
    id: "unknown-extension",
    title: "a critical extension is unknown to clients",
    meaning: "A certificate has an extension that is marked critical, and clients that do not support it must reject the certificate.",
    causes: &["the certificate was made for a closed system whose clients support the extension"],
    fix: &["devca issue NAMES", "remove the extension, or make it non-critical"],
    words: &[
        says(Curl, "unhandled critical extension"),
        says(Node, "unhandled critical extension"),
        says(Python, "unhandled critical extension"),
        says(Java, "unrecognized critical extension"),
        says(Go, "unhandled critical extension"),
        says(Chrome, "NET::ERR_CERT_INVALID"),
        says(Firefox, "SEC_ERROR_UNKNOWN_CRITICAL_EXTENSION").when(OfLeaf),
        says(Firefox, "SEC_ERROR_UNKNOWN_ISSUER").when(OfCa),
        says(GnuTls, "contains an unknown critical extension"),
        says(Rustls, "UnsupportedCriticalExtension"),
    ],
};

pub static OUTSIDE_CONSTRAINTS: Diagnosis = Diagnosis {
    id: "outside-constraints",
    title: "its CA may not sign for one of its names",
    meaning: "The root has name constraints, and a name in the certificate is outside them. Clients reject the whole certificate.",
    causes: &[
        "another program signed the certificate with the root's key",
        "names were removed from the root's list since then",
    ],
    fix: &["devca permit NAME", "devca issue NAMES without it"],
    words: &[
        says(Bun, "PERMITTED_VIOLATION"),
        says(Curl, "permitted subtree violation").when(NotPermitted),
        says(Curl, "excluded subtree violation").when(Excluded),
        says(Node, "permitted subtree violation").when(NotPermitted),
        says(Node, "excluded subtree violation").when(Excluded),
        says(Python, "permitted subtree violation").when(NotPermitted),
        says(Python, "excluded subtree violation").when(Excluded),
        says(Java, "name constraints check failed"),
        says(Go, "is not authorized to sign for this name"),
        says(Chrome, "NET::ERR_CERT_INVALID"),
        says(Firefox, "SEC_ERROR_CERT_NOT_IN_NAME_SPACE"),
        says(GnuTls, "violates the signer's constraints"),
        says(Rustls, "NameConstraintViolation"),
    ],
};

pub static CONSTRAINED_ADDRESSES: Diagnosis = Diagnosis {
    id: "constrained-addresses",
    title: "BoringSSL does not support constraints on addresses",
    meaning: "The certificate contains an address, and its root limits the addresses that it may sign for. BoringSSL (Bun, gRPC, workerd, Electron, Envoy, Dart) does not support such limits and rejects the certificate, even for its other names.",
    causes: &[
        "the root was created with --constrain-addresses, or by an earlier version of devca",
        "an address range was added to the root with devca permit",
    ],
    fix: &["devca permit --no-constrain-addresses", "devca issue NAMES without the address"],
    words: &[
        says(Bun, "UNSUPPORTED_CONSTRAINT_TYPE"),
        says(Bun, "unsupported name constraint type"),
        says(Grpc, "unsupported name constraint type"),
        says(Workerd, "unsupported name constraint type"),
        says(Workerd, "internal error; reference = "),
    ],
};

pub static CLIENT_WITHOUT_SAN: Diagnosis = Diagnosis {
    id: "client-without-san",
    title: "BoringSSL requires a subject alternative name in client certificates",
    meaning: "The client certificate has a common name but no subject alternative name. Under a root with name constraints, servers that use BoringSSL (gRPC, Bun, Envoy) reject it. The client only sees a closed connection.",
    causes: &["the certificate was issued by an earlier version of devca, or by another program"],
    fix: &["devca renew alice-client.pem"],
    words: &[
        says(Grpc, "Issuer has name constraints but leaf has no SANs"),
        says(Grpc, "Socket closed"),
        says(Curl, "Empty reply from server"),
    ],
};

pub static WRONG_ORDER: Diagnosis = Diagnosis {
    id: "wrong-order",
    title: "the chain is in the wrong order, or contains unrelated certificates",
    meaning: "The server's certificate comes first, then its issuer, then the issuer's issuer. Most clients sort this out; some older TLS libraries and devices do not.",
    causes: &[
        "the files were concatenated in another order",
        "a CA certificate from an earlier setup is still in the file",
    ],
    fix: &["devca issue NAMES --format fullchain"],
    words: &[],
};
