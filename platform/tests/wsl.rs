//! Tests the Windows host's store from inside WSL, with a scripted `wslpath` and `certutil.exe`.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod common;

use common::{Machine, OURS_SHA1, only};
use devca_platform::{Found, Host, Os, StoreKind};

fn wsl() -> (Machine, Host) {
    let machine = Machine::new();
    let certutil = machine.program(
        "c/Windows/System32/certutil.exe",
        "printf '%s\\n' \"$*\" >> \"$0.calls\"\n\
         case \"$*\" in\n\
           '-user -store Root '*) [ -e \"$0.held\" ] ;;\n\
           '-user -f -addstore Root '*) : > \"$0.held\" ;;\n\
           '-user -delstore Root '*) rm \"$0.held\" ;;\n\
           *) exit 9 ;;\n\
         esac\n",
    );
    let script = format!(
        "case $1 in -u) [ \"$2\" = 'C:\\Windows\\System32\\certutil.exe' ] && echo '{}' ;; -w) printf '%s\\n' '\\\\wsl.localhost\\Debian'\"$2\" ;; esac\n",
        certutil.display()
    );
    machine.program("bin/wslpath", &script);
    let mut host = machine.host(Os::Linux);
    host.sysroot = "/".into();
    host.variable = |name| (name == "WSL_DISTRO_NAME").then(|| "Debian".into());
    (machine, host)
}

#[test]
fn the_windows_host_takes_the_anchor_and_gives_it_back() {
    let (machine, host) = wsl();
    let (anchor, store) = (machine.anchor(), only(&host, StoreKind::Wsl));
    assert_eq!(store.holds(&anchor), Ok(false));
    assert_eq!(store.remove(&anchor), Ok(vec![]));
    host.perform(&store.add(&anchor).unwrap(), |_| {}).unwrap();
    assert_eq!(store.holds(&anchor), Ok(true));
    host.perform(&store.remove(&anchor).unwrap(), |_| {}).unwrap();
    assert_eq!(store.holds(&anchor), Ok(false));
    let calls = machine.lines("c/Windows/System32/certutil.exe.calls");
    for call in [
        r"-user -f -addstore Root \\wsl.localhost\Debian/".to_owned(),
        format!("-user -delstore Root {}", OURS_SHA1.trim()),
    ] {
        assert!(calls.iter().any(|line| line.starts_with(&call)), "{call:?} is not in {calls:#?}");
    }
}

#[test]
fn without_the_drives_of_windows_it_says_so() {
    let (machine, host) = wsl();
    std::fs::remove_file(machine.at("c/Windows/System32/certutil.exe")).unwrap();
    let found = devca_platform::find(&host, &[StoreKind::Wsl]);
    let [Found::Remark(remark)] = found.as_slice() else { panic!("one remark is expected") };
    assert!(remark.is_failure && remark.problem.hint.contains("/etc/wsl.conf"), "{remark:?}");
}
