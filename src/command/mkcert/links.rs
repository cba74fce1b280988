//! The places where other tools look for mkcert, and the script that devca puts there.
//!
//! It is not a symbolic link because some of these tools download mkcert to that path, and would overwrite devca through
//! the link.

use std::env::consts::{ARCH, EXE_SUFFIX, OS};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::Serialize;

use crate::cli::{self, ForMkcert, LinkedTool};
use crate::command::Context;
use crate::disk::files::{self, NewFile, Secrecy};
use crate::error::{self, Fault, quoted};
use crate::report::{self, Mark};

/// The result for one tool.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct LinkLine {
    tool: String,
    path: PathBuf,
    state: LinkState,
    #[serde(rename = "message", skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
enum LinkState {
    Created,
    AlreadyThere,
    Removed,
    /// There was nothing to remove.
    Absent,
    /// There is a file that devca did not write.
    Kept,
    Failed,
}

impl LinkLine {
    pub(super) fn is_done(&self) -> bool {
        self.state != LinkState::Failed
    }
}

const FIRST_LINES: &str = "#!/bin/sh\n# Made by devca mkcert --link, and removed by devca mkcert --unlink: runs devca in the place of mkcert.\nexec ";
const LAST_LINE: &str = " mkcert -- \"$@\"\n";

/// Writes the script to the places of these tools.
pub(super) fn create(context: &Context, tools: &[LinkedTool]) -> anyhow::Result<Vec<LinkLine>> {
    if cfg!(windows) {
        let own = std::env::current_exe()?;
        return Err(Fault::new(
            "Windows runs no shell scripts in the place of a program",
            format!("copy devca there under the name that the tool wants: copy {} mkcert.exe", quoted(&own)),
        )
        .into());
    }
    let script = format!("{FIRST_LINES}{}{LAST_LINE}", quoted(&std::env::current_exe()?));
    let mut lines = Vec::new();
    for &tool in tools {
        let path = place(context, tool)?;
        let state = put(context, tool, &path, &script);
        lines.push(line(tool, path, state));
    }
    Ok(lines)
}

fn put(context: &Context, tool: LinkedTool, path: &Path, script: &str) -> anyhow::Result<LinkState> {
    let mut state = LinkState::AlreadyThere;
    if !is_current(path, script) {
        refuse_what_is_there(context, tool, path)?;
        state = LinkState::Created;
        let files = context.person.files();
        files.remove(path)?;
        files.create_folder(path.parent().unwrap_or(path), Secrecy::Public)?;
        let text = script.as_bytes().to_vec();
        let file = NewFile { secrecy: Secrecy::Program, ..NewFile::public(path.to_owned(), text) };
        files.stage(vec![file])?.commit()?;
    }
    if tool == LinkedTool::HttpsLocalhost {
        issue_localhost(context, path.parent().unwrap_or(path))?;
    }
    Ok(state)
}

/// Refuses to replace another program, and to work in a folder with a root of mkcert's: vite-plugin-mkcert and
/// webpack-mkcert keep `$CAROOT` beside the program.
fn refuse_what_is_there(context: &Context, tool: LinkedTool, path: &Path) -> Result<(), Fault> {
    let folder = path.parent().filter(|_| matches!(tool, LinkedTool::Vite | LinkedTool::Webpack));
    let what = if path.symlink_metadata().is_ok() && !is_own(path) {
        format!("{} already exists and is not devca's", path.display())
    } else if let Some(Err(e)) = folder.map(|folder| super::of_caroot(context, folder)) {
        format!("{e:#}")
    } else {
        return Ok(());
    };
    let moved = quoted(folder.unwrap_or(path));
    Err(Fault::new(what, format!("move it away: mv {moved} {moved}.before")))
}

/// Issues the certificate for https-localhost, which downloads mkcert unless it finds one.
fn issue_localhost(context: &Context, folder: &Path) -> anyhow::Result<()> {
    let args = cli::Issue {
        names: vec!["localhost".into()],
        cert_file: Some(folder.join("localhost.crt")),
        key_file: Some(folder.join("localhost.key")),
        if_needed: true,
        for_mkcert: Some(ForMkcert::default()),
        ..cli::Issue::default()
    };
    super::super::issue::one(context, &args).map(drop)
}

/// Removes the scripts of these tools, and no other files.
pub(super) fn remove(context: &Context, tools: &[LinkedTool]) -> anyhow::Result<Vec<LinkLine>> {
    let tools = if tools.is_empty() { LinkedTool::value_variants() } else { tools };
    let mut lines: Vec<LinkLine> = Vec::new();
    for &tool in tools {
        let path = place(context, tool)?;
        if lines.iter().any(|line| line.path == path) {
            continue;
        }
        let removed = if path.symlink_metadata().is_err() {
            Ok(LinkState::Absent)
        } else if is_own(&path) {
            context.person.files().remove(&path).map(|()| LinkState::Removed)
        } else {
            Ok(LinkState::Kept)
        };
        lines.push(line(tool, path, removed));
    }
    Ok(lines)
}

