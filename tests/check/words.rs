//! Finds the fault from a client's message.

use std::fs;

use devca::check::catalogue;

use super::bench::explained;
use super::common::refusals::refused;
use super::common::{Home, ok, project};

#[test]
fn all_words_of_the_catalogue_lead_to_their_fault() {
    let home = Home::new();
    for fault in catalogue::ALL {
        let ids = [fault.id, fault.title];
        for words in fault.words.iter().map(|words| words.says).chain(ids) {
            let explained = explained(&home, words);
            let found = explained["faults"].as_array().unwrap();
            assert!(found.iter().any(|found| found["id"] == fault.id), "{words}: {explained:#}");
        }
    }
}

#[test]
fn pasted_lines_lead_to_the_fault() {
    let home = Home::new();
    for (line, id) in [
        (
            "curl: (60) SSL certificate problem: unable to get local issuer certificate",
            "missing-intermediate",
        ),
        ("curl: (60) SSL certificate problem: self signed certificate", "self-signed"),
        // What servers log when a client rejects their certificate.
        (
            "http: TLS handshake error from 127.0.0.1:5: remote error: tls: unknown certificate",
            "rejected-by-client",
        ),
        ("http: TLS handshake error from [::1]:5: remote error: tls: bad certificate", "rejected-by-client"),
        (
            "ssl.SSLError: [SSL: SSLV3_ALERT_CERTIFICATE_UNKNOWN] sslv3 alert certificate unknown",
            "rejected-by-client",
        ),
        ("ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN", "rejected-by-client"),
        (
            "SSL_do_handshake() failed (SSL: error:0A000416:SSL routines::sslv3 alert certificate unknown:SSL alert \
             number 46) while SSL handshaking, client: 127.0.0.1",
            "rejected-by-client",
        ),
        ("received fatal alert: UnknownCA", "rejected-by-client"),
        ("schannel: SEC_E_UNTRUSTED_ROOT (0x80090325)", "untrusted-root"),
        ("schannel: CRYPT_E_NO_REVOCATION_CHECK (0x80092012)", "crl-unusable"),
        (
            "java.security.cert.CertPathValidatorException: Trust anchor for certification path not found.",
            "untrusted-root",
        ),
        ("Error Domain=NSURLErrorDomain Code=-1202", "untrusted-root"),
        ("x509: “localhost” certificate is not trusted", "untrusted-root"),
        ("TypeError: fetch failed", "refused"),
        ("curl: (60)", "refused"),
        ("error:1E08010C:DECODER routines::unsupported", "unreadable-file"),
        ("SEC_ERROR_REUSED_ISSUER_AND_SERIAL", "replaced-root"),
        // Colors, a typo, and a truncated message.
        ("\u{1b}[31mError: \u{1b}[1mself-signed\u{1b}[0m certificate", "self-signed"),
        ("CERT_HAS_EXPIRD", "expired"),
        ("ERR_CERT_AUTHORITY_INVALI", "untrusted-root"),
        ("DEPTH_ZERO", "self-signed"),
        ("net::ERR_CERT_DATE_INVALID", "expired"),
        ("ERR_CERT_AUTHORITY_INVALID", "untrusted-root"),
        ("Error code: SSL_ERROR_BAD_CERT_DOMAIN", "name-mismatch"),
        ("unable_to_verify_leaf_signature", "missing-intermediate"),
        ("x509: certificate is valid for localhost, not app.test", "name-mismatch"),
        ("verify error:num=21:unable to verify the first certificate", "missing-intermediate"),
        ("Error: unable to verify the first certificate", "untrusted-root"),
        (
            "ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed",
            "refused",
        ),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired", "expired"),
        ("javax.net.ssl.SSLHandshakeException: Received fatal alert: handshake_failure", "protocol-too-old"),
        (
            "fatal: unable to access 'https://localhost/': server certificate verification failed. CAfile: none CRLfile: none",
            "refused",
        ),
        ("ERROR: The certificate of ‘localhost’ doesn't have a known issuer.", "untrusted-root"),
        ("The certificate's owner does not match hostname ‘localhost’", "name-mismatch"),
        (
            "psql: error: server certificate for \"app.test\" does not match host name \"localhost\"",
            "name-mismatch",
        ),
        ("invalid peer certificate: NotValidForName", "name-mismatch"),
        ("remote error: tls: handshake failure", "protocol-too-old"),
        ("Error code: SSL_ERROR_NO_CYPHER_OVERLAP", "protocol-too-old"),
        ("curl: (35) error:0A000458:SSL routines::tlsv1 unrecognized name", "name-mismatch"),
        ("curl: (6) Could not resolve host: app.test", "unresolved-name"),
        ("Error: getaddrinfo ENOTFOUND app.test", "unresolved-name"),
        ("FileNotFoundError: [Errno 2] No such file or directory", "unreadable-file"),
        ("TLS peer's certificate is not trusted; reason = Hostname mismatch", "name-mismatch"),
        ("Status: The certificate is NOT trusted. The certificate chain uses insecure algorithm.", "weak"),
        ("curl: (28) Connection timed out after 5001 milliseconds", "no-answer"),
        ("curl: (35) Recv failure: Connection reset by peer", "no-answer"),
        ("curl: (52) Empty reply from server", "plain-client"),
        ("curl: (58) could not load PEM client certificate, OpenSSL error", "unreadable-file"),
        ("curl: (77) error setting certificate verify locations:  CAfile: x.pem", "unreadable-file"),
        ("Client network socket disconnected before secure TLS connection was established", "no-answer"),
        ("ssl.SSLEOFError: [SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred", "no-answer"),
        ("Secure Connection Failed: PR_END_OF_FILE_ERROR", "no-answer"),
        ("Error code: ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE", "client-certificate-required"),
        ("tls: client didn't provide a certificate", "client-certificate-required"),
        ("nginx: [emerg] cannot load certificate \"/etc/x.pem\": BIO_new_file() failed", "unreadable-file"),
        ("error 24 at 1 depth lookup: invalid CA certificate", "not-a-ca"),
        ("error 25 at 1 depth lookup: path length constraint exceeded", "path-too-long"),
        ("error 12 at 0 depth lookup: CRL has expired", "crl-unusable"),
        ("This site can’t provide a secure connection ERR_SSL_KEY_USAGE_INCOMPATIBLE", "wrong-key-usage"),
    ] {
        let explained = explained(&home, line);
        let found = explained["faults"].as_array().unwrap();
        assert!(found.iter().any(|found| found["id"] == id), "{line}: {explained:#}");
    }
}

