//! The README's picture of a terminal, as SVG: it shows the session below it, which another test runs.

use std::fmt::Write;

/// The width of a letter and the height of a line in a monospaced font of 14 pixels.
const LETTER: f32 = 8.43;
const LINE: usize = 20;
const MARGIN: usize = 16;

/// Draws the commands of the session before the one that begins with `end`.
pub(super) fn of_session(readme: &str, end: &str) -> String {
    let session = readme.split("```console\n").nth(1).unwrap();
    let lines: Vec<&str> = session.lines().take_while(|line| !line.starts_with(end)).collect();
    let lines = lines.join("\n");
    let lines: Vec<&str> = lines.trim_end().lines().collect();
    let longest = lines.iter().map(|line| line.chars().count()).max().unwrap();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    let width = (longest as f32 * LETTER) as usize + 2 * MARGIN;
    let height = lines.len() * LINE + 2 * MARGIN;
    let mut svg = String::new();
    writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
         <title>devca install and devca issue in a terminal</title>\n\
         <style>text {{ font: 14px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: #d0d7de; white-space: pre }}\n\
         .good {{ fill: #3fb950 }} .dim {{ fill: #8b949e }} .typed {{ fill: #ffffff; font-weight: bold }}</style>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#161b22\"/>"
    )
    .unwrap();
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
        let y = MARGIN + index * LINE + 14;
        writeln!(svg, "<text x=\"{MARGIN}\" y=\"{y}\" xml:space=\"preserve\">{}</text>", colored(line))
            .unwrap();
    }
    svg + "</svg>\n"
}

/// Adds devca's colors, and that of the prompt.
fn colored(line: &str) -> String {
    let escaped = line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    if let Some(command) = escaped.strip_prefix("$ ") {
        return format!("<tspan class=\"dim\">$ </tspan><tspan class=\"typed\">{command}</tspan>");
    }
    for (mark, class) in [("✓", "good"), ("–", "dim")] {
        if let Some(rest) = escaped.strip_prefix(mark) {
            return format!("<tspan class=\"{class}\">{mark}</tspan>{rest}");
        }
    }
    escaped
}
