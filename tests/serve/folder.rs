//! `devca serve ./public`: a folder of files, and nothing outside it.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use super::common::browsers::{chromium, chromium_database, trust};
use super::common::{Home, ok, tool, words};
use super::served::{Served, curl, fetch, raw};

/// A site with a page, a script, a large file, a folder without a page, and things that are not to be seen.
fn site() -> (Home, Served) {
    let home = Home::new();
    let path = |name: &str| home.file(&format!("public/{name}"));
    fs::create_dir_all(path("sub/.git")).unwrap();
    fs::create_dir_all(path("page")).unwrap();
    for (name, text) in [
        ("index.html", "<!doctype html><title>x</title><p id=here>the index<script src=app.js></script>"),
        ("app.js", "document.getElementById('here').textContent = 'the script ran';"),
        ("digits.txt", "0123456789"),
        ("page/index.html", "a page"),
        ("sub/<b>&\"'.txt", "odd"),
        ("sub/ä b%.css", "p{}"),
        ("sub/.env", "SECRET=1"),
        ("sub/.git/config", "SECRET=1"),
    ] {
        fs::write(path(name), text).unwrap();
    }
    fs::write(home.file("secret.txt"), "SECRET=1").unwrap();
    symlink("../secret.txt", path("out")).unwrap();
    symlink(home.file("secret.txt"), path("absolute")).unwrap();
    symlink("..", path("above")).unwrap();
    symlink("digits.txt", path("within")).unwrap();
    symlink("sub/.env", path("env")).unwrap();
    symlink("sub/.git", path("git")).unwrap();
    ok("mkfifo", [path("pipe").to_str().unwrap()]);
    let served = Served::start(&home, ["./public"]);
    (home, served)
}

fn head(home: &Home, served: &Served, options: &[&str], path: &str) -> String {
    words(&curl(home, served, &[&["-i", "--path-as-is"], options].concat(), path))
}

#[test]
fn files_have_their_types_and_folders_their_pages() {
    let (home, served) = site();
    for (path, kind, part) in [
        ("/", "text/html; charset=utf-8", "the index"),
        ("/app.js", "text/javascript; charset=utf-8", "the script ran"),
        ("/digits.txt?x=1", "text/plain; charset=utf-8", "0123456789"),
        ("/page/", "text/html; charset=utf-8", "a page"),
        ("/within", "application/octet-stream", "0123456789"),
        ("/sub/%C3%A4%20b%25.css", "text/css; charset=utf-8", "p{}"),
    ] {
        let text = head(&home, &served, &[], path);
        assert!(text.starts_with("HTTP/2 200") && text.contains(part), "{path}: {text}");
        assert!(text.contains(&format!("content-type: {kind}\r\n")), "{path}: {text}");
    }
    let listed = fetch(&home, &served, &[], "/sub/");
    assert!(listed.contains("&lt;b&gt;&amp;&quot;&#39;.txt") && !listed.contains("<b>"), "{listed}");
    assert!(listed.contains("href=\"./%C3%A4%20b%25.css\"") && !listed.contains(".env"), "{listed}");
    let moved = head(&home, &served, &[], "/sub?x=1");
    assert!(moved.starts_with("HTTP/2 307") && moved.contains("location: ./sub/?x=1\r\n"), "{moved}");
    // A new file is there at once, and so is a folder that was built again.
    fs::remove_dir_all(home.file("public")).unwrap();
    fs::create_dir(home.file("public")).unwrap();
    fs::write(home.file("public/new.txt"), "new").unwrap();
    assert_eq!(fetch(&home, &served, &[], "/new.txt"), "new");
}

#[test]
fn what_is_hidden_or_outside_is_not_found() {
    let (home, served) = site();
    for path in [
        "/missing",
        "/out",
        "/absolute",
        "/above/secret.txt",
        "/env",
        "/git/config",
        "/pipe",
        "/digits.txt/",
        "/digits.txt/x",
        "/sub/.env",
        "/sub/.git/config",
        "/sub/%2eenv",
        "/../secret.txt",
        "/sub/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e%2fsecret.txt",
        "/..%5csecret.txt",
        "/sub\\..\\x",
        "/digits.txt%00.html",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/./digits.txt",
        "/sub//x",
        "/%c0%ae%c0%ae/x",
        "/proc/self/environ",
    ] {
        let text = head(&home, &served, &[], path);
        assert!(text.starts_with("HTTP/2 404") && !text.contains("SECRET"), "{path}: {text}");
    }
    let long = format!("/{}", "a".repeat(5000));
    assert!(head(&home, &served, &[], &long).starts_with("HTTP/2 404"));
    let root = home.root();
    for line in ["GET ../secret.txt", "GET /\x01", "GET /..//..//secret.txt", "GET *"] {
        let request = format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answer = raw(root.to_str().unwrap(), &served, request.as_bytes());
        let is_refused = answer.is_empty() || answer.starts_with("HTTP/1.1 4");
        assert!(is_refused && !answer.contains("SECRET"), "{line}: {answer}");
    }
    let page = head(&home, &served, &["-H", "Accept: text/html"], "/%3Cscript%3E");
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script>"), "{page}");
}

