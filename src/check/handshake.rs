//! From what came of a connection to what is wrong with it.

use rustls::AlertDescription;
use time::{Duration, OffsetDateTime};

use super::Finding;
use super::catalogue::{
    CLIENT_CERTIFICATE_REFUSED, CLIENT_CERTIFICATE_REQUIRED, CLOCK_SKEW, CONNECTION_REFUSED, NAME_MISMATCH,
    NO_ANSWER, NOT_TLS, PLAIN_HTTP, PROTOCOL_TOO_OLD, UNRESOLVED, Words,
};
use super::connect::{Failure, Seen};

/// Clocks that differ by less bother nobody.
const SKEW: Duration = Duration::minutes(5);

/// The client's side of a connection.
pub struct View<'a> {
    /// Who was asked.
    pub host: &'a str,
    /// On which port.
    pub port: u16,
    /// Whether a client certificate was shown.
    pub shown: bool,
    /// The CAs that the server accepts client certificates of, by name.
    pub acceptable: &'a [String],
    /// The option that names the one of these that is this person's.
    pub issuer: String,
}

/// What the connection itself shows.
pub fn judge(seen: &Seen, view: &View) -> Vec<Finding> {
    let View { host, port, shown, acceptable, issuer } = view;
    let (port, shown) = (*port, *shown);
    let mut findings = Vec::new();
    let list = acceptable.join("; ");
    let wanted = if list.is_empty() { String::new() } else { format!(", of: {list}") };
    let required = || {
        let what = format!("{host}:{port} wants a client certificate{wanted}");
        let mend = format!("devca{issuer} issue --client NAME, then: devca check … --cert … --key …");
        // What servers write into their logs is not what a client says.
        Finding::new(&CLIENT_CERTIFICATE_REQUIRED, what, mend)
            .saying(|words| !words.client.contains("(server)"))
    };
    let refused = |why: &str| {
        let what = format!("{host}:{port} refuses the client certificate: {why}{wanted}");
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
            let mend = "use localhost or what is below it, or add the name to /etc/hosts";
            findings.push(Finding::new(&UNRESOLVED, format!("the name {name} has no address"), mend));
        }
        Some(Failure::Refused(address)) => {
            findings.push(Finding::new(&CONNECTION_REFUSED, listeners(address, port), "start the server"));
        }
        Some(Failure::Silent(_) | Failure::Alert(_)) if asks && !shown => findings.push(required()),
        Some(Failure::Silent(why)) if asks => findings.push(refused(why)),
        Some(Failure::Silent(why)) => {
            let mend = format!("devca check {host}:{port} --timeout 30, or --starttls PROTOCOL");
            findings.push(Finding::new(&NO_ANSWER, format!("{host}:{port}: {why}"), mend));
        }
        Some(Failure::PlainHttp) => {
            let what = format!("{host}:{port} answers in HTTP, without TLS");
            let mend = format!(
                "devca issue {host}, and give the server the two files; or open http://{host}:{port}"
            );
            findings.push(Finding::new(&PLAIN_HTTP, what, mend));
        }
        Some(Failure::NotTls(why)) => {
            let mend = format!("ss -ltnp 'sport = :{port}' shows who it is; or --starttls PROTOCOL");
            findings.push(Finding::new(&NOT_TLS, format!("{host}:{port} speaks no TLS: {why}"), mend));
        }
        Some(Failure::TooOld(why)) => findings.push(too_old(host, port, why)),
        Some(Failure::Incompatible(why)) => findings.push(incompatible(host, port, why)),
        Some(Failure::Alert(alert)) if asks => {
            findings.push(refused(&format!("{alert:?}")).saying(|words| passes_on(*alert, words)));
        }
        Some(Failure::Alert(AlertDescription::UnrecognisedName)) => {
            let what = format!("{host}:{port} knows no server of this name (SNI), and answers with an alert");
            let mend = "name one that it serves: devca check ADDRESS --sni NAME";
            findings.push(Finding::new(&NAME_MISMATCH, what, mend).saying(is_of_sni));
        }
        Some(Failure::Alert(alert)) if !is_of_versions(*alert) => {
            let what = format!("{host}:{port} breaks off with the alert {alert:?}");
            let mend = "see what the server's own log says";
            findings.push(Finding::new(&NO_ANSWER, what, mend).saying(|_| false));
        }
        Some(Failure::Alert(alert)) => {
            findings.push(incompatible(host, port, &format!("it answers with {alert:?}")));
        }
    }
    // nginx lets the handshake pass and refuses in HTTP.
    if seen.answer.starts_with("HTTP/1.1 400") && asks {
        findings.push(if shown { refused("it answers 400") } else { required() });
    }
    findings.extend(seen.date.and_then(|server| skew(server, OffsetDateTime::now_utc())));
    findings
}

/// What a server says that finds no common version, cipher or group (RFC 8446 §6.2).
fn is_of_versions(alert: AlertDescription) -> bool {
    use AlertDescription::{HandshakeFailure, InsufficientSecurity, ProtocolVersion};
    matches!(alert, HandshakeFailure | InsufficientSecurity | ProtocolVersion)
}

/// What clients say where the server knows no such name, and so shows no certificate.
pub fn is_of_sni(words: &Words) -> bool {
    words.says.to_lowercase().contains("unrecognized")
}

/// Most clients pass on the server's alert in its words.
fn passes_on(alert: AlertDescription, words: &Words) -> bool {
    // Java and Go show none that is not of a CA which the server names.
    if words.says.contains("handshake") {
        return alert == AlertDescription::UnknownCA;
    }
    let word = match alert {
        AlertDescription::UnknownCA => "unknown",
        AlertDescription::BadCertificate => "bad",
        AlertDescription::CertificateExpired => "expired",
        AlertDescription::CertificateRevoked => "revoked",
        AlertDescription::UnsupportedCertificate => "unsupported",
        _ => return true,
    };
    words.client == "Chrome" || words.says.to_lowercase().contains(word)
}

fn too_old(host: &str, port: u16, why: &str) -> Finding {
    let what = format!("{host}:{port} and TLS 1.2 or 1.3 do not come together: {why}");
    Finding::new(
        &PROTOCOL_TOO_OLD,
        what,
        "let the server speak TLS 1.2 and 1.3, with its library's own ciphers",
    )
}

/// Which clients share a cipher with it, nobody can tell from here.
fn incompatible(host: &str, port: u16, why: &str) -> Finding {
    let what = format!(
        "{host}:{port} has no cipher or group in common with devca, which speaks ECDHE with AES-GCM and ChaCha20, on \
         X25519, P-256 and P-384: {why}"
    );
    let mend =
        "let the server use its library's own ciphers and groups; clients with older ones may still connect";
    Finding::new(&PROTOCOL_TOO_OLD, what, mend).saying(|_| false)
}

fn skew(server: OffsetDateTime, now: OffsetDateTime) -> Option<Finding> {
    let apart = (server - now).abs();
    (apart > SKEW).then(|| {
        let side = if server > now { "ahead" } else { "behind" };
        let what = format!("the server's clock is {} minutes {side}", apart.whole_minutes());
        Finding::new(&CLOCK_SKEW, what, "compare the clocks: date -u")
    })
}

/// Who listens on this port at another address of this machine.
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
