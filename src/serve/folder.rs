//! Serves the files in a folder.

use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use headers::{AcceptRanges, ContentRange, ETag, HeaderMapExt, LastModified};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use http::{HeaderMap, Method, Response, StatusCode, Uri};
use http_body_util::Full;
use percent_encoding::percent_decode_str;

use super::answer::Reply;
use super::beneath::{self, FolderEntry, Opened, is_hidden};
use super::conditions::{precondition, requested_range};
use super::file_body::FileBody;
use super::listing;
use super::page::{self, Refusal};
use crate::report::printable;

const INDEX: &str = "index.html";

/// What is at a path.
enum FolderContent {
    File(Opened, PathBuf),
    Folder(Vec<FolderEntry>),
    /// A folder whose path lacks the slash at its end, without which links in its page would not work.
    WithoutSlash(OsString),
}

/// Answers a request with a file, a list of files, or an error.
pub(super) async fn answer(
    root: &Rc<PathBuf>,
    method: &Method,
    uri: &Uri,
    asked: &HeaderMap,
) -> Result<Response<Reply>, Refusal> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        let refusal =
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "files can only be read", "use GET or HEAD");
        let mut response = refusal.answer(asked).map(Reply::Own);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Ok(response);
    }
    let path = uri.path();
    let names = names(path).ok_or_else(|| missing(path))?;
    let (own, is_folder) = (root.to_path_buf(), path.ends_with('/'));
    let found = tokio::task::spawn_blocking(move || find(&own, &names, is_folder)).await;
    let content = found.unwrap_or_else(|e| Err(io::Error::other(e))).map_err(|e| failed(path, &e))?;
    match content {
        FolderContent::File(opened, file) => send(opened, &file, method, asked).map_err(|e| failed(path, &e)),
        FolderContent::Folder(entries) => Ok(html(listing::html(&shown(path), entries))),
        FolderContent::WithoutSlash(name) => Ok(moved(&name, uri)),
    }
}

/// The names in a path, decoded. A path that no link of a page leads to has none: one with empty, relative or hidden
/// names, or with encoded separators. `.well-known` (RFC 8615) is not hidden.
pub(super) fn names(path: &str) -> Option<Vec<OsString>> {
    let path = path.strip_prefix('/')?;
    if path.is_empty() {
        return Some(Vec::new());
    }
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').map(|part| name(&percent_decode_str(part).collect::<Vec<u8>>())).collect()
}

fn name(bytes: &[u8]) -> Option<OsString> {
    let is_plain = !bytes.is_empty() && !bytes.iter().any(|byte| b"/\\\0".contains(byte));
    let name = os_string(bytes).filter(|_| is_plain)?;
    // On Windows, a colon selects a drive or a stream.
    let is_special = cfg!(windows) && bytes.contains(&b':');
    (!is_special && !is_hidden(&name)).then_some(name)
}

#[cfg(unix)]
fn os_string(bytes: &[u8]) -> Option<OsString> {
    use std::os::unix::ffi::OsStrExt;
    Some(OsStr::from_bytes(bytes).to_owned())
}

#[cfg(not(unix))]
fn os_string(bytes: &[u8]) -> Option<OsString> {
    std::str::from_utf8(bytes).ok().map(Into::into)
}

fn find(root: &Path, names: &[OsString], is_folder: bool) -> io::Result<FolderContent> {
    let names: Vec<&OsStr> = names.iter().map(OsString::as_os_str).collect();
    let opened = beneath::open(root, &names)?;
    match (opened.metadata.is_dir(), names.last()) {
        (false, _) if is_folder => Err(io::ErrorKind::NotFound.into()),
        (false, last) => Ok(FolderContent::File(opened, last.map(PathBuf::from).unwrap_or_default())),
        (true, Some(last)) if !is_folder => Ok(FolderContent::WithoutSlash((*last).to_owned())),
        (true, _) => {
            let index: Vec<&OsStr> = names.iter().copied().chain([OsStr::new(INDEX)]).collect();
            match beneath::open(root, &index) {
                Ok(index) if index.metadata.is_file() => Ok(FolderContent::File(index, INDEX.into())),
                Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
                _ => {
                    let mut entries = beneath::list(root, &names, opened.file)?;
                    entries.retain(|entry| !is_hidden(&entry.name));
                    Ok(FolderContent::Folder(entries))
                }
            }
        }
    }
}

