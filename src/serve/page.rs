//! The server's own responses: pages for browsers, text for other clients.

use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::Full;

/// Why a request was not answered by an upstream.
pub(super) struct Refusal {
    /// The HTTP status.
    pub(super) status: StatusCode,
    /// What is wrong, as a sentence without a period.
    pub(super) what: String,
    /// How to fix it; may be empty.
    pub(super) hint: String,
    /// Whether the problem may be temporary, so that browsers should reload the page.
    pub(super) may_pass: bool,
}

/// These pages need neither scripts nor frames.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

impl Refusal {
    /// Creates a refusal that is not temporary.
    pub(super) fn new(status: StatusCode, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status, what: what.into(), hint: hint.into(), may_pass: false }
    }

    /// The response for a client with these request headers.
    pub(super) fn answer(&self, asked: &HeaderMap) -> Response<Full<Bytes>> {
        self.answer_as(wants_html(asked))
    }

    /// The response, in HTML or as text.
    pub(super) fn answer_as(&self, is_for_people: bool) -> Response<Full<Bytes>> {
        let text = if is_for_people { self.html() } else { self.text() };
        let mut response = Response::new(Full::new(Bytes::from(text)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        let kind = if is_for_people { "text/html; charset=utf-8" } else { "text/plain; charset=utf-8" };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(HeaderName::from_static("content-security-policy"), HeaderValue::from_static(POLICY));
        if self.may_pass {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }

    fn text(&self) -> String {
        let hint = if self.hint.is_empty() { String::new() } else { format!("devca: hint: {}\n", self.hint) };
        format!("devca: error: {}\n{hint}", self.what)
    }

    fn html(&self) -> String {
        let reload = if self.may_pass { "<meta http-equiv=\"refresh\" content=\"1\">" } else { "" };
        let (what, hint) = (escaped(&self.what), escaped(&self.hint));
        let status = self.status.to_string();
        let body = format!("<h1>{what}</h1>\n<p>{hint}</p>\n");
        with_head(reload, &status, "", &body, &format!("{status}, from devca serve"))
    }
}

/// A page with a title in plain text, more styles, and a body in HTML.
pub(super) fn document(title: &str, style: &str, body: &str, footer: &str) -> String {
    with_head("", title, style, body, footer)
}

fn with_head(head: &str, title: &str, style: &str, body: &str, footer: &str) -> String {
    let (title, footer) = (escaped(title), escaped(footer));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">{head}\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<style>:root{{color-scheme:light dark}}{STYLE}{style}</style>\n</head>\n<body>\n<main>\n{body}\
         <footer>{footer}</footer>\n</main>\n</body>\n</html>\n"
    )
}

/// The style sheet of all pages.
const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;margin:0;padding:2rem 1rem}\
    main{max-width:44rem;margin:auto}h1{font-size:1.4rem;line-height:1.3;overflow-wrap:anywhere}\
    p{overflow-wrap:anywhere}footer{margin-top:3rem;font-size:.85rem;opacity:.7}";

/// Whether the client prefers HTML, as browsers do.
pub(super) fn wants_html(asked: &HeaderMap) -> bool {
    asked.get(ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}

/// Escapes text for HTML.
pub(super) fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
        out
    })
}