#[test]
fn only_what_changed_or_was_asked_for_is_sent() {
    let (home, served) = site();
    let whole = head(&home, &served, &[], "/digits.txt");
    let field = |name: &str| {
        let line = whole.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).unwrap();
        line.trim_end().to_owned()
    };
    let (tag, date) = (field("etag"), field("last-modified"));
    let ask = |fields: &[String]| {
        let options: Vec<&str> = fields.iter().flat_map(|field| ["-H", field.as_str()]).collect();
        head(&home, &served, &options, "/digits.txt")
    };
    let fields = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    for (asked, status, end) in [
        (vec![format!("If-None-Match: {tag}")], 304, "\r\n\r\n"),
        (vec![format!("If-None-Match: W/{tag}, \"x\"")], 304, "\r\n\r\n"),
        (vec![format!("If-Modified-Since: {date}")], 304, "\r\n\r\n"),
        (vec![format!("If-Modified-Since: {date}"), "If-None-Match: \"x\"".into()], 200, "0123456789"),
        (fields(&["If-Match: \"x\""]), 412, "\r\n\r\n"),
        (fields(&["If-Unmodified-Since: Thu, 01 Jan 2015 00:00:00 GMT"]), 412, "\r\n\r\n"),
        (fields(&["Range: bytes=2-4"]), 206, "\r\n\r\n234"),
        (fields(&["Range: bytes=-2"]), 206, "\r\n\r\n89"),
        (fields(&["Range: bytes=10-"]), 416, "\r\n\r\n"),
        (fields(&["Range: bytes=0-1,4-5"]), 200, "0123456789"),
        (vec!["Range: bytes=2-4".into(), format!("If-Range: {tag}")], 206, "234"),
        (fields(&["Range: bytes=2-4", "If-Range: \"x\""]), 200, "0123456789"),
    ] {
        let text = ask(&asked);
        assert!(text.starts_with(&format!("HTTP/2 {status}")) && text.ends_with(end), "{asked:?}: {text}");
    }
    assert!(ask(&fields(&["Range: bytes=2-4"])).contains("content-range: bytes 2-4/10\r\n"));
    assert!(ask(&fields(&["Range: bytes=10-"])).contains("content-range: bytes */10\r\n"));
    for version in ["--http1.1", "--http2"] {
        let text = head(&home, &served, &[version, "-I"], "/digits.txt");
        assert!(text.contains("content-length: 10\r\n") && text.ends_with("\r\n\r\n"), "{text}");
    }
    let text = head(&home, &served, &["-X", "PUT", "-d", "x"], "/digits.txt");
    assert!(text.starts_with("HTTP/2 405") && text.contains("allow: GET, HEAD\r\n"), "{text}");
    fs::write(home.file("public/digits.txt"), "9876543210").unwrap();
    assert!(ask(&[format!("If-None-Match: {tag}")]).ends_with("9876543210"));
}

#[test]
fn large_files_take_no_memory_and_truncated_ones_are_noticed() {
    const MEGABYTES: u64 = 500;
    let (home, served) = site();
    let large = fs::File::create(home.file("public/large.bin")).unwrap();
    large.set_len(MEGABYTES << 20).unwrap();
    fetch(&home, &served, &[], "/");
    let before = served.memory("VmHWM");
    for version in ["--http1.1", "--http2"] {
        let size =
            fetch(&home, &served, &[version, "-o", "/dev/null", "-w", "%{size_download}"], "/large.bin");
        assert_eq!(size, (MEGABYTES << 20).to_string());
    }
    let grown = served.memory("VmHWM") - before;
    assert!(grown < 16 << 10, "{grown} kB more than before");
    // It becomes shorter while it is sent.
    let mut slow = Command::new(tool("curl"));
    slow.args(["-sS", "--limit-rate", "100M", "-o", "/dev/null", "--cacert"]).arg(home.root());
    let slow = slow.arg(served.url("/large.bin?cut")).stderr(Stdio::piped()).spawn().unwrap();
    served.says("/large.bin?cut");
    large.set_len(10).unwrap();
    assert!(!slow.wait_with_output().unwrap().status.success(), "half a file looks like a whole one");
}

#[test]
fn node_and_a_browser_load_a_page_with_its_script() {
    let (home, served) = site();
    let script = "const answer = await fetch(process.argv[1], { headers: { range: 'bytes=1-2' } });
        console.log(answer.status, await answer.text());";
    let mut node = home.command(&tool("node"), ["--input-type=module", "-e", script]);
    let output =
        node.arg(served.url("/digits.txt")).env("NODE_EXTRA_CA_CERTS", home.root()).output().unwrap();
    assert_eq!(words(&output).trim(), "206 12");
    trust(&chromium_database(&home), "devca", &home.root());
    let text = words(&chromium(&home, &served.url("/")));
    assert!(text.contains("the script ran"), "{text}");
}

#[test]
fn a_missing_folder_is_reported_at_the_start() {
    let home = Home::new();
    let said = words(&home.devca(["serve", "./missing"]).output().unwrap());
    assert!(said.contains("there is no folder ./missing") && said.contains("devca serve 3000"), "{said}");
    fs::write(home.file("lib.sh"), "").unwrap();
    let said = words(&home.devca(["serve", "lib.sh"]).output().unwrap());
    assert!(said.contains("lib.sh is a file, not a folder") && said.contains("devca serve .\n"), "{said}");
}
