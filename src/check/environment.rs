//! Settings in this environment that disable verification or bypass the server.

use std::env;
use std::path::Path;

use super::Finding;
use super::catalogue::{PROXY, VERIFICATION_OFF};

/// A variable whose value can disable verification.
struct VerificationSwitch {
    name: &'static str,
    is_off: fn(&str) -> bool,
    who: &'static str,
}

const VARIABLES: &[VerificationSwitch] = &[
    VerificationSwitch { name: "NODE_TLS_REJECT_UNAUTHORIZED", is_off: |value| value == "0", who: "Node" },
    VerificationSwitch { name: "PYTHONHTTPSVERIFY", is_off: |value| value == "0", who: "Python" },
    VerificationSwitch { name: "GIT_SSL_NO_VERIFY", is_off: |value| !value.is_empty(), who: "git" },
    VerificationSwitch { name: "NPM_CONFIG_STRICT_SSL", is_off: |value| value == "false", who: "npm" },
    VerificationSwitch { name: "npm_config_strict_ssl", is_off: |value| value == "false", who: "npm" },
    VerificationSwitch {
        name: "AWS_CLI_NO_VERIFY_SSL",
        is_off: |value| !value.is_empty(),
        who: "the AWS CLI",
    },
];

/// A line of a file in the home folder that can disable verification.
struct ConfigLine {
    file: &'static str,
    is_off: fn(&str) -> bool,
    who: &'static str,
}

const FILES: &[ConfigLine] = &[
    ConfigLine { file: ".curlrc", is_off: is_off_for_curl, who: "curl" },
    ConfigLine { file: ".config/curlrc", is_off: is_off_for_curl, who: "curl" },
    ConfigLine {
        file: ".wgetrc",
        is_off: |line| line.replace(' ', "") == "check_certificate=off",
        who: "wget",
    },
    ConfigLine { file: ".npmrc", is_off: |line| line.replace(' ', "") == "strict-ssl=false", who: "npm" },
    ConfigLine {
        file: ".gitconfig",
        is_off: |line| line.replace(' ', "").eq_ignore_ascii_case("sslverify=false"),
        who: "git",
    },
];

/// Matches `insecure`, `--insecure` and `-k`, also combined with other short options that take no value.
fn is_off_for_curl(line: &str) -> bool {
    let is_short =
        |options: &str| options.contains('k') && options.chars().all(|c| "fgiklLNnqsSv".contains(c));
    matches!(line, "insecure" | "--insecure") || line.strip_prefix('-').is_some_and(is_short)
}

pub fn verification_off(home: Option<&Path>) -> Vec<Finding> {
    let variables = VARIABLES.iter().filter(|variable| {
        env::var(variable.name).is_ok_and(|value| !value.is_empty() && (variable.is_off)(&value))
    });
    let variables = variables.map(|VerificationSwitch { name, who, .. }| {
        let value = env::var(name).unwrap_or_default();
        let what = format!("{name}={value} makes {who} accept every certificate");
        Finding::new(
            &VERIFICATION_OFF,
            what,
            format!("unset {name}, and start the program with: devca run -- …"),
        )
    });
    let files = FILES.iter().filter_map(|ConfigLine { file, is_off, who }| {
        let path = home?.join(file);
        let text = devca_platform::read::text(&path).ok()?;
        let line = text.lines().map(str::trim).find(|line| is_off(line))?;
        let what = format!("{line:?} in {} makes {who} accept every certificate", path.display());
        let fix = format!("remove that line, and start {who} with: devca run -- …");
        Some(Finding::new(&VERIFICATION_OFF, what, fix))
    });
    variables.chain(files).collect()
}

/// Finds a proxy that clients would use for this host.
pub fn proxy(host: &str) -> Option<Finding> {
    let value =
        |names: [&'static str; 2]| names.into_iter().find_map(|name| Some((name, env::var(name).ok()?)));
    let (name, proxy) = value(["https_proxy", "HTTPS_PROXY"]).filter(|(_, proxy)| !proxy.is_empty())?;
    let exceptions = value(["no_proxy", "NO_PROXY"]).map(|(_, list)| list).unwrap_or_default();
    let is_exempt = exceptions.split(',').map(|entry| entry.trim().trim_start_matches('.')).any(|entry| {
        entry == "*" || (!entry.is_empty() && (host == entry || host.ends_with(&format!(".{entry}"))))
    });
    if is_exempt {
        return None;
    }
    // The URL may contain a password.
    let place = proxy.rsplit('@').next().unwrap_or_default();
    let what = format!("{name} is set to the proxy {place}, and NO_PROXY does not list {host}");
    Some(Finding::new(&PROXY, what, format!("export NO_PROXY={host}")))
}
