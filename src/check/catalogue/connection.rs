//! Faults that occur before a certificate is judged: in the connection or the protocol.

use super::Client::{
    Chrome, Curl, DotNet, Firefox, GnuTls, Go, GoServer, Grpc, Java, Nginx, Node, NodeServer, OpenSsl,
    OpenSslServer, PostgreSql, Python, PythonServer, Ruby, Rustls,
};
use super::{Diagnosis, says};

pub static UNRESOLVED: Diagnosis = Diagnosis {
    id: "unresolved-name",
    title: "the name has no address",
    meaning: "Neither the hosts file nor DNS knows the name, so no connection was attempted.",
    causes: &[
        "it is misspelled",
        "your own name, such as app.test, is not in the hosts file",
        "it is the name of a container or service, which is only known inside that network",
    ],
    fix: &[
        "use a name below localhost, such as app.localhost",
        "add a line to /etc/hosts: 127.0.0.1 app.test",
    ],
    words: &[
        says(Curl, "Could not resolve host"),
        says(Node, "getaddrinfo ENOTFOUND"),
        says(Node, "EAI_AGAIN"),
        says(Python, "Name or service not known"),
        says(Python, "Temporary failure in name resolution"),
        says(Java, "UnknownHostException"),
        says(Java, "UnresolvedAddressException"),
        says(Go, "no such host"),
        says(Chrome, "ERR_NAME_NOT_RESOLVED"),
        says(Firefox, "Server Not Found"),
        says(DotNet, "Name or service not known"),
    ],
};

pub static CONNECTION_REFUSED: Diagnosis = Diagnosis {
    id: "connection-refused",
    title: "nothing listens there",
    meaning: "The machine answers, but no program listens on this port at this address.",
    causes: &[
        "the server is not running, or it crashed",
        "it listens on another port, or only on ::1 or only on 127.0.0.1",
        "it runs in a container whose port is not published",
    ],
    fix: &[
        "start the server and read its output",
        "devca check https://127.0.0.1:PORT and https://[::1]:PORT",
    ],
    words: &[
        says(Curl, "Failed to connect"),
        says(Node, "ECONNREFUSED"),
        says(Python, "Connection refused"),
        says(Java, "Connection refused"),
        says(Go, "connection refused"),
        says(Chrome, "ERR_CONNECTION_REFUSED"),
        says(Firefox, "Unable to connect…can't connect to the server at"),
        says(DotNet, "Connection refused"),
    ],
};

pub static NO_ANSWER: Diagnosis = Diagnosis {
    id: "no-answer",
    title: "the TLS handshake did not complete",
    meaning: "The server closed the connection or did not answer in time. It may accept connections, but it does not answer in TLS.",
    causes: &[
        "the server is overloaded or stopped in a debugger",
        "a firewall drops the packets",
        "the protocol starts without TLS: use --starttls",
    ],
    fix: &[
        "devca check HOST:PORT --timeout 30",
        "devca check HOST:PORT --starttls smtp|imap|postgres|mysql|ldap",
    ],
    words: &[
        says(Curl, "timed out"),
        says(Curl, "SSL_ERROR_SYSCALL"),
        says(Curl, "Connection reset by peer"),
        says(Node, "ETIMEDOUT"),
        says(Node, "ECONNRESET"),
        says(Node, "socket hang up"),
        says(Node, "Client network socket disconnected before secure TLS connection was established"),
        says(Python, "timed out"),
        says(Python, "Connection reset by peer"),
        says(Python, "UNEXPECTED_EOF_WHILE_READING"),
        says(Java, "Remote host terminated the handshake"),
        says(Java, "Connection reset"),
        says(Go, "i/o timeout"),
        says(Go, "TLS handshake timeout"),
        says(Go, "connection reset by peer"),
        says(Chrome, "ERR_TIMED_OUT"),
        says(Chrome, "ERR_CONNECTION_RESET"),
        says(Chrome, "ERR_CONNECTION_CLOSED"),
        says(Firefox, "PR_CONNECT_RESET_ERROR"),
        says(Firefox, "PR_END_OF_FILE_ERROR"),
        says(Node, "other side closed"),
    ],
};

pub static PLAIN_HTTP: Diagnosis = Diagnosis {
    id: "plain-http",
    title: "the port speaks plain HTTP",
    meaning: "The server answers in HTTP without TLS, which the client sees as a broken handshake.",
    causes: &[
        "the server was started without its certificate and key",
        "the address has https:// with the port for http://",
    ],
    fix: &[
        "devca issue localhost 127.0.0.1 ::1",
        "configure both files in the server: docs/servers.md",
        "open http:// instead",
    ],
    words: &[
        says(Curl, "wrong version number"),
        says(Node, "ERR_SSL_WRONG_VERSION_NUMBER"),
        says(Node, "wrong version number"),
        says(Node, "EPROTO"),
        says(Python, "WRONG_VERSION_NUMBER"),
        says(Java, "Unsupported or unrecognized SSL message"),
        says(Go, "first record does not look like a TLS handshake"),
        says(Go, "server gave HTTP response to HTTPS client"),
        says(Chrome, "ERR_SSL_PROTOCOL_ERROR"),
        says(Firefox, "SSL_ERROR_RX_RECORD_TOO_LONG"),
        says(DotNet, "Cannot determine the frame size or a corrupted frame was received"),
    ],
};