#[test]
fn the_likeliest_comes_first_and_logs_are_read_from_standard_input() {
    let home = Home::new();
    let first = |line: &str| explained(&home, line)["faults"][0]["id"].as_str().unwrap().to_owned();
    for line in ["unable to verify the first certificate", "unable to get local issuer certificate"] {
        assert_eq!(first(line), "untrusted-root", "{line}");
    }
    let go = "http: TLS handshake error from 127.0.0.1:5: remote error: tls: unknown certificate authority";
    assert_eq!(first(go), "rejected-by-client");
    assert_eq!(first("remote error: tls: unknown certificate authority"), "client-certificate-refused");
    let redis = "# Error accepting a client connection: error:0A000418:SSL routines::tlsv1 alert unknown ca (conn: fd=8)";
    assert_eq!(first(redis), "rejected-by-client");
    // Node's client closes the connection without an alert.
    assert_eq!(first("http: TLS handshake error from 127.0.0.1:5: EOF"), "rejected-by-client");
    let plain = "http: TLS handshake error from 127.0.0.1:5: tls: client didn't provide a certificate";
    assert_eq!(first(plain), "client-certificate-required");

    std::fs::write(home.file("log"), format!("listening\n{go}\n")).unwrap();
    let log = std::fs::File::open(home.file("log")).unwrap();
    let output = home.devca(["explain"]).stdin(log).output().unwrap();
    let said = super::common::words(&output);
    assert!(
        output.status.success() && said.contains("the client rejected this server's certificate"),
        "{said}"
    );
    assert!(said.lines().all(|line| line.chars().count() <= 80), "{said}");
}

