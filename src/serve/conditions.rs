//! Requests for files with conditions and ranges (RFC 9110 §13, §14).

use std::time::SystemTime;

use headers::{
    ETag, HeaderMapExt, IfMatch, IfModifiedSince, IfNoneMatch, IfRange, IfUnmodifiedSince, LastModified,
};
use http::header::RANGE;
use http::{HeaderMap, Method, StatusCode};

/// The status if the client's conditions end the request, in the order of RFC 9110 §13.2.2.
pub(super) fn precondition(
    asked: &HeaderMap,
    tag: Option<&ETag>,
    modified: SystemTime,
) -> Option<StatusCode> {
    let is_met = match (asked.typed_get::<IfMatch>(), asked.typed_get::<IfUnmodifiedSince>()) {
        (Some(wanted), _) => tag.is_some_and(|tag| wanted.precondition_passes(tag)),
        (None, Some(since)) => since.precondition_passes(modified),
        (None, None) => true,
    };
    if !is_met {
        return Some(StatusCode::PRECONDITION_FAILED);
    }
    let is_new = match (asked.typed_get::<IfNoneMatch>(), asked.typed_get::<IfModifiedSince>()) {
        (Some(known), _) => tag.is_none_or(|tag| known.precondition_passes(tag)),
        (None, Some(since)) => since.is_modified(modified),
        (None, None) => true,
    };
    (!is_new).then_some(StatusCode::NOT_MODIFIED)
}

/// The first and last byte of the one range that is requested, or an error if the file is shorter. Several ranges and
/// malformed ones are answered with the whole file (RFC 9110 §14.2).
pub(super) fn requested_range(
    asked: &HeaderMap,
    method: &Method,
    tag: Option<&ETag>,
    modified: SystemTime,
    length: u64,
) -> Option<Result<(u64, u64), ()>> {
    let text = asked.get(RANGE).filter(|_| *method == Method::GET)?.to_str().ok()?;
    let is_outdated = |condition: IfRange| condition.is_modified(tag, Some(&LastModified::from(modified)));
    if asked.typed_get::<IfRange>().is_some_and(is_outdated) {
        return None;
    }
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let number =
        |digits: &str| digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u64>().ok());
    let (first, last) = match (first.trim(), last.trim()) {
        ("", count) => (length.saturating_sub(number(count)??), u64::MAX),
        (first, "") => (number(first)??, u64::MAX),
        (first, last) => (number(first)??, number(last)??),
    };
    if last < first {
        return None;
    }
    Some(if first < length { Ok((first, last.min(length - 1))) } else { Err(()) })
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn ranges_are_those_of_the_rfc() {
        let range = |text: &str, length| {
            let asked = HeaderMap::from_iter([(RANGE, text.parse().unwrap())]);
            requested_range(&asked, &Method::GET, None, UNIX_EPOCH, length)
        };
        assert_eq!(range("bytes=0-0", 10), Some(Ok((0, 0))));
        assert_eq!(range("bytes=2-", 10), Some(Ok((2, 9))));
        assert_eq!(range("bytes=2-99", 10), Some(Ok((2, 9))));
        assert_eq!(range("bytes=-3", 10), Some(Ok((7, 9))));
        assert_eq!(range("bytes=-99", 10), Some(Ok((0, 9))));
        for (text, length) in [("bytes=10-", 10), ("bytes=-0", 10), ("bytes=0-0", 0), ("bytes=-1", 0)] {
            assert_eq!(range(text, length), Some(Err(())), "{text}");
        }
        for text in ["bytes=3-2", "bytes=a-", "bytes=-", "bytes=", "lines=0-1", "bytes=0-1,3-4", "bytes=+1-2"]
        {
            assert_eq!(range(text, 10), None, "{text}");
        }
    }
}