pub static PLAIN_CLIENT: Diagnosis = Diagnosis {
    id: "plain-client",
    title: "the client speaks plain HTTP to a port with TLS",
    meaning: "The server expected TLS, but the request came without it.",
    causes: &[
        "the address has http:// with the port for https://",
        "a reverse proxy speaks HTTP to the server behind it",
    ],
    fix: &["open https:// instead", "nginx: proxy_pass https://…"],
    words: &[
        says(Nginx, "The plain HTTP request was sent to HTTPS port"),
        says(GoServer, "Client sent an HTTP request to an HTTPS server"),
        says(Curl, "Received HTTP/0.9 when not allowed"),
        says(Curl, "Empty reply from server"),
        says(Chrome, "ERR_EMPTY_RESPONSE"),
        says(OpenSslServer, "SSL routines::http request"),
        says(NodeServer, "ERR_SSL_HTTP_REQUEST"),
        says(Ruby, "state=error: http request"),
        says(PythonServer, "HTTP_REQUEST"),
    ],
};

pub static NOT_TLS: Diagnosis = Diagnosis {
    id: "not-tls",
    title: "the server does not speak TLS",
    meaning: "A program listens on the port, but what it sends is not a TLS handshake.",
    causes: &[
        "another program uses the port",
        "the protocol starts without TLS, as mail, databases and LDAP do: use --starttls",
        "the server sends a message that is too large, such as a chain with hundreds of certificates",
    ],
    fix: &[
        "see which program uses the port: ss -ltnp 'sport = :PORT'",
        "devca check HOST:PORT --starttls smtp|imap|postgres|mysql|ldap",
    ],
    words: &[
        says(Curl, "wrong version number"),
        says(OpenSsl, "unexpected eof while reading"),
        says(PostgreSql, "server does not support SSL"),
        says(Node, "ERR_SSL_WRONG_VERSION_NUMBER"),
        says(Python, "WRONG_VERSION_NUMBER"),
        says(Java, "Unsupported or unrecognized SSL message"),
        says(Go, "first record does not look like a TLS handshake"),
        says(Chrome, "ERR_SSL_PROTOCOL_ERROR"),
        says(Firefox, "SSL_ERROR_RX_RECORD_TOO_LONG"),
    ],
};

pub static PROTOCOL_TOO_OLD: Diagnosis = Diagnosis {
    id: "protocol-too-old",
    title: "no common version of TLS, or no common cipher",
    meaning: "Clients support TLS 1.2 and 1.3, but this server only offers older versions or ciphers that clients no longer support.",
    causes: &[
        "the server is configured for TLS 1.0 or 1.1 only",
        "its TLS library is very old",
        "it is limited to old ciphers",
    ],
    fix: &["nginx: ssl_protocols TLSv1.2 TLSv1.3", "Node: minVersion: 'TLSv1.2', without maxVersion"],
    words: &[
        says(Curl, "unsupported protocol"),
        says(Curl, "legacy sigalg disallowed or unsupported"),
        says(Curl, "alert protocol version"),
        says(Curl, "alert handshake failure"),
        says(Node, "ERR_SSL_UNSUPPORTED_PROTOCOL"),
        says(Node, "EPROTO"),
        says(Node, "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION"),
        says(Node, "alert protocol version"),
        says(Python, "UNSUPPORTED_PROTOCOL"),
        says(Python, "TLSV1_ALERT_PROTOCOL_VERSION"),
        says(Node, "alert handshake failure"),
        says(NodeServer, "ERR_SSL_NO_SHARED_CIPHER"),
        says(Python, "SSLV3_ALERT_HANDSHAKE_FAILURE"),
        says(Python, "NO_PROTOCOLS_AVAILABLE"),
        says(OpenSslServer, "no shared cipher"),
        says(OpenSsl, "no protocols available"),
        says(OpenSsl, "unsafe legacy renegotiation disabled"),
        says(Java, "protocol_version"),
        says(Java, "handshake_failure"),
        says(Java, "No appropriate protocol"),
        says(Go, "protocol version not supported"),
        says(Go, "tls: handshake failure"),
        says(Chrome, "ERR_SSL_VERSION_OR_CIPHER_MISMATCH"),
        says(Firefox, "SSL_ERROR_UNSUPPORTED_VERSION"),
        says(Firefox, "SSL_ERROR_PROTOCOL_VERSION_ALERT"),
        says(Firefox, "SSL_ERROR_NO_CYPHER_OVERLAP"),
    ],
};

pub static NO_COMMON_PROTOCOL: Diagnosis = Diagnosis {
    id: "no-common-protocol",
    title: "no common application protocol (ALPN)",
    meaning: "Client and server agree on TLS, but not on what to speak over it: one offers only HTTP/2 (h2), for example, and the other only HTTP/1.1.",
    causes: &[
        "a gRPC client requires HTTP/2, which the server or a proxy in front of it does not speak",
        "the list of protocols is misspelled in the client or the server",
        "something other than HTTP is sent to an HTTPS port",
    ],
    fix: &[
        "turn on HTTP/2 in the server; nginx: http2 on",
        "see what the server offers: openssl s_client -connect HOST:PORT -alpn h2,http/1.1",
    ],
    words: &[
        says(OpenSsl, "alert no application protocol"),
        says(Node, "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL"),
        says(Python, "alert no application protocol"),
        says(Java, "no_application_protocol"),
        says(Go, "tls: no application protocol"),
        says(GoServer, "client requested unsupported application protocols"),
        says(Rustls, "NoApplicationProtocol"),
        says(GnuTls, "No supported application protocol could be negotiated"),
        says(Grpc, "missing selected ALPN property"),
        says(Firefox, "SSL_ERROR_NEXT_PROTOCOL_NO_PROTOCOL"),
    ],
};
