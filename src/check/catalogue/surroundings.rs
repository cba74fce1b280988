//! Faults of the environment: the machine, its files and its variables.

use super::Client::{
    Apache, Bun, Chrome, Curl, CurlOnWindows, Git, GitOnWindows, GnuTls, Go, HaProxy, Java, LibreSsl,
    MariaDb, Mosquitto, Nginx, Node, OpenSsl, Php, PostgreSql, Python, Redis, Ruby, Rustls,
};
use super::{Diagnosis, says};

pub static KEY_READABLE: Diagnosis = Diagnosis {
    id: "key-readable",
    title: "other users can read the private key",
    meaning: "Anyone who can read the key can impersonate this server or client. Some programs (PostgreSQL, ssh) refuse such a file.",
    causes: &["the file was copied or unpacked with a permissive umask"],
    fix: &["chmod 600 KEY"],
    words: &[says(PostgreSql, "has group or world access")],
};

pub static UNREADABLE_FILE: Diagnosis = Diagnosis {
    id: "unreadable-file",
    title: "a file with a certificate or a key cannot be read",
    meaning: "The path is wrong, the program may not read the file, the password is wrong, or the file does not contain what is expected.",
    causes: &[
        "the path is relative, and the program was started in another folder",
        "the key's mode is 0600, and the server runs as another user",
        "the format is wrong: PEM instead of DER or PKCS#12, or a certificate instead of a key",
        "the password is wrong or missing",
    ],
    fix: &[
        "devca inspect FILE shows what it is",
        "devca issue NAMES --format p12,java,combined,der writes other formats",
        "make the server's user the owner of the key: chown",
    ],
    words: &[
        says(Curl, "could not load PEM client certificate"),
        says(LibreSsl, "error setting certificate verify locations"),
        says(Curl, "error setting certificate file"),
        says(Nginx, "cannot load certificate"),
        says(OpenSsl, "no start line"),
        says(Bun, "NO_START_LINE"),
        says(OpenSsl, "bad decrypt"),
        says(OpenSsl, "mac verify failure"),
        says(OpenSsl, "Mac verify error"),
        says(OpenSsl, "Could not read certificate"),
        says(Node, "ERR_OSSL_PEM_NO_START_LINE"),
        says(Node, "ERR_OSSL_UNSUPPORTED"),
        says(Node, "mac verify failure"),
        says(Python, "[SSL] PEM lib"),
        says(Java, "Invalid keystore format"),
        says(Java, "keystore password was incorrect"),
        says(Go, "failed to find any PEM data"),
        says(Node, "DECODER routines::unsupported"),
        says(Node, "ENOENT: no such file or directory"),
        says(Node, "ENOENT….pem"),
        says(Node, "ENOENT….crt"),
        says(Node, "ENOENT….key"),
        says(OpenSsl, "Could not open file or uri"),
        says(OpenSsl, "Could not read server certificate"),
        says(OpenSsl, "Could not read client certificate"),
        says(Python, "No such file or directory"),
        says(Python, "Could not find the TLS certificate file"),
        says(Python, "Could not find the TLS key file"),
        says(GnuTls, "Error while reading file"),
        says(GnuTls, "Base64 decoding error"),
        says(GnuTls, "The requested data were not available"),
        says(GnuTls, "Error loading cert file"),
        says(GnuTls, "Error loading key file"),
        says(Rustls, "No certificates found in certificate data"),
        says(Rustls, "No keys found in key data"),
        says(Ruby, "Could not parse PKey"),
        says(Php, "Unable to set local cert chain file"),
        says(Curl, "unable to set private key file"),
        says(HaProxy, "unable to load certificate from file"),
        says(HaProxy, "No Private Key found in"),
        says(Apache, "does not exist or is empty"),
        says(Redis, "Invalid client certificate"),
        says(Redis, "Invalid private key"),
        says(Mosquitto, "Problem setting TLS options"),
        says(Mosquitto, "Unable to load server certificate"),
        says(Mosquitto, "Unable to load server key file"),
        says(PostgreSql, "certificate present, but not private key file"),
        says(PostgreSql, "\": unsupported"),
        says(MariaDb, "TLS/SSL error: unsupported"),
        says(MariaDb, "not found (Errcode"),
        says(Git, "error reading X.509 key or certificate file"),
        says(Java, "NoSuchFileException"),
        says(Java, "Could not parse certificate"),
        says(Java, "InvalidKeySpecException"),
    ],
};

pub static CRL_UNUSABLE: Diagnosis = Diagnosis {
    id: "crl-unusable",
    title: "the revocation list is missing or expired",
    meaning: "Clients and servers that check revocation lists reject every certificate unless they have a current list from its CA.",
    causes: &[
        "the list expired and was not written again",
        "it comes from another CA, or an intermediate's list is missing",
    ],
    fix: &["devca crl, then reload the server", "devca --ca NAME crl"],
    words: &[
        says(OpenSsl, "CRL has expired"),
        says(OpenSsl, "unable to get certificate CRL"),
        says(OpenSsl, "CRL is not yet valid"),
        says(Node, "CRL_HAS_EXPIRED"),
        says(Node, "UNABLE_TO_GET_CRL"),
        says(Java, "Could not determine revocation status"),
        says(CurlOnWindows, "CRYPT_E_NO_REVOCATION_CHECK"),
        says(GitOnWindows, "CRYPT_E_REVOCATION_OFFLINE"),
    ],
};

pub static CLOCK_SKEW: Diagnosis = Diagnosis {
    id: "clock-skew",
    title: "the clocks differ",
    meaning: "The server's clock and this machine's are minutes apart, so certificates start or expire too early for one of them.",
    causes: &["a virtual machine or container was suspended", "no time service is running"],
    fix: &["compare the clocks: date -u", "timedatectl set-ntp true"],
    words: &[says(Chrome, "NET::ERR_CERT_DATE_INVALID")],
};

pub static PROXY: Diagnosis = Diagnosis {
    id: "proxy",
    title: "clients connect through a proxy",
    meaning: "A proxy is set in the environment. Programs that use it do not connect to this server directly as devca did, and a proxy that inspects TLS presents its own certificate.",
    causes: &["HTTPS_PROXY or https_proxy is set, and NO_PROXY does not name this host"],
    fix: &["export NO_PROXY=localhost,127.0.0.1,::1,.test"],
    words: &[
        says(Curl, "CONNECT tunnel failed"),
        says(Chrome, "ERR_TUNNEL_CONNECTION_FAILED"),
        says(Python, "Tunnel connection failed"),
    ],
};

pub static VERIFICATION_OFF: Diagnosis = Diagnosis {
    id: "verification-off",
    title: "verification is turned off",
    meaning: "A setting in this environment makes a client accept every certificate. It hides problems that appear elsewhere, and lets anyone intercept connections.",
    causes: &["it was set to get past an error and never removed"],
    fix: &["unset it, then start the program with: devca run -- PROGRAM"],
    words: &[says(Node, "NODE_TLS_REJECT_UNAUTHORIZED"), says(Python, "InsecureRequestWarning")],
};