/// Sends a file, or the part of it that is requested, unless the client has it (RFC 9110 §13, §14).
fn send(opened: Opened, name: &Path, method: &Method, asked: &HeaderMap) -> io::Result<Response<Reply>> {
    let length = opened.metadata.len();
    let modified = opened.metadata.modified().unwrap_or(UNIX_EPOCH);
    let tag = entity_tag(&opened.metadata, modified);
    let mut response = Response::new(Reply::Own(Full::default()));
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, media_type(name));
    // A file that changes while somebody works on it must be asked for each time; that costs a 304.
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    fields.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    fields.typed_insert(LastModified::from(modified));
    fields.typed_insert(AcceptRanges::bytes());
    if let Some(tag) = tag.clone() {
        fields.typed_insert(tag);
    }
    if let Some(status) = precondition(asked, tag.as_ref(), modified) {
        *response.status_mut() = status;
        return Ok(response);
    }
    let (start, count) = match requested_range(asked, method, tag.as_ref(), modified, length) {
        None => (0, length),
        Some(Ok((start, end))) => {
            if let Ok(range) = ContentRange::bytes(start..=end, length) {
                fields_of(&mut response).typed_insert(range);
            }
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            (start, end - start + 1)
        }
        Some(Err(())) => {
            fields_of(&mut response).typed_insert(ContentRange::unsatisfied_bytes(length));
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            return Ok(response);
        }
    };
    if *method == Method::HEAD {
        fields_of(&mut response).insert(CONTENT_LENGTH, count.into());
        return Ok(response);
    }
    let body = FileBody::new(opened.file, start, count)?;
    Ok(response.map(|_| Reply::File(body)))
}

fn fields_of(response: &mut Response<Reply>) -> &mut HeaderMap {
    response.headers_mut()
}

/// Changes whenever the file does, even several times a second.
fn entity_tag(metadata: &Metadata, modified: SystemTime) -> Option<ETag> {
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("\"{:x}-{:x}\"", since.as_nanos(), metadata.len()).parse().ok()
}

fn media_type(name: &Path) -> HeaderValue {
    let guessed = mime_guess::from_path(name).first_or_octet_stream();
    let has_charset = guessed.get_param("charset").is_some();
    let is_text = guessed.type_() == "text" && !has_charset;
    let text = if is_text { format!("{guessed}; charset=utf-8") } else { guessed.to_string() };
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

fn html(text: String) -> Response<Reply> {
    let mut response = Response::new(Reply::Own(Full::new(Bytes::from(text))));
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    fields.insert(HeaderName::from_static("content-security-policy"), HeaderValue::from_static(page::POLICY));
    response
}

/// A relative redirect, so that no path leads to another server.
fn moved(name: &OsStr, uri: &Uri) -> Response<Reply> {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut response = Response::new(Reply::Own(Full::default()));
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    if let Ok(location) = HeaderValue::from_str(&format!("./{}/{query}", listing::encoded(name))) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

pub(super) fn shown(path: &str) -> String {
    percent_decode_str(path).decode_utf8_lossy().into_owned()
}

fn missing(path: &str) -> Refusal {
    let what = format!("there is nothing at {}", printable(&shown(path)));
    Refusal::new(
        StatusCode::NOT_FOUND,
        what,
        "check the path; hidden files, and links to them or out of the folder, are not served",
    )
}

fn failed(path: &str, error: &io::Error) -> Refusal {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            let what = format!("{} may not be read", printable(&shown(path)));
            Refusal::new(StatusCode::FORBIDDEN, what, "check the permissions of the file and its folders")
        }
        io::ErrorKind::NotFound
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::InvalidFilename
        | io::ErrorKind::InvalidInput => missing(path),
        _ => {
            let what = format!("cannot read {}: {error}", printable(&shown(path)));
            Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, what, "try again")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_looked_for() {
        assert_eq!(names("/"), Some(Vec::new()));
        assert_eq!(names("/a%20b/c%2b.txt"), Some(vec!["a b".into(), "c+.txt".into()]));
        assert_eq!(names("/sub/"), Some(vec!["sub".into()]));
        assert!(names("/.well-known/x").is_some());
        for path in [
            "",
            "*",
            "//",
            "//etc/passwd",
            "/a//b",
            "/..",
            "/../x",
            "/%2e%2e/x",
            "/.%2e/x",
            "/a/./b",
            "/%2fetc",
            "/a%2fb",
            "/a%5cb",
            "/a\\b",
            "/a%00",
            "/.env",
            "/a/.git/config",
            "/%2eenv",
            "/...",
        ] {
            assert_eq!(names(path), None, "{path}");
        }
    }
}
