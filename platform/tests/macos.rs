//! Tests the macOS keychains with a scripted `security`, which stores certificates in a folder and records
//! its calls. What only a real Mac can show is listed in docs/stores.md.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;

use common::{Machine, OURS, OURS_SHA1, STRANGER, only};
use devca_platform::{Found, Host, Os, StoreKind};

/// Behaves as described in the manual page of security(1) for the calls that devca makes; any other call is
/// an error.
const SECURITY: &str = r#"
echo "$*" >> "$0.calls"
verb=$1; shift
for last; do :; done
case $verb in
  find-certificate) [ "$1 $2" = "-a -p" ] || exit 9; cat "$3".d/*.pem 2>/dev/null || exit 44 ;;
  verify-cert) [ "$1 $2 $3 $4" = "-L -p ssl -c" ] || exit 9; grep -qxF "$(cksum < "$5")" "$0.trust" ;;
  add-trusted-cert)
    [ "$1" = -d ] && shift
    [ "$1 $2 $3 $4 $5" = "-r trustRoot -p ssl -k" ] || exit 9
    mkdir -p "$6.d"; cp "$7" "$6.d/ours.pem"; cksum < "$7" >> "$0.trust" ;;
  remove-trusted-cert)
    grep -qxF "$(cksum < "$last")" "$0.trust" 2>/dev/null || { echo "SecTrustSettingsRemoveTrustSettings: No Trust Settings were found." >&2; exit 1; }
    : > "$0.trust" ;;
  delete-certificate) [ "$1" = -Z ] || exit 9; echo "$2" > "$0.deleted"; rm "$3.d/ours.pem" ;;
  *) exit 9 ;;
esac
"#;

fn mac(admin: bool) -> (Machine, Host, String) {
    let machine = Machine::new();
    machine.program("usr/bin/security", SECURITY);
    let keychain =
        if admin { "Library/Keychains/System.keychain" } else { "home/Library/Keychains/login.keychain-db" };
    let folder = machine.folder(&format!("{keychain}.d"));
    fs::write(folder.join("stranger.pem"), STRANGER).unwrap();
    let mut host = machine.host(Os::MacOs);
    host.machine = admin;
    let path = machine.at(keychain).display().to_string();
    (machine, host, path)
}

#[test]
fn both_domains_take_the_anchor_and_give_it_back() {
    for admin in [false, true] {
        let (machine, host, keychain) = mac(admin);
        let anchor = machine.anchor();
        let store = only(&host, StoreKind::System);
        assert_eq!(store.holds(&anchor), Ok(false));
        assert_eq!(store.remove(&anchor), Ok(vec![]));

        let steps = store.add(&anchor).unwrap();
        assert_eq!(steps.iter().any(|step| step.as_root), admin, "only the System keychain takes root");
        host.perform(&steps, |_| {}).unwrap();
        store.forget();
        assert_eq!(store.holds(&anchor), Ok(true));
        assert_eq!(store.certificates().unwrap().len(), 2);

        host.perform(&store.remove(&anchor).unwrap(), |_| {}).unwrap();
        store.forget();
        assert_eq!(store.holds(&anchor), Ok(false));
        assert_eq!(store.certificates().unwrap().len(), 1, "the stranger's is left");
        assert_eq!(machine.lines("usr/bin/security.deleted"), [OURS_SHA1.trim()]);

        let domain = if admin { "-d " } else { "" };
        let calls = machine.lines("usr/bin/security.calls");
        for call in [
            format!("add-trusted-cert {domain}-r trustRoot -p ssl -k {keychain} "),
            format!("remove-trusted-cert {domain}"),
            "verify-cert -L -p ssl -c ".to_owned(),
        ] {
            let file = calls.iter().find_map(|line| line.strip_prefix(&call));
            let file = file.unwrap_or_else(|| panic!("{call:?} is not in {calls:#?}"));
            assert!(file.starts_with('/') && !Path::new(file).exists(), "{file} is a temporary file");
        }
    }
}

#[test]
fn a_certificate_whose_trust_is_gone_is_not_held_and_is_removed_all_the_same() {
    let (machine, host, keychain) = mac(false);
    fs::write(format!("{keychain}.d/ours.pem"), OURS).unwrap();
    let (anchor, store) = (machine.anchor(), only(&host, StoreKind::System));
    assert_eq!(store.holds(&anchor), Ok(false), "in the keychain, but not trusted");
    host.perform(&store.remove(&anchor).unwrap(), |_| {}).unwrap();
    store.forget();
    assert_eq!(store.certificates().unwrap().len(), 1);
}

#[test]
fn a_refusal_is_reported_in_its_own_words() {
    let (machine, host, _) = mac(true);
    let refusal = "echo 'SecTrustSettingsSetTrustSettings: The authorization was denied since no user interaction was possible.' >&2; exit 1\n";
    machine.program(
        "usr/bin/security",
        &format!("case $1 in add-trusted-cert) {refusal} ;; *) exit 44 ;; esac\n"),
    );
    let store = only(&host, StoreKind::System);
    let problem = host.perform(&store.add(&machine.anchor()).unwrap(), |_| {}).unwrap_err();
    assert!(problem.why.contains("no user interaction was possible"), "{problem:?}");
}

#[test]
fn firefox_is_skipped_unless_it_does_not_use_the_systems_roots() {
    let (machine, mut host, _) = mac(false);
    host.sysroot = "/".into();
    let root = machine.folder("home/Library/Application Support/Firefox/Profiles/abc.default");
    let ini = "[Profile0]\nName=default\nIsRelative=1\nPath=Profiles/abc.default\n";
    fs::write(machine.at("home/Library/Application Support/Firefox/profiles.ini"), ini).unwrap();
    assert!(devca_platform::find(&host, &[StoreKind::Nss]).is_empty());
    fs::write(root.join("prefs.js"), "user_pref(\"security.enterprise_roots.enabled\", false);\n").unwrap();
    let found = devca_platform::find(&host, &[StoreKind::Nss]);
    let [Found::Remark(remark)] = found.as_slice() else { panic!("one remark is expected") };
    assert!(
        remark.is_failure && remark.problem.hint.contains("security.enterprise_roots.enabled"),
        "{remark:?}"
    );
}
