//! Inside WSL: the store of the Windows host, whose browsers open what a server in WSL serves. It is changed
//! with Windows' own `certutil.exe`, not the NSS program of the same name.

use std::path::{Path, PathBuf};

use crate::{Anchor, Found, Host, Problem, Step, Store, StoreKind, read};

const CERTUTIL: &str = r"C:\Windows\System32\certutil.exe";

/// Adds the certificate from standard input with `$1`, wslpath, and `$2`, certutil.exe, which can only read a
/// file.
const ADD: &str = r#"file=$(mktemp) && trap 'rm -f -- "$file"' EXIT && cat >"$file" && "$2" -user -f -addstore Root "$("$1" -w "$file")""#;

/// The Windows host's store, inside WSL; nothing elsewhere.
pub(crate) fn find(host: &Host) -> Vec<Found<'_>> {
    if host.is_elsewhere() || !is_wsl(host) {
        return Vec::new();
    }
    let place = r"Windows host (CurrentUser\Root)";
    let hint = "make Windows drives available in /etc/wsl.conf ([automount], [interop]), then devca install";
    let Some(wslpath) = host.program("wslpath") else {
        return vec![Found::failure(StoreKind::Wsl, place, Problem::new("wslpath is not installed", hint))];
    };
    match linux_path(host, &wslpath, CERTUTIL) {
        Ok(certutil) if Path::new(&certutil).is_file() => {
            vec![Found::store(WindowsHost { host, wslpath, certutil: certutil.into() })]
        }
        _ => vec![Found::failure(
            StoreKind::Wsl,
            place,
            Problem::new("Windows's certutil.exe cannot be reached", hint),
        )],
    }
}

fn is_wsl(host: &Host) -> bool {
    let kernel = read::text(&host.system("/proc/sys/kernel/osrelease")).unwrap_or_default();
    (host.variable)("WSL_DISTRO_NAME").is_some() || kernel.to_lowercase().contains("microsoft")
}

/// Converts a Windows path to a Linux path with `wslpath -u`.
fn linux_path(host: &Host, wslpath: &Path, path: &str) -> Result<String, Problem> {
    let step = Step::run(wslpath, ["-u", path]);
    let output = host.ask(&step)?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(Problem::new(
            format!("wslpath failed: {}", crate::run::last_line(&output)),
            format!("try by hand: {step}"),
        ))
    }
}

struct WindowsHost<'a> {
    host: &'a Host,
    wslpath: PathBuf,
    certutil: PathBuf,
}

impl Store for WindowsHost<'_> {
    fn kind(&self) -> StoreKind {
        StoreKind::Wsl
    }

    fn place(&self) -> String {
        r"Windows host (CurrentUser\Root)".into()
    }

    fn holds(&self, anchor: &Anchor) -> Result<bool, Problem> {
        let output =
            self.host.ask(&Step::run(&self.certutil, ["-user", "-store", "Root", &anchor.thumbprint()]))?;
        Ok(output.status.success())
    }

    fn add(&self, anchor: &Anchor) -> Result<Vec<Step>, Problem> {
        let words = [self.wslpath.as_os_str(), self.certutil.as_os_str()];
        Ok(vec![Step::shell("certutil.exe", ADD, words).reading(anchor.pem())])
    }

    /// Identifies the certificate by its hash, because another certificate could have the same serial number.
    fn remove(&self, anchor: &Anchor) -> Result<Vec<Step>, Problem> {
        if !self.holds(anchor)? {
            return Ok(Vec::new());
        }
        Ok(vec![Step::run(&self.certutil, ["-user", "-delstore", "Root", &anchor.thumbprint()])])
    }

    /// `certutil.exe` prints only the hashes of certificates.
    fn certificates(&self) -> Result<Vec<Vec<u8>>, Problem> {
        Ok(Vec::new())
    }
}
