//! Turns the outcome of a connection into findings.

use rustls::AlertDescription;
use time::{Duration, OffsetDateTime};

use super::Finding;
use super::catalogue::{
    CLIENT_CERTIFICATE_REFUSED, CLIENT_CERTIFICATE_REQUIRED, CLOCK_SKEW, CONNECTION_REFUSED, Case, Client,
    KEY_MISMATCH, NAME_MISMATCH, NO_ANSWER, NOT_TLS, PLAIN_HTTP, PROTOCOL_TOO_OLD, UNRESOLVED, Words,
};
use super::connect::{Failure, Seen};
use crate::error::CaOption;

/// Clock differences smaller than this do no harm.
const SKEW: Duration = Duration::minutes(5);

/// The client's view of a connection.
pub struct View<'a> {
    /// The host that the client connected to.
    pub host: &'a str,
    pub port: u16,
    /// Whether the client sent a certificate.
    pub shown: bool,
    /// The names of the CAs whose client certificates the server accepts.
    pub acceptable: &'a [String],
    /// The `--ca` option that selects the user's CA in the commands of hints.
    pub ca: CaOption,
}

/// Reports what the connection itself shows.
pub fn judge(seen: &Seen, view: &View) -> Vec<Finding> {
    let View { host, port, shown, acceptable, ca } = view;
    let (port, shown) = (*port, *shown);
    let mut findings = Vec::new();
    let list = acceptable.join("; ");
    let wanted = if list.is_empty() { String::new() } else { format!(", of: {list}") };
    let required = || {
        let what = format!("{host}:{port} requires a client certificate{wanted}");
        let fix = ca.hint("devca issue --client NAME, then: devca check … --cert … --key …");
        // These are client messages, so leave out what servers write to their logs.
        Finding::new(&CLIENT_CERTIFICATE_REQUIRED, what, fix).saying(|words| !words.client.is_server())
    };
    let refused = |why: &str| {
        let what = format!("{host}:{port} rejected the client certificate: {why}{wanted}");
        Finding::new(
            &CLIENT_CERTIFICATE_REFUSED,
            what,
            "devca check CERTIFICATE --client --roots FILE, with the CA that the server trusts",
        )
    };
    let asks = seen.acceptable.is_some();
    match &seen.failure {
        None => {}
        Some(Failure::Unresolved(name)) => {
            let fix = "add the name to /etc/hosts, or use a name below localhost, such as app.localhost";
            findings.push(Finding::new(&UNRESOLVED, format!("{name} has no address"), fix));
        }
        Some(Failure::Refused(address)) => {
            findings.push(Finding::new(&CONNECTION_REFUSED, listeners(address, port), "start the server"));
        }
        Some(Failure::Silent(_) | Failure::Alert(_)) if asks && !shown => findings.push(required()),
        Some(Failure::Silent(why)) if asks => findings.push(refused(why)),
        Some(Failure::Silent(why)) => {
            let fix = format!("devca check {host}:{port} --timeout 30, or --starttls PROTOCOL");
            findings.push(Finding::new(&NO_ANSWER, format!("{host}:{port}: {why}"), fix));
        }
        Some(Failure::PlainHttp) => {
            let what = format!("{host}:{port} answers in HTTP, without TLS");
            let fix = format!(
                "devca issue {host}, and configure both files in the server; or open http://{host}:{port}"
            );
            findings.push(Finding::new(&PLAIN_HTTP, what, fix));
        }
        Some(Failure::NotTls(why)) => {
            let fix =
                format!("ss -ltnp 'sport = :{port}' shows which program it is; or use --starttls PROTOCOL");
            findings.push(Finding::new(&NOT_TLS, format!("{host}:{port} does not speak TLS: {why}"), fix));
        }
        Some(Failure::TooOld(why)) => findings.push(too_old(host, port, why)),
        Some(Failure::Incompatible(why)) => findings.push(incompatible(host, port, why)),
        Some(Failure::Alert(alert)) if asks => {
            findings.push(refused(&format!("{alert:?}")).saying(|words| passes_on(*alert, words)));
        }
        Some(Failure::Alert(AlertDescription::UnrecognisedName)) => {
            let what = format!("{host}:{port} does not serve this name (SNI) and answered with an alert");
            let fix = "use a name that it serves: devca check ADDRESS --sni NAME";
            findings.push(Finding::new(&NAME_MISMATCH, what, fix).saying(is_of_sni));
        }
        Some(Failure::Alert(alert)) if !is_of_versions(*alert) => {
            let what = format!("{host}:{port} aborted the handshake with the alert {alert:?}");
            let fix = "look into the server's log";
            findings.push(Finding::new(&NO_ANSWER, what, fix).saying(|_| false));
        }
        Some(Failure::Alert(alert)) => {
            findings.push(incompatible(host, port, &format!("it answered with {alert:?}")));
        }
    }
    if seen.has_wrong_key {
        let what =
            format!("{host}:{port} signed the handshake with a key that does not match its certificate");
        let fix = "configure the key that belongs to the certificate, or a new pair: devca issue NAMES";
        findings.push(Finding::new(&KEY_MISMATCH, what, fix).saying(|_| false));
    }
    // nginx completes the handshake and rejects the client certificate with an HTTP 400 response.
    if seen.answer.starts_with("HTTP/1.1 400") && asks {
        findings.push(if shown { refused("it answers 400") } else { required() });
    }
    findings.extend(seen.date.and_then(|server| skew(server, OffsetDateTime::now_utc())));
    findings
}