/// The scripts that exist.
pub(in crate::command) fn present(context: &Context) -> Vec<PathBuf> {
    let places = LinkedTool::value_variants().iter().filter_map(|&tool| place(context, tool).ok());
    let mut present: Vec<PathBuf> = places.filter(|path| is_own(path)).collect();
    present.dedup();
    present
}

fn line(tool: LinkedTool, path: PathBuf, state: anyhow::Result<LinkState>) -> LinkLine {
    let (state, why, hint) = match state {
        Ok(state) => (state, None, None),
        Err(e) => (LinkState::Failed, Some(format!("{e:#}")), Some(error::hint(&e).to_owned())),
    };
    LinkLine { tool: tool.name(), path, state, why, hint }
}

/// Whether the file is a script that devca wrote, even if it runs another installation of devca.
fn is_own(path: &Path) -> bool {
    let text = files::read(path).unwrap_or_default();
    text.starts_with(FIRST_LINES.as_bytes()) && text.ends_with(LAST_LINE.as_bytes())
}

fn is_current(path: &Path, script: &str) -> bool {
    files::read(path).is_ok_and(|text| text.as_slice() == script.as_bytes())
}

/// The path where the tool looks for mkcert. The comments name its source file.
fn place(context: &Context, tool: LinkedTool) -> anyhow::Result<PathBuf> {
    let in_home = |below: &str| match &context.person.home {
        Some(home) => Ok(home.join(below)),
        None => Err(Fault::new("cannot determine your home folder", "set it: export HOME=…")),
    };
    let in_folder_of = |variable, default| match std::env::var_os(variable).filter(|value| !value.is_empty())
    {
        Some(folder) => Ok(PathBuf::from(folder)),
        None => in_home(default),
    };
    Ok(match tool {
        LinkedTool::Path => std::env::current_exe()?.with_file_name(format!("mkcert{EXE_SUFFIX}")),
        // next/dist/lib/mkcert.js, helpers/get-cache-directory.js
        LinkedTool::Next => {
            let cache = match OS {
                "macos" => in_home("Library/Caches")?,
                "windows" => in_folder_of("LOCALAPPDATA", "AppData/Local")?,
                _ => in_folder_of("XDG_CACHE_HOME", ".cache")?,
            };
            cache.join(format!("mkcert/mkcert-v1.4.4-{}-{}{EXE_SUFFIX}", system(), machine()))
        }
        // vite-plugin-mkcert/dist/index.mjs; webpack-mkcert has kept the folder's name
        LinkedTool::Vite | LinkedTool::Webpack => {
            in_home(&format!(".vite-plugin-mkcert/mkcert{EXE_SUFFIX}"))?
        }
        LinkedTool::MkcertCli => in_home(&format!(".mkcert-cli/mkcert{EXE_SUFFIX}"))?,
        // https-localhost/certs.js, appdata-path
        LinkedTool::HttpsLocalhost => {
            let default = if OS == "macos" { "Library/Application Support" } else { ".config" };
            let machine = if OS == "linux" && ["arm", "aarch64"].contains(&ARCH) { "arm" } else { "amd64" };
            let name = format!("mkcert-v1.4.3-{}-{machine}{EXE_SUFFIX}", system());
            in_folder_of("APPDATA", default)?.join("https-localhost").join(name)
        }
    })
}

/// The system as Go calls it.
fn system() -> &'static str {
    if OS == "macos" { "darwin" } else { OS }
}

/// The processor as Go calls it.
fn machine() -> &'static str {
    match ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

pub(super) fn write(page: &mut dyn Write, lines: &[LinkLine]) -> io::Result<()> {
    let width = lines.iter().map(|line| line.tool.len()).max().unwrap_or(0);
    for line in lines {
        let (mark, word) = match line.state {
            LinkState::Created => (Mark::Good, "runs devca"),
            LinkState::AlreadyThere => (Mark::Good, "already runs devca"),
            LinkState::Removed => (Mark::Good, "removed"),
            LinkState::Absent => (Mark::Skipped, "not there"),
            LinkState::Kept => (Mark::Skipped, "kept: it is not devca's"),
            LinkState::Failed => (Mark::Bad, "failed"),
        };
        writeln!(page, "{mark} {:width$}  {}: {word}", line.tool, report::tilde(&line.path))?;
        let indent = " ".repeat(width + 4);
        for text in [&line.why, &line.hint].into_iter().flatten() {
            writeln!(page, "{indent}{text}")?;
        }
    }
    Ok(())
}
