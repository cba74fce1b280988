//! Text from outside (a peer, a certificate, a file name) must not control the terminal on which it is
//! displayed.

use std::fmt::Write as _;
use std::io::{self, Write};

/// Replaces characters that could move the cursor, change the title or reorder the line.
const REPLACEMENT: &str = "\u{fffd}";

/// The escape sequences of devca's own styles; no others are printed.
const OWN_STYLES: [&str; 6] = ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m"];

/// Whether this is a control character, a line or paragraph separator, or a character that overrides the
/// direction of the text (Unicode Standard Annex #9).
fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Makes outside text safe to print within a line: a line break in it could start a line that looks like
/// devca's own.
pub fn printable(text: &str) -> String {
    text.replace(is_unsafe, REPLACEMENT)
}

/// How to print a character that is not printable.
#[derive(Debug, Clone, Copy)]
pub(super) enum Substitute {
    /// As U+FFFD.
    Replacement,
    /// As `\u009b`, which a JSON string may hold.
    JsonEscape,
}

/// Passes on printable text, line breaks, tabs, and devca's own styles. All output of
/// [`Report`](super::Report) goes through it.
pub(super) struct PrintableWriter<W> {
    inner: W,
    substitute: Substitute,
}

impl<W: Write> PrintableWriter<W> {
    pub(super) fn new(inner: W, substitute: Substitute) -> Self {
        Self { inner, substitute }
    }

    fn filter(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(|c| is_unsafe(c) && c != '\n' && c != '\t') {
            let (safe, tail) = rest.split_at(at);
            out.push_str(safe);
            if let Some(style) = OWN_STYLES.iter().find(|style| tail.starts_with(**style)) {
                out.push_str(style);
                rest = &tail[style.len()..];
                continue;
            }
            let mut chars = tail.chars();
            match (self.substitute, chars.next()) {
                (Substitute::JsonEscape, Some(c)) => _ = write!(out, "\\u{:04x}", u32::from(c)),
                _ => out.push_str(REPLACEMENT),
            }
            rest = chars.as_str();
        }
        out.push_str(rest);
        out
    }
}

impl<W: Write> Write for PrintableWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (text, length) = match std::str::from_utf8(bytes) {
            Ok(text) => (text, bytes.len()),
            Err(e) if e.valid_up_to() > 0 => {
                let valid = &bytes[..e.valid_up_to()];
                (std::str::from_utf8(valid).unwrap_or_default(), valid.len())
            }
            Err(e) => (REPLACEMENT, e.error_len().unwrap_or(bytes.len())),
        };
        self.inner.write_all(self.filter(text).as_bytes())?;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(substitute: Substitute, pieces: &[&[u8]]) -> String {
        let mut page = PrintableWriter::new(Vec::new(), substitute);
        for piece in pieces {
            page.write_all(piece).unwrap();
        }
        String::from_utf8(page.inner).unwrap()
    }

    #[test]
    fn only_own_styles_line_breaks_and_tabs_reach_the_terminal() {
        for (from, to) in [
            ("\x1b[32mtrusted\x1b[0m\n", "\x1b[32mtrusted\x1b[0m\n"),
            ("\x1b]0;title\x07", "\u{fffd}]0;title\u{fffd}"),
            ("a\x1b[2Jb\r\x7f\x08", "a\u{fffd}[2Jb\u{fffd}\u{fffd}\u{fffd}"),
            ("\x1b[31", "\u{fffd}[31"),
            ("\u{9b}2J\u{202e}txt.exe\u{2069}\u{2028}", "\u{fffd}2J\u{fffd}txt.exe\u{fffd}\u{fffd}"),
            ("col\tumn \u{fc}\u{5d0}", "col\tumn \u{fc}\u{5d0}"),
        ] {
            assert_eq!(written(Substitute::Replacement, &[from.as_bytes()]), to, "{from:?}");
        }
        assert_eq!(written(Substitute::Replacement, &[b"a\xff\x1bb\xc3"]), "a\u{fffd}\u{fffd}b\u{fffd}");
    }

    #[test]
    fn numbers_stay_exact_in_json() {
        let text = "\u{9b}2J\u{202e}\u{7f}\u{1b}[32m";
        let document = serde_json::to_string(text).unwrap();
        let shown = written(Substitute::JsonEscape, &[document.as_bytes()]);
        assert!(shown.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{shown}");
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
    }

    #[test]
    fn a_line_has_no_breaks() {
        assert_eq!(printable("a\nb\u{2029}c\td"), "a\u{fffd}b\u{fffd}c\u{fffd}d");
    }
}
