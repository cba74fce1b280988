//! Finds the faults whose messages are in a text.

use super::{ALL, Client, Diagnosis, REFUSED, REJECTED_BY_CLIENT, UNTRUSTED_ROOT};

/// The known message that was probably meant: one that contains the text, or one that is similar.
pub fn closest(text: &str) -> Option<&'static str> {
    /// Shorter texts are part of too many messages.
    const SHORTEST: usize = 8;
    const SIMILAR: f64 = 0.94;
    let text = plain(text);
    let known = || ALL.iter().flat_map(|fault| fault.words).map(|words| words.says);
    if text.len() < SHORTEST {
        return None;
    }
    known().find(|says| plain(says).contains(&text)).or_else(|| {
        let similarity = |says: &str| {
            let says = plain(says);
            let words = text.split_whitespace().chain([text.as_str()]);
            words.map(|word| strsim::jaro_winkler(word, &says)).fold(0.0, f64::max)
        };
        let best = known().map(|says| (similarity(says), says)).max_by(|a, b| a.0.total_cmp(&b.0))?;
        (best.0 >= SIMILAR).then_some(best.1)
    })
}

/// The faults whose messages are in the text, or whose name it is, the longest match first.
pub fn search(text: &str) -> Vec<(&'static Diagnosis, Vec<Client>)> {
    let text = plain(text);
    let mut found: Vec<(usize, usize, &'static Diagnosis, Vec<Client>)> = Vec::new();
    for (rank, fault) in ALL.iter().enumerate() {
        let in_text = |says: &str| contains(&text, &plain(says)) || plain(says) == format!("net::{text}");
        let words: Vec<_> = fault.words.iter().filter(|words| in_text(words.says)).collect();
        let longest = words.iter().map(|words| weight(words.says)).max();
        let longest =
            longest.or_else(|| (text == fault.id || text == plain(fault.title)).then_some(usize::MAX));
        if let Some(longest) = longest {
            let mut by: Vec<Client> = words.iter().map(|words| words.client).collect();
            by.dedup();
            found.push((longest, rank, fault, by));
        }
    }
    // A general message about a refused certificate adds nothing to a specific one.
    if found.iter().any(|(.., fault, _)| *fault != &REFUSED) {
        found.retain(|(.., fault, _)| *fault != &REFUSED);
    }
    let best = found.iter().map(|(longest, ..)| *longest).max().unwrap_or(0);
    // Keep only the longest match: messages that are part of it are less specific.
    found.retain(|(longest, ..)| *longest == best);
    found.sort_by_key(|(_, rank, fault, _)| (likelihood(fault, &text), *rank));
    found.into_iter().map(|(_, _, fault, by)| (fault, by)).collect()
}

/// Whether a program printed this message.
pub fn has_message(text: &str, message: &str) -> bool {
    contains(&plain(text), &plain(message))
}

/// Whether the text has the parts of a message, which "…" separates, in their order, and close enough together to be of one
/// message of a log.
fn contains(text: &str, says: &str) -> bool {
    // As far as in the stack traces of Java.
    const REACH: usize = 2000;
    let (first, others) = says.split_once('…').unwrap_or((says, ""));
    let follows = |rest: &str| {
        let end = rest.char_indices().nth(REACH).map_or(rest.len(), |(at, _)| at);
        others.split('…').try_fold(&rest[..end], |rest, part| Some(rest.split_once(part)?.1)).is_some()
    };
    text.match_indices(first).any(|(at, found)| follows(&text[at + found.len()..]))
}

/// How specific a message is: its length, unless other programs say the same before any reason.
fn weight(says: &str) -> usize {
    const GENERAL: [&str; 4] =
        ["certificate is NOT trusted", "http: TLS handshake error from", "EPROTO", "ENOENT"];
    /// More than any message has. The other part of a message shows which side printed it.
    const IN_PARTS: usize = 1000;
    match says {
        says if GENERAL.contains(&says.split('…').next().unwrap_or(says)) => 1,
        says if says.contains('…') => IN_PARTS + says.len(),
        says => says.len(),
    }
}

/// The rank among faults with the same message, the most likely first.
fn likelihood(fault: &'static Diagnosis, text: &str) -> usize {
    // In a server's log, a received alert was sent by the client.
    let is_of_a_server = SERVER_LOGS.iter().any(|part| text.contains(part));
    let first = if is_of_a_server { &REJECTED_BY_CLIENT } else { &UNTRUSTED_ROOT };
    usize::from(*fault != *first)
}

/// What servers log before a TLS error: Go, nginx, Node, Python, Apache, HAProxy, Redis, Mosquitto (after the time),
/// PostgreSQL.
const SERVER_LOGS: [&str; 12] = [
    "tls handshake error from",
    "ssl_do_handshake() failed",
    "tlsclienterror",
    "while ssl handshaking",
    "ssl handshake failure",
    "ssl library error",
    "server_side=true",
    ", in accept",
    "error accepting a client connection",
    ": openssl error[",
    ": client connection from ",
    "could not accept ssl connection",
];

/// Normalizes case, quotes and dashes, which differ between versions.
fn plain(text: &str) -> String {
    text.to_lowercase().replace(['‘', '’', '`'], "'").replace("self signed", "self-signed").trim().to_owned()
}
