//! Tests the pages about one task each: writes their files and runs their commands, from top to bottom.
//!
//! The info string of a fenced block says what it is. `sh run` must succeed, `sh fails` must fail, and `sh
//! serve PORT` is a server that keeps running; a `text` block after one of these is a part of its output. Any
//! other word after the language is the name of a file. Ports are replaced with free ones.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;
#[path = "servers/running.rs"]
mod running;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use common::{Home, in_namespace, project, tool, words};
use running::{Running, free_port};

/// Returns the blocks of a page: info string and text.
fn blocks(page: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(project().join("docs").join(page)).unwrap();
    let mut parts = text.split("\n```");
    let mut blocks = Vec::new();
    while let (Some(_), Some(block)) = (parts.next(), parts.next()) {
        let (info, text) = block.split_once('\n').unwrap();
        blocks.push((info.to_owned(), format!("{text}\n")));
    }
    blocks
}

/// A reader who follows the instructions on a page.
struct Reader {
    page: &'static str,
    home: Home,
    ports: BTreeMap<String, String>,
    /// By port, so that a second server on the same port replaces the first.
    servers: BTreeMap<String, Running>,
    said: String,
}

impl Reader {
    fn command(&self, script: &str) -> Command {
        let devca = Path::new(env!("CARGO_BIN_EXE_devca")).parent().unwrap();
        let python = project().join("target/tools/python/bin");
        assert!(python.exists(), "tests/setup installs what the tests need");
        let node = tool("node");
        let path = format!(
            "{}:{}:{}:{}:/usr/sbin",
            devca.display(),
            python.display(),
            node.parent().unwrap().display(),
            std::env::var("PATH").unwrap()
        );
        let mut script = script.to_owned();
        for (page, free) in &self.ports {
            script = script.replace(page, free);
        }
        let mut command = self.home.command(&tool("sh"), ["-euc", &script]);
        command.env("PATH", path).env("no_proxy", "*");
        command
    }

    fn run(&mut self, script: &str, succeeds: bool) {
        let output = self.command(script).output().unwrap();
        self.said = words(&output);
        let servers: String = self.servers.values_mut().map(|server| server.hear().to_owned()).collect();
        assert_eq!(output.status.success(), succeeds, "{}: {script}{}{servers}", self.page, self.said);
    }

    fn serve(&mut self, port: &str, script: &str) {
        let free = self.ports[port].clone();
        self.servers.remove(port);
        // The server replaces the shell, so that it is the process to be stopped.
        let command = self.command(&format!("exec {script}"));
        self.servers.insert(port.to_owned(), Running::start(command, &free, ""));
    }

    /// The output may differ only in ports.
    fn expect(&self, text: &str) {
        for line in text.lines() {
            assert!(self.said.contains(line), "{}: not printed: {line}: {}", self.page, self.said);
        }
    }

    fn write(&self, name: &str, text: &str) {
        let text = self.ports.iter().fold(text.to_owned(), |text, (page, free)| text.replace(page, free));
        // If root starts it, as in a namespace, it would become a user who may not read the key.
        let text = if name == "mosquitto.conf" { text + "user root\n" } else { text };
        fs::write(self.home.file(name), text).unwrap();
    }
}

fn follow(page: &'static str) {
    let home = Home::new();
    let mut reader =
        Reader { page, home, ports: BTreeMap::new(), servers: BTreeMap::new(), said: String::new() };
    let all = blocks(page);
    // The file of a server contains its port, which is chosen before the server starts.
    for (info, _) in &all {
        if let Some(port) = info.strip_prefix("sh serve ") {
            reader.ports.insert(port.to_owned(), free_port());
        }
    }
    for (info, text) in all {
        match info.split(' ').collect::<Vec<_>>().as_slice() {
            ["sh", "run"] => reader.run(&text, true),
            ["sh", "fails"] => reader.run(&text, false),
            ["sh", "serve", port] => reader.serve(port, &text),
            ["text"] => reader.expect(&text),
            [_, name] => reader.write(name, &text),
            _ => panic!("{page}: nothing runs the block {info:?}"),
        }
    }
}

macro_rules! pages {
    ($($test:ident: $page:literal,)*) => {
        $(#[test]
        fn $test() {
            if in_namespace(stringify!($test)) {
                follow($page);
            }
        })*

        /// Each page has a test.
        const PAGES: &[&str] = &[$($page),*];
    };
}

pages! {
    ci: "ci.md",
    databases: "databases.md",
    docker: "docker.md",
    first_site: "first-site.md",
    java: "java.md",
    mtls: "mtls.md",
    node: "node.md",
    php: "php.md",
    python: "python.md",
    teams: "teams.md",
}

#[test]
fn the_script_is_that_of_the_page_on_servers() {
    let servers = fs::read_to_string(project().join("docs/servers.md")).unwrap();
    let blocks = blocks("node.md");
    let script = blocks.iter().find(|(info, _)| info == "json package.json").unwrap();
    assert!(servers.contains(&script.1), "tests/servers.rs runs that one");
}

#[test]
fn every_page_that_says_so_is_run() {
    for entry in fs::read_dir(project().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        let is_page = path.extension().is_some_and(|extension| extension == "md");
        let name = path.file_name().unwrap().to_str().unwrap();
        if is_page && fs::read_to_string(&path).unwrap().contains("`tests/pages.rs`") {
            assert!(PAGES.contains(&name), "{name} says that it is run");
        }
    }
}
