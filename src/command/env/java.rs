//! `JAVA_TOOL_OPTIONS`, which every JVM reads before its other options.

use std::path::Path;

const TRUST_STORE: &str = "-Djavax.net.ssl.trustStore=";
const TYPE: &str = "-Djavax.net.ssl.trustStoreType=";
const PASSWORD: &str = "-Djavax.net.ssl.trustStorePassword=";

/// The trust store that the options name.
pub(crate) fn trust_store(options: &str) -> Option<String> {
    words(options).filter_map(|word| unquoted(word).strip_prefix(TRUST_STORE).map(ToOwned::to_owned)).last()
}

/// Whether the options select a store that is not a file, such as `Windows-ROOT` or `KeychainStore`.
pub(super) fn reads_system_store(options: &str) -> bool {
    let types = words(options).filter_map(|word| unquoted(word).strip_prefix(TYPE).map(ToOwned::to_owned));
    types.last().is_some_and(|kind| !["JKS", "PKCS12"].iter().any(|file| kind.eq_ignore_ascii_case(file)))
}

/// The options with this trust store in place of the one that they name. Returns `None` if a JVM could not
/// parse the path.
pub(super) fn with_trust_store(options: &str, path: &Path, password: &str) -> Option<String> {
    let is_ours =
        |word: &&str| [TRUST_STORE, TYPE, PASSWORD].iter().any(|option| unquoted(word).starts_with(option));
    let kept = words(options).filter(|word| !is_ours(word)).map(ToOwned::to_owned);
    let store = quoted(&format!("{TRUST_STORE}{}", path.to_str()?))?;
    let all = kept.chain([store, format!("{TYPE}PKCS12"), format!("{PASSWORD}{password}")]);
    Some(all.collect::<Vec<_>>().join(" "))
}

/// Splits options at white space outside of quotes, as `parse_options_buffer` in `HotSpot` does. There are no
/// escapes.
fn words(options: &str) -> impl Iterator<Item = &str> {
    let mut quote = None;
    let split = move |c: char| {
        let is_space = quote.is_none() && c.is_whitespace();
        quote = match quote {
            Some(open) => Some(open).filter(|open| *open != c),
            None => Some(c).filter(|c| "'\"".contains(*c)),
        };
        is_space
    };
    options.split(split).filter(|word| !word.is_empty())
}

fn unquoted(word: &str) -> String {
    let mut quote = None;
    let keep = |c: &char| match quote {
        Some(open) if *c == open => {
            quote = None;
            false
        }
        None if "'\"".contains(*c) => {
            quote = Some(*c);
            false
        }
        _ => true,
    };
    word.chars().filter(keep).collect()
}

fn quoted(word: &str) -> Option<String> {
    let has = |c: char| word.contains(c);
    match (has('\''), has('"'), word.contains(char::is_whitespace)) {
        (false, false, false) => Some(word.to_owned()),
        (_, false, _) => Some(format!("\"{word}\"")),
        (false, true, _) => Some(format!("'{word}'")),
        (true, true, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_options_stay_and_an_earlier_trust_store_goes() {
        let before = "-Xmx1g '-Djavax.net.ssl.trustStore=/a b/corp.jks' -Djavax.net.ssl.trustStorePassword=x -Da=\"b c\"";
        assert_eq!(trust_store(before).as_deref(), Some("/a b/corp.jks"));
        let after = with_trust_store(before, Path::new("/it's/bundle.p12"), "changeit").unwrap();
        let expected = "-Xmx1g -Da=\"b c\" \"-Djavax.net.ssl.trustStore=/it's/bundle.p12\" \
                        -Djavax.net.ssl.trustStoreType=PKCS12 -Djavax.net.ssl.trustStorePassword=changeit";
        assert_eq!(after, expected);
        assert_eq!(with_trust_store(&after, Path::new("/it's/bundle.p12"), "changeit").unwrap(), expected);
        assert_eq!(with_trust_store("", Path::new("/a'\"b"), "x"), None);
        assert_eq!(trust_store("-Xmx1g"), None);
    }
}
