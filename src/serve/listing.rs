//! The page that lists a folder.

use std::ffi::OsStr;
use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::beneath::FolderEntry;
use super::page::{self, escaped};
use crate::report::printable;

/// What a name in a link may contain as it is (RFC 3986 §2.3).
const IN_LINKS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const STYLE: &str = "ul{list-style:none;padding:0}li{overflow-wrap:anywhere}\
    a{display:block;padding:.35rem 0;text-decoration:none}a:hover{text-decoration:underline}";

/// Lists these entries, folders first. Hidden ones must not be among them.
pub(super) fn html(path: &str, mut entries: Vec<FolderEntry>) -> String {
    entries.sort_by(|a, b| b.is_folder.cmp(&a.is_folder).then_with(|| a.name.cmp(&b.name)));
    let shown = printable(path);
    let mut body = format!("<h1>{}</h1>\n<ul>\n", escaped(&shown));
    if path != "/" {
        body.push_str("<li><a href=\"../\">../</a></li>\n");
    }
    for FolderEntry { name, is_folder } in &entries {
        let end = if *is_folder { "/" } else { "" };
        let text = escaped(&printable(&name.to_string_lossy()));
        let _ = writeln!(body, "<li><a href=\"./{}{end}\">{text}{end}</a></li>", encoded(name));
    }
    body.push_str("</ul>\n");
    page::document(&shown, STYLE, &body, "devca serve")
}

/// A name as one segment of a URL's path.
pub(super) fn encoded(name: &OsStr) -> String {
    percent_encode(name.as_encoded_bytes(), IN_LINKS).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_text() {
        let entry = |name: &str, is_folder| FolderEntry { name: name.into(), is_folder };
        let names = [entry("a \"b\"?#.txt", false), entry("<script>alert(1)</script>", true)];
        let page = html("/<b>/", names.into());
        assert!(page.contains("&lt;b&gt;") && !page.contains("<b>") && !page.contains("<script>"), "{page}");
        assert!(page.contains("href=\"./%3Cscript%3Ealert%281%29%3C%2Fscript%3E/\""), "{page}");
        assert!(page.contains("href=\"./a%20%22b%22%3F%23.txt\""), "{page}");
        assert!(page.find("script").unwrap() < page.find("a%20").unwrap(), "folders come first");
    }
}