/// Whether a server sends this alert when it finds no common version, cipher suite or group (RFC 8446 §6.2).
fn is_of_versions(alert: AlertDescription) -> bool {
    use AlertDescription::{HandshakeFailure, InsufficientSecurity, ProtocolVersion};
    matches!(alert, HandshakeFailure | InsufficientSecurity | ProtocolVersion)
}

/// Whether a client says this when the server does not know the name and sends no certificate.
pub fn is_of_sni(words: &Words) -> bool {
    words.when == Case::UnknownSni
}

/// Whether these words report this alert; most clients quote the alert that the server sent.
fn passes_on(alert: AlertDescription, words: &Words) -> bool {
    let case = match alert {
        // Java and Go do not send a client certificate unless the server lists its issuer.
        AlertDescription::UnknownCA if words.when == Case::IssuerNotListed => return true,
        AlertDescription::UnknownCA => Case::UnknownCa,
        AlertDescription::BadCertificate => Case::BadCertificate,
        AlertDescription::CertificateExpired => Case::Expired,
        AlertDescription::CertificateRevoked => Case::Revoked,
        AlertDescription::UnsupportedCertificate => Case::Unsupported,
        _ => return words.when != Case::IssuerNotListed,
    };
    words.client == Client::Chrome || words.when == case
}

fn too_old(host: &str, port: u16, why: &str) -> Finding {
    let what = format!("{host}:{port} supports neither TLS 1.2 nor TLS 1.3: {why}");
    Finding::new(
        &PROTOCOL_TOO_OLD,
        what,
        "enable TLS 1.2 and 1.3 in the server, with its library's default ciphers",
    )
}

/// Reports that there is no common cipher suite with devca. Other clients may well have one.
fn incompatible(host: &str, port: u16, why: &str) -> Finding {
    let what = format!(
        "{host}:{port} has no cipher or group in common with devca, which supports ECDHE with AES-GCM and ChaCha20, on \
         X25519, P-256 and P-384: {why}"
    );
    let fix = "use the default ciphers and groups of the server's library; clients with older ones may still connect";
    Finding::new(&PROTOCOL_TOO_OLD, what, fix).saying(|_| false)
}

fn skew(server: OffsetDateTime, now: OffsetDateTime) -> Option<Finding> {
    let apart = (server - now).abs();
    (apart > SKEW).then(|| {
        let side = if server > now { "ahead" } else { "behind" };
        let what = format!("the server's clock is {} minutes {side}", apart.whole_minutes());
        Finding::new(&CLOCK_SKEW, what, "compare the clocks: date -u")
    })
}

/// Describes the processes that listen on this port at other addresses of this machine.
fn listeners(address: &str, port: u16) -> String {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"]
        .map(|path| devca_platform::read::text(path.as_ref()).unwrap_or_default());
    let hex = format!("{port:04X}");
    let mut found: Vec<&str> = Vec::new();
    for line in tables.iter().flat_map(|table| table.lines()) {
        let mut words = line.split_whitespace().skip(1);
        let (Some(local), Some(_), Some("0A")) = (words.next(), words.next(), words.next()) else { continue };
        match local.split_once(':') {
            Some(("0100007F", own)) if own == hex => found.push("127.0.0.1"),
            Some(("00000000000000000000000001000000", own)) if own == hex => found.push("::1"),
            Some((_, own)) if own == hex => found.push("another address"),
            _ => {}
        }
    }
    found.sort_unstable();
    found.dedup();
    if found.is_empty() {
        format!("nothing listens on {address}")
    } else {
        format!("nothing listens on {address}; something listens on that port at {}", found.join(" and "))
    }
}
