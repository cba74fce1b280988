//! Compares `devca check` with four verifiers: it must pass what all of them accept, and report what all of
//! them reject.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use serde_json::Value;

use super::cases::{self, Case};
use super::common::captured::{clients_of, missing};
use super::common::clients::go_program;
use super::common::{Home, tool, words};

/// The reason for a rejection; `None` if the chain is accepted.
pub(super) type Verdict = Option<String>;

pub(super) const JUDGES: [&str; 4] = ["OpenSSL", "GnuTLS", "Go", "webpki"];

/// Findings that none of these verifiers reports: they concern Apple, the handshake, and what is still valid
/// today.
const ADVICE: [&str; 3] = ["expiring", "too-long", "wrong-key-usage"];

fn write(folder: &Path, case: &Case) {
    let text = |list: &[Vec<u8>]| {
        list.iter().flat_map(|der| devca::x509::pem::certificate(der)).collect::<Vec<u8>>()
    };
    fs::create_dir(folder).unwrap();
    fs::write(folder.join("chain.pem"), text(&case.sent)).unwrap();
    fs::write(folder.join("leaf.pem"), text(&case.sent[..1])).unwrap();
    fs::write(folder.join("rest.pem"), text(&case.sent[1..])).unwrap();
    fs::write(folder.join("roots.pem"), text(&case.roots)).unwrap();
    fs::write(folder.join("name"), case.name).unwrap();
}

fn said(command: &mut Command, is_good: fn(&str) -> bool) -> Verdict {
    let output = command.output().unwrap();
    let said = words(&output);
    if output.status.success() && is_good(&said) { None } else { Some(said) }
}

fn openssl(folder: &Path, name: &str) -> Verdict {
    let mut openssl = Command::new(tool("openssl"));
    openssl.args(["verify", "-no-CApath", "-no-CAstore", "-auth_level", "2", "-purpose", "sslserver"]);
    let option = if name.parse::<IpAddr>().is_ok() { "-verify_ip" } else { "-verify_hostname" };
    openssl.args([option, name, "-CAfile", "roots.pem"]);
    // OpenSSL rejects empty files.
    if fs::metadata(folder.join("rest.pem")).unwrap().len() > 0 {
        openssl.args(["-untrusted", "rest.pem"]);
    }
    said(openssl.arg("leaf.pem").current_dir(folder), |_| true)
}

fn gnutls(folder: &Path, name: &str) -> Verdict {
    let mut certtool = Command::new(tool("certtool"));
    certtool.args(["--verify", "--verify-hostname", name, "--verify-purpose", "1.3.6.1.5.5.7.3.1"]);
    certtool.args(["--load-ca-certificate", "roots.pem", "--infile", "chain.pem"]);
    said(certtool.current_dir(folder), |said| said.contains("Chain verification output: Verified"))
}

/// Runs Go once for all chains.
fn go(folder: &Path, count: usize) -> Vec<Verdict> {
    let program = go_program("verify");
    let output = Command::new(program).arg(folder).arg(count.to_string()).output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| (line != "ok").then(|| line.to_owned())).collect()
}

fn webpki(case: &Case) -> Verdict {
    let ders =
        |list: &[Vec<u8>]| list.iter().map(|der| CertificateDer::from(der.clone())).collect::<Vec<_>>();
    let (sent, roots) = (ders(&case.sent), ders(&case.roots));
    let anchors: Vec<_> =
        roots.iter().filter_map(|root| webpki::anchor_from_trusted_cert(root).ok()).collect();
    let verify = || {
        let leaf = webpki::EndEntityCert::try_from(&sent[0])?;
        let usage = webpki::KeyUsage::server_auth();
        let algorithms = webpki::ALL_VERIFICATION_ALGS;
        leaf.verify_for_usage(algorithms, &anchors, &sent[1..], UnixTime::now(), usage, None, None)?;
        leaf.verify_is_valid_for_subject_name(&ServerName::try_from(case.name).unwrap())
    };
    verify().err().map(|e: webpki::Error| format!("{e:?}"))
}

/// devca's findings.
pub(super) struct Found {
    pub(super) ids: Vec<String>,
    document: Value,
}

impl Found {
    /// Whether devca predicts that a client with this library rejects the chain.
    pub(super) fn foretells(&self, judge: &str) -> bool {
        let clients: &[&str] = match judge {
            "OpenSSL" => &["OpenSSL", "curl"],
            "webpki" => &["rustls"],
            judge => &[judge],
        };
        let findings = self.document["findings"].as_array().unwrap().iter();
        // A verifier does not see the handshake.
        let findings = findings.filter(|found| found["id"] != "wrong-key-usage" || judge == "OpenSSL");
        // curl compares names without OpenSSL.
        let is_of = |found: &Value, client: &str| {
            clients.contains(&client) && !(client == "curl" && found["id"] == "name-mismatch")
        };
        findings.into_iter().any(|found| {
            let mut words = found["seen_as"].as_array().unwrap().iter();
            words.any(|word| is_of(found, word["client"].as_str().unwrap()))
        })
    }
}