#[test]
fn what_is_found_on_this_machine_decides_which_cause_is_first() {
    let home = Home::new();
    let line = "UNABLE_TO_VERIFY_LEAF_SIGNATURE";
    let here = |line: &str, id: &str| {
        let explained = explained(&home, line);
        let faults = explained["faults"].as_array().unwrap().clone();
        let fault = faults.iter().find(|fault| fault["id"] == id).unwrap();
        (faults.last().unwrap()["id"].clone(), fault["here"].as_str().unwrap_or_default().to_owned())
    };
    assert!(here(line, "untrusted-root").1.contains("no root yet: run devca install"));
    home.ok(["issue", "localhost"]);
    let (last, said) = here(line, "untrusted-root");
    assert!(said.contains("is not in the system store") && said.contains("run devca install"), "{said}");
    assert!(said.contains("needs devca run -- PROGRAM"), "{said}");
    assert_eq!(last, "key-id-mismatch");
    assert!(here(line, "missing-intermediate").1.contains("has no intermediate"));
    assert!(here(line, "replaced-root").1.contains("no certificate of an earlier root"));
    // An unlikely cause takes two lines.
    let printed = home.ok(["explain", line]);
    assert!(printed.contains("unlikely here: your CA has no intermediate"), "{printed}");
    assert!(!printed.contains("sends its certificate without the intermediate"), "{printed}");

    std::fs::remove_file(home.root()).unwrap();
    std::fs::remove_file(home.ca().join("root-key.pem")).unwrap();
    // The inventory has whole seconds: the next root must be of a later one than the certificate.
    let second = || std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let issued = second();
    super::common::wait_until("the next second", || second() > issued);
    home.ok(["issue", "other.test"]);
    let said = here(line, "replaced-root").1;
    assert!(said.contains("localhost.pem was issued by an earlier root"), "{said}");
    // The other CA is unaffected, and the commands name it.
    let other = home.ok(["--ca", "clients", "explain", line]);
    assert!(other.contains("devca --ca clients install"), "{other}");
}

/// The current folder is looked at, whatever else is in it.
#[test]
fn certificates_in_the_folder_are_found() {
    let home = Home::new();
    let here = |line: &str| {
        let first = explained(&home, line)["faults"][0].clone();
        let here = first["here"].as_str().unwrap_or_default().to_owned();
        (first["id"].as_str().unwrap().to_owned(), here)
    };
    let missing = "Error: ENOENT: no such file or directory, open 'localhost.pem'";
    assert!(here(missing).1.contains("the current folder has no certificate"));
    for trap in ["endless.pem", "pipe.pem"] {
        let path = home.file(trap);
        match trap {
            "endless.pem" => std::os::unix::fs::symlink("/dev/zero", path).unwrap(),
            _ => drop(ok("mkfifo", [path])),
        }
    }
    fs::create_dir(home.file("folder.pem")).unwrap();
    fs::write(
        home.file("a \u{1b}[31m.crt"),
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    fs::write(home.file("huge.pem"), vec![b'x'; 4 << 20]).unwrap();
    assert_eq!(here("CERT_HAS_EXPIRED"), ("expired".into(), String::new()));
    home.ok(["issue", "old.test", "--not-after", "2026-01-31"]);
    let expired = &explained(&home, "CERT_HAS_EXPIRED")["faults"][0];
    assert_eq!(expired["here"], "./old.test.pem expired on 2026-01-31");
    assert_eq!(expired["hints"][0], "devca renew ./old.test.pem");
    assert!(here("ERR_TLS_CERT_ALTNAME_INVALID").1.contains("./old.test.pem is for old.test"));
    assert!(here(missing).1.contains("./old.test-key.pem, ./old.test.pem"), "{}", here(missing).1);

    let unknown = "x509: certificate signed by unknown authority";
    assert_eq!(here(unknown).0, "untrusted-root");
    let arguments = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let key = home.file("self.key").display().to_string();
    let own = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", &key, "-out"];
    let file = home.file("self.crt").display().to_string();
    ok("openssl", arguments.iter().chain(&own).copied().chain([&*file]));
    assert_eq!(here(unknown), ("self-signed".into(), "./self.crt is self-signed".into()));
}

#[test]
fn lines_that_only_say_that_a_connection_was_closed_lead_to_boringssl() {
    let home = Home::new();
    for (line, id) in [
        ("grpc: UNAVAILABLE: Socket closed", "client-without-san"),
        ("curl: (52) Empty reply from server", "client-without-san"),
        ("Error: internal error; reference = 0a1b2c3d", "constrained-addresses"),
    ] {
        let explained = explained(&home, line);
        let faults = explained["faults"].as_array().unwrap();
        assert!(faults.iter().any(|fault| fault["id"] == id), "{line}: {explained:#}");
    }
}

#[test]
fn unknown_messages_are_an_error_with_a_hint() {
    let home = Home::new();
    for words in ["", " ", "x", "it does not work", "\u{1f980}", "SSL", "error", "a"] {
        refused(&home, ["explain", words], 1, "no known TLS error message contains");
    }
    refused(&home, ["explain"], 2, "no message was given");
}

#[test]
fn the_page_on_troubleshooting_is_the_catalogue() {
    let page = fs::read_to_string(project().join("docs/troubleshooting.md")).unwrap();
    let printed = Home::new().ok(["explain", "--all"]);
    assert!(page == printed, "write it again: devca explain --all > docs/troubleshooting.md");
}
