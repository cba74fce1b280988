//! `JAVA_TOOL_OPTIONS`, which every JVM reads before its other options.

use std::path::Path;

const TRUST_STORE: &str = "-Djavax.net.ssl.trustStore=";
const TYPE: &str = "-Djavax.net.ssl.trustStoreType=";
const PASSWORD: &str = "-Djavax.net.ssl.trustStorePassword=";
/// The password of the trust store that was merged into devca's, for the next `devca env`. JVMs ignore it.
const SOURCE_PASSWORD: &str = "-Ddevca.trustStorePassword=";

/// The trust store that the options name.
pub(crate) fn trust_store(options: &str) -> Option<String> {
    last(options, TRUST_STORE)
}

/// The password of the person's trust store; `is_merged` says that the options name devca's, into which it was merged.
pub(crate) fn password(options: &str, is_merged: bool) -> Option<String> {
    last(options, if is_merged { SOURCE_PASSWORD } else { PASSWORD })
}

/// The value of the option that counts.
fn last(options: &str, option: &str) -> Option<String> {
    words(options).filter_map(|word| unquoted(word).strip_prefix(option).map(ToOwned::to_owned)).last()
}

/// Whether the options select a store that is not a file, such as `Windows-ROOT` or `KeychainStore`.
pub(super) fn reads_system_store(options: &str) -> bool {
    last(options, TYPE)
        .is_some_and(|kind| !["JKS", "PKCS12"].iter().any(|file| kind.eq_ignore_ascii_case(file)))
}

/// The options with this trust store in place of the one that they name. Returns `None` if a JVM could not
/// parse the path. `source_password` is that of the trust store that was merged into this one.
pub(super) fn with_trust_store(
    options: &str,
    path: &Path,
    password: &str,
    source_password: Option<&str>,
) -> Option<String> {
    let own = [TRUST_STORE, TYPE, PASSWORD, SOURCE_PASSWORD];
    let is_ours = |word: &&str| own.iter().any(|option| unquoted(word).starts_with(option));
    let kept = words(options).filter(|word| !is_ours(word)).map(ToOwned::to_owned);
    let store = quoted(&format!("{TRUST_STORE}{}", path.to_str()?))?;
    let source = source_password.and_then(|password| quoted(&format!("{SOURCE_PASSWORD}{password}")));
    let all = kept.chain([store, format!("{TYPE}PKCS12"), format!("{PASSWORD}{password}")]).chain(source);
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
        assert_eq!(password(before, false).as_deref(), Some("x"));
        let with =
            |options: &str| with_trust_store(options, Path::new("/it's/bundle.p12"), "changeit", Some("x"));
        let after = with(before).unwrap();
        let expected = "-Xmx1g -Da=\"b c\" \"-Djavax.net.ssl.trustStore=/it's/bundle.p12\" \
                        -Djavax.net.ssl.trustStoreType=PKCS12 -Djavax.net.ssl.trustStorePassword=changeit \
                        -Ddevca.trustStorePassword=x";
        assert_eq!(after, expected);
        assert_eq!(with(&after).unwrap(), expected);
        assert_eq!(password(&after, true).as_deref(), Some("x"));
        assert_eq!(with_trust_store("", Path::new("/a'\"b"), "x", None), None);
        assert_eq!(trust_store("-Xmx1g"), None);
    }
}
