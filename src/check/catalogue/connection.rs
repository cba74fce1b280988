//! What stands in the way before a certificate is judged: the connection, the protocol, the client's own certificate.

use super::{Fault, says};

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
    title: "no handshake comes about",
    meaning: "The other side hangs up, or nothing comes within the timeout: the connection may stand, but nobody answers in TLS.",
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