fn devca(home: &Home, folder: &Path, name: &str) -> Found {
    let place = |name: &str| folder.join(name).display().to_string();
    let (chain, roots) = (place("chain.pem"), place("roots.pem"));
    let (_, document) = home.check(["--roots", &roots, "--name", name, &chain]);
    let list = document["findings"]
        .as_array()
        .unwrap_or_else(|| panic!("{}: {document:#}", folder.display()))
        .iter();
    // None of these verifiers is Firefox.
    let is_of_firefox = |finding: &Value| {
        let words = finding["seen_as"].as_array().unwrap();
        !words.is_empty() && words.iter().all(|word| word["client"] == "Firefox")
    };
    let ids = list.filter(|finding| finding["severity"] == "error" && !is_of_firefox(finding));
    let ids = ids.map(|finding| finding["id"].as_str().unwrap().to_owned());
    Found { ids: ids.filter(|id| !ADVICE.contains(&id.as_str())).collect(), document }
}

/// Runs this for each number, on every processor.
fn for_each<T: Send>(count: usize, act: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= count {
            break;
        }
        let result = act(number);
        done.lock().unwrap().push((number, result));
    };
    std::thread::scope(|scope| {
        (0..2).for_each(|_| drop(scope.spawn(work)));
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Runs the verifiers and devca for each case.
pub(super) fn judged(home: &Home, cases: &[Case]) -> Vec<([Verdict; 4], Found)> {
    let folder = |number: usize| -> PathBuf { home.file(&number.to_string()) };
    cases.iter().enumerate().for_each(|(number, case)| write(&folder(number), case));
    let by_go = go(&home.work(), cases.len());
    for_each(cases.len(), |number| {
        let (folder, name) = (folder(number), cases[number].name);
        let by_openssl = openssl(&folder, name);
        let verdicts = [by_openssl, gnutls(&folder, name), by_go[number].clone(), webpki(&cases[number])];
        for (judge, said) in
            JUDGES.iter().zip(&verdicts).filter_map(|(judge, said)| Some((judge, said.as_ref()?)))
        {
            let missing =
                missing(&format!("check: {judge}: {}", cases[number].label), clients_of(judge), said);
            assert!(missing.is_empty(), "{judge} does not say {missing:?}: {said}");
        }
        (verdicts, devca(home, &folder, name))
    })
}

#[test]
fn check_agrees_with_all_four_verifiers() {
    let home = Home::new();
    let cases = cases::all();
    let all = judged(&home, &cases);
    let (mut good, mut bad, mut false_alarms, mut missed) = (0, 0, Vec::new(), Vec::new());
    for (number, (verdicts, found)) in all.iter().enumerate() {
        let refusals = verdicts.iter().flatten().count();
        let tell = || format!("{number} {}: {:?} {verdicts:?}", cases[number].label, found.ids);
        match (refusals, found.ids.is_empty()) {
            (0, is_passed) => {
                good += 1;
                if !is_passed {
                    false_alarms.push(format!("{}\n{:#}", tell(), found.document["findings"]));
                }
            }
            (4, is_passed) => {
                bad += 1;
                if is_passed {
                    missed.push(tell());
                }
            }
            _ => {}
        }
    }
    for (judge, name) in JUDGES.iter().enumerate() {
        let mut wrong = Vec::new();
        for (number, (verdicts, found)) in all.iter().enumerate() {
            let refuses = found.foretells(name);
            if refuses != verdicts[judge].is_some() {
                let side = if refuses { "foretold, and accepts" } else { "not foretold, and refuses" };
                wrong.push(format!(
                    "  {number} {}: {side}: {:?} {:?}",
                    cases[number].label, found.ids, verdicts[judge]
                ));
            }
        }
        println!("{name}: {} of {} foretold", cases.len() - wrong.len(), cases.len());
        // If clients differ, devca says which ones reject the chain. If several things are wrong at once,
        // some clients behave in ways that are not predicted.
        assert!(wrong.len() * 100 < cases.len() * 4, "{name}:\n{}", wrong.join("\n"));
    }
    let count = |judge: usize| all.iter().filter(|(verdicts, _)| verdicts[judge].is_none()).count();
    println!("{} chains; all four accept {good}, all four refuse {bad}", cases.len());
    for (judge, name) in JUDGES.iter().enumerate() {
        println!("{name} accepts {}", count(judge));
    }
    println!("devca passes {}", all.iter().filter(|(_, found)| found.ids.is_empty()).count());
    println!(
        "accepted by all and faulted: {}; refused by all and passed: {}",
        false_alarms.len(),
        missed.len()
    );
    assert!(
        false_alarms.is_empty() && missed.is_empty(),
        "{}\n\n{}",
        false_alarms.join("\n"),
        missed.join("\n")
    );
}
