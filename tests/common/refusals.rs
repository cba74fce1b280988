//! The form of a failure: an error, a hint, and nothing new on the disk.

use std::ffi::OsStr;
use std::process::Output;

use super::Home;

/// Checks the form of a failure: two lines, in lower case, without a period, and without a panic.
pub fn two_lines(output: &Output, code: i32, part: &str) {
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(output.stdout.is_empty(), "an error goes to standard error");
    let error: Vec<_> = said.lines().filter(|line| !line.starts_with("devca: note:")).collect();
    assert_eq!(error.len(), 2, "{said}");
    let what = error[0].strip_prefix("devca: error: ").unwrap_or_else(|| panic!("{said}"));
    let hint = error[1].strip_prefix("devca: hint: ").unwrap_or_else(|| panic!("{said}"));
    assert!(what.contains(part), "{part:?} is not in {said}");
    assert!(!what.ends_with('.') && !hint.is_empty() && !said.contains("panicked"), "{said}");
}

/// devca must fail with this exit code and message, and leave every file unchanged.
pub fn refused<S: AsRef<OsStr>>(home: &Home, arguments: impl IntoIterator<Item = S>, code: i32, part: &str) {
    let before = home.everything();
    two_lines(&home.devca(arguments).output().unwrap(), code, part);
    assert_eq!(home.everything(), before, "something was written");
}
