//! The messages of Chromium and Firefox.

use super::bench::{Pair, arguments, authority, ca, compare, findings, forged, issued, lax, serve, together};
use super::common::browsers::{chromium, chromium_database, firefox, firefox_profile};
use super::common::{Home, PAGE, words};

#[test]
fn browsers_show_the_predicted_errors() {
    let home = Home::new();
    chromium_database(&home);
    let profile = firefox_profile(&home);
    home.ok(["install", "--store", "nss"]);
    let root = Some(ca(&home));
    let stranger = Some(authority(&home, "stranger", None));
    let below = |name: &str, words: &[&str]| {
        let middle =
            forged(&home, &format!("{name}-ca"), root.as_ref(), &[words, &["cn=middle", "names="]].concat());
        let (leaf, key) = forged(&home, &format!("{name}-leaf"), Some(&middle), &[]);
        (together(&home, &format!("{name}.pem"), &[&leaf, &middle.0]), key)
    };
    let faults: [(&[&str], Pair); 20] = [
        (&[], issued(&home, "localhost", &[])),
        (&["name-mismatch"], issued(&home, "app.test", &[])),
        (&["expired"], forged(&home, "old", root.as_ref(), &["in=-30", "days=20"])),
        (&["expired"], below("old-ca", &["kind=ca", "in=-30", "days=20"])),
        (&["untrusted-root"], forged(&home, "theirs", stranger.as_ref(), &[])),
        (&["ca-as-leaf"], forged(&home, "ca", root.as_ref(), &["kind=ca"])),
        (&["not-a-ca"], below("no-ca", &["kind=none"])),
        (&["not-a-ca"], below("no-bit", &["kind=ca", "usage=digital_signature"])),
        (&["wrong-usage"], below("clients", &["kind=ca", "for=client"])),
        (&["wrong-usage"], forged(&home, "any", root.as_ref(), &["for=any"])),
        (&["unknown-extension"], forged(&home, "critical", root.as_ref(), &["critical=1"])),
        (&["wrong-key-usage"], forged(&home, "signer", root.as_ref(), &["usage=key_cert_sign"])),
        (&["wrong-key-usage"], forged(&home, "cipher", root.as_ref(), &["usage=key_encipherment"])),
        (&["must-staple"], forged(&home, "staple", root.as_ref(), &["feature=5"])),
        (&["must-staple"], forged(&home, "feature", root.as_ref(), &["feature=17"])),
        (&["malformed"], forged(&home, "damaged", root.as_ref(), &["feature=damaged"])),
        (&["must-staple", "must-staple"], below("stapling", &["kind=ca", "feature=5"])),
        (&["weak"], forged(&home, "short", root.as_ref(), &["rsa=1024"])),
        (&["weak"], forged(&home, "shorter", root.as_ref(), &["rsa=1016"])),
        (&["weak"], forged(&home, "sha1", root.as_ref(), &["sha1=1"])),
    ];
    for (expected, pair) in faults {
        let is_weak = expected == ["weak"];
        let server = if is_weak { lax(&pair, &[]) } else { serve(&pair) };
        let found = findings(&home, expected, &arguments(&home, "localhost", server.port));
        let (what, url) =
            (pair.0.file_stem().unwrap().to_string_lossy(), format!("https://localhost:{}/", server.port));
        let said = words(&chromium(&home, &url));
        let accepts = said.contains(if is_weak { "s_server" } else { PAGE });
        compare(&home, "Chromium", accepts, &said, &found, &what);
        let output = firefox(&home, &profile, &url);
        compare(&home, "Firefox", output.status.success(), &words(&output), &found, &what);
    }
}
