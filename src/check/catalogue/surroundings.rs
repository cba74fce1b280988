//! Where it happens: the machine, its files, its environment.

use super::{Fault, says};

pub static KEY_READABLE: Fault = Fault {
    id: "key-readable",
    title: "others on this machine can read the private key",
    meaning: "Whoever can read the key can be this server, or this client. Some programs (PostgreSQL, ssh) refuse such a file.",
    causes: &["the file was copied or unpacked with a wide umask"],
    mend: &["chmod 600 KEY"],
    words: &[says("PostgreSQL", "has group or world access")],
};

pub static UNREADABLE_FILE: Fault = Fault {
    id: "unreadable-file",
    title: "a file with a certificate or a key cannot be read",
    meaning: "The path is wrong, the program may not read the file, its password is another, or it holds something else than is expected there.",
    causes: &[
        "the path is relative to another folder than the one that the program was started in",
        "the key is 0600 and the server runs as somebody else",
        "the format is another: PEM where DER or PKCS#12 is expected, or a certificate where a key is",
        "the password is wrong, or the file is locked and none was given",
    ],
    mend: &[
        "devca inspect FILE says what it is",
        "devca issue NAMES --format p12,java,combined,der writes other formats",
        "chown the key to the user that the server runs as",
    ],
    words: &[
        says("curl", "could not load PEM client certificate"),
        says("curl", "error setting certificate verify locations"),
        says("curl", "error setting certificate file"),
        says("nginx", "cannot load certificate"),
        says("OpenSSL", "no start line"),
        says("OpenSSL", "bad decrypt"),
        says("OpenSSL", "mac verify failure"),
        says("OpenSSL", "Could not read certificate"),
        says("Node", "ERR_OSSL_PEM_NO_START_LINE"),
        says("Node", "ERR_OSSL_UNSUPPORTED"),
        says("Node", "mac verify failure"),
        says("Python", "[SSL] PEM lib"),
        says("Java", "Invalid keystore format"),
        says("Java", "keystore password was incorrect"),
        says("Go", "failed to find any PEM data"),
    ],
};

pub static CRL_UNUSABLE: Fault = Fault {
    id: "crl-unusable",
    title: "the list of revoked certificates is missing or out of date",
    meaning: "Whoever is told to look at such a list refuses every certificate without a current one of its CA.",
    causes: &[
        "the list has run out, and was not written anew",
        "it is another CA's, or lacks an intermediate's",
    ],
    mend: &["devca crl, and reload the server", "devca --ca NAME crl"],
    words: &[
        says("OpenSSL", "CRL has expired"),
        says("OpenSSL", "unable to get certificate CRL"),
        says("OpenSSL", "CRL is not yet valid"),
        says("Node", "CRL_HAS_EXPIRED"),
        says("Node", "UNABLE_TO_GET_CRL"),
        says("Java", "Could not determine revocation status"),
    ],
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
