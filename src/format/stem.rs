//! The names of issued files, without their endings.

use crate::x509::kind::Kind;
use crate::x509::subject::Subject;

/// The longest stem that leaves space for `-truststore.p12` in a file name of 255 bytes.
const MAX_STEM: usize = 200;

/// The stem of the file names, in mkcert's style: `localhost+1`, `_wildcard.app.test`, `alice-client`. For a
/// client it is the common name, regardless of its other names.
pub fn stem(subject: &Subject, kind: Kind) -> String {
    let (first, count) = match (kind, &subject.common_name, subject.names.first()) {
        (Kind::Client, Some(name), _) => (name.clone(), 1),
        (_, _, Some(name)) => (name.to_string(), subject.names.len()),
        (_, name, None) => (name.clone().unwrap_or_else(|| "certificate".into()), 1),
    };
    let mut stem: String = first
        .replace('*', "_wildcard")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._-@".contains(c) { c } else { '_' })
        .take(MAX_STEM)
        .collect();
    if count > 1 {
        stem = format!("{stem}+{}", count - 1);
    }
    if kind == Kind::Client {
        stem += "-client";
    }
    if is_awkward(&stem) { format!("_{stem}") } else { stem }
}

/// Whether this could be a stem that [`stem`] creates, and so may be used for file names.
pub fn is_stem(text: &str) -> bool {
    let is_known = |c: char| c.is_ascii_alphanumeric() || "._-@+".contains(c);
    (1..=MAX_STEM).contains(&text.len()) && text.chars().all(is_known) && !is_awkward(text)
}

/// Whether a file with this stem would look like an option to shells and `rm`, be hidden from `ls`, or be a
/// device on Windows, where the extension does not matter ("Naming Files, Paths, and Namespaces").
fn is_awkward(stem: &str) -> bool {
    const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];
    let base = stem.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let port = base.strip_prefix("com").or_else(|| base.strip_prefix("lpt"));
    let is_port = port.is_some_and(|digit| matches!(digit.as_bytes(), [b'0'..=b'9']));
    stem.starts_with(['-', '.']) || is_port || DEVICES.contains(&base.as_str())
}
