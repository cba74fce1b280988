//! Lines that fit on a terminal.

use std::io::{self, IsTerminal};

use textwrap::{Options, WordSeparator, WordSplitter};

/// The width of text on a terminal. Fewer columns are rare, and longer lines are hard to read.
pub const TERMINAL: usize = 80;

/// A label and a text. On a terminal, a long text is wrapped, and its later lines are indented to the end of the label; other
/// programs get one line. Not for commands: what is pasted must be one line.
pub fn hanging(label: &str, text: &str) -> String {
    if !io::stdout().is_terminal() {
        return format!("{label}{text}");
    }
    let indent = " ".repeat(anstream::adapter::strip_str(label).to_string().chars().count());
    filled(text, label, &indent)
}

/// Wraps text, on a terminal or not.
pub fn filled(text: &str, first: &str, indent: &str) -> String {
    // Paths and options stay in one piece.
    let options = Options::new(TERMINAL).break_words(false).word_separator(WordSeparator::AsciiSpace);
    let options = options.word_splitter(WordSplitter::NoHyphenation);
    textwrap::fill(text, options.initial_indent(first).subsequent_indent(indent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_wrapped_at_spaces_only() {
        let path = format!("/{}-certificates", "x/".repeat(50));
        let text = filled(&format!("it is in {path} as {}", "word ".repeat(30)), "label  ", "       ");
        assert!(text.lines().all(|line| line.len() <= TERMINAL || line.contains(&path)), "{text}");
        assert!(
            text.lines().skip(1).all(|line| line.starts_with("       ") && !line.ends_with(' ')),
            "{text}"
        );
    }
}
