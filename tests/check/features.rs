//! TLS features (RFC 7633): who wants a stapled OCSP response.

use std::path::Path;

use super::bench::{
    Pair, arguments, authority, ca, findings, forged, lax, says_what_is_foretold, serve, together,
};
use super::common::clients::CLIENTS;
use super::common::{Home, Server, ok};

/// Serves a leaf and, if they are different, the CA above it, with an OCSP response that says the leaf is good.
fn stapled(home: &Home, leaf: &Pair, ca: &Pair) -> Server {
    let text = |path: &Path| path.display().to_string();
    let file = |name: &str| text(&home.file(name));
    let certificate = text(&leaf.0);
    let serial = ok("openssl", ["x509", "-noout", "-serial", "-in", &certificate]);
    let serial = serial.trim().trim_start_matches("serial=");
    std::fs::write(home.file("index"), format!("V\t351231235959Z\t\t{serial}\tunknown\t/CN=leaf\n")).unwrap();
    let (above, key) = (text(&ca.0), text(&ca.1));
    ok(
        "openssl",
        ["ocsp", "-issuer", &above, "-cert", &certificate, "-no_nonce", "-reqout", &file("request")],
    );
    let signer = ["-index", &file("index"), "-CA", &above, "-rsigner", &above, "-rkey", &key, "-ndays", "5"];
    let files = ["-reqin", &file("request"), "-respout", &file("response")];
    ok("openssl", ["ocsp"].iter().chain(&signer).chain(&files));
    let response = ["-status_file", &file("response")];
    if ca.0 == home.root() {
        return lax(leaf, &response);
    }
    lax(leaf, &[&["-cert_chain", &above][..], &response].concat())
}

fn is_foretold(home: &Home, server: &Server, expected: &[&str], what: &str) {
    let found = findings(home, expected, &arguments(home, "localhost", server.port));
    for client in CLIENTS {
        says_what_is_foretold(home, client, None, "localhost", server.port, &found, what);
    }
}

#[test]
fn errors_for_a_missing_stapled_response_are_predicted() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let root = ca(&home);
    let leaf = forged(&home, "leaf", Some(&root), &["feature=5"]);
    is_foretold(&home, &serve(&leaf), &["must-staple"], "must-staple");
    is_foretold(&home, &stapled(&home, &leaf, &root), &[], "must-staple, stapled");
    let other = forged(&home, "other", Some(&root), &["feature=17"]);
    is_foretold(&home, &serve(&other), &["must-staple"], "another feature");

    let plain = authority(&home, "plain", Some(&root));
    let leaf = forged(&home, "leaf", Some(&plain), &["feature=5"]);
    is_foretold(&home, &stapled(&home, &leaf, &plain), &[], "must-staple below an intermediate, stapled");

    let middle = forged(&home, "middle", Some(&root), &["kind=ca", "cn=middle", "names=", "feature=5"]);
    let below = |words: &[&str]| forged(&home, "leaf", Some(&middle), words);
    let chain = |(leaf, key): &Pair| (together(&home, "chain.pem", &[leaf, &middle.0]), key.clone());
    let lacking = chain(&below(&[]));
    is_foretold(&home, &serve(&lacking), &["must-staple"; 2], "a CA that requires must-staple");
    let leaf = below(&["feature=5"]);
    is_foretold(&home, &serve(&chain(&leaf)), &["must-staple"], "must-staple below a CA with it");
    // GnuTLS wants a response for the intermediate as well.
    is_foretold(&home, &stapled(&home, &leaf, &middle), &["must-staple"], "the same, stapled");
    let more = chain(&below(&["feature=5,17"]));
    is_foretold(&home, &serve(&more), &["must-staple"; 3], "more features than the CA's");
}
