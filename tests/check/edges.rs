//! Chains with one rare property each, most of them judged differently by the verifiers. No prediction may be wrong.

use super::cases::{Case, Property, case, plain, rename};
use super::common::Home;
use super::differences::all_are_foretold;
use super::forge::{
    AUTHORITY_KEY_ID, BASIC_CONSTRAINTS, Draft, EXTENDED_KEY_USAGE, KEY_USAGE, SERVER, der, directory, dns,
    email, ip, oid, sequence, uri, usages,
};

/// A chain from a leaf to a root, changed in some way.
type Edge = (&'static str, fn(&mut [Draft]));

/// A leaf for some names, and the name that the client wants.
fn names(names: &[Vec<u8>], wanted: &'static str) -> Case {
    let mut chain = plain(0);
    chain[0].set_names(names);
    Case {
        name: wanted,
        ..case(
            format!("{:?} for {wanted}", String::from_utf8_lossy(&names.concat())),
            &chain[..1],
            &chain[1..],
        )
    }
}

/// A leaf with these common names and other names, and the name that the client wants.
fn common_name(subject: &str, names: &[Vec<u8>], wanted: &'static str) -> Case {
    let mut chain = plain(0);
    chain[0].subject = subject.into();
    if names.is_empty() {
        chain[0].remove(super::forge::ALTERNATIVE_NAMES);
    } else {
        chain[0].set_names(names);
    }
    Case {
        name: wanted,
        ..case(
            format!("{subject} beside {:?} for {wanted}", String::from_utf8_lossy(&names.concat())),
            &chain[..1],
            &chain[1..],
        )
    }
}

#[test]
fn clients_that_accept_a_name_are_predicted() {
    let mapped: [u8; 16] = "::ffff:127.0.0.1".parse::<std::net::Ipv6Addr>().unwrap().octets();
    let cases = [
        names(&[dns("*.app.test")], "x.app.test"),
        names(&[dns("*.app.test")], "app.test"),
        names(&[dns("*.app.test")], "a.b.app.test"),
        names(&[dns("*.app.test")], "xn--bcher-kva.app.test"),
        names(&[dns("a*.app.test")], "ab.app.test"),
        names(&[dns("*a.app.test")], "ba.app.test"),
        names(&[dns("a*c.app.test")], "abc.app.test"),
        names(&[dns("a*.app.test")], "a.app.test"),
        names(&[dns("x.*.test")], "x.y.test"),
        names(&[dns("*.*.test")], "x.y.test"),
        names(&[dns("*.test")], "app.test"),
        names(&[dns("xn--*.app.test")], "xn--bcher-kva.app.test"),
        names(&[dns("*.my_app.test")], "x.my_app.test"),
        names(&[dns("app.test")], "APP.TEST"),
        names(&[dns("app.test")], "app.test."),
        names(&[dns("app.test.")], "app.test"),
        names(&[dns("*.app.test")], "x.app.test."),
        names(&[dns("127.0.0.1")], "127.0.0.1"),
        names(&[ip(&[127, 0, 0, 1])], "127.0.0.1"),
        names(&[ip(&[127, 0, 0, 2])], "127.0.0.1"),
        names(&[ip(&mapped)], "127.0.0.1"),
        names(&[ip(&[127, 0, 0, 1])], "::ffff:127.0.0.1"),
        common_name("app.test", &[], "app.test"),
        common_name("other.test", &[], "app.test"),
        common_name("127.0.0.1", &[], "127.0.0.1"),
        common_name("app.test/b.test", &[], "app.test"),
        common_name("b.test/app.test", &[], "app.test"),
        common_name("app.test", &[ip(&[127, 0, 0, 1])], "app.test"),
        common_name("app.test", &[email("a@b.test")], "app.test"),
        common_name("app.test", &[uri("spiffe://x")], "app.test"),
        common_name("*.app.test", &[uri("spiffe://x")], "a.app.test"),
    ];
    all_are_foretold(&Home::new(), &cases);
}

/// Each change, made to the leaf, the intermediate and the root in turn.
fn at_each_place(changes: &[Property]) -> Vec<Case> {
    let mut cases = Vec::new();
    for (what, change) in changes {
        for (at, place) in ["leaf", "intermediate", "root"].iter().enumerate() {
            let mut chain = plain(1);
            change(&mut chain[at]);
            cases.push(case(format!("{place}: {what}"), &chain[..2], &chain[2..]));
        }
    }
    cases
}

#[test]
fn clients_that_reject_a_usage_or_extension_are_predicted() {
    let changes: &[Property] = &[
        ("for Netscape's Server Gated Crypto", |draft| {
            draft.set(EXTENDED_KEY_USAGE, false, &usages(&["2.16.840.1.113730.4.1"]));
        }),
        ("for Microsoft's Server Gated Crypto", |draft| {
            draft.set(EXTENDED_KEY_USAGE, false, &usages(&["1.3.6.1.4.1.311.10.3.3"]));
        }),
        ("for both", |draft| {
            let both = ["2.16.840.1.113730.4.1", "1.3.6.1.4.1.311.10.3.3"];
            draft.set(EXTENDED_KEY_USAGE, false, &usages(&both));
        }),
        ("for Server Gated Crypto and servers", |draft| {
            draft.set(EXTENDED_KEY_USAGE, false, &usages(&["2.16.840.1.113730.4.1", SERVER]));
        }),
        ("for OCSP", |draft| draft.set(EXTENDED_KEY_USAGE, false, &usages(&["1.3.6.1.5.5.7.3.9"]))),
        ("a precertificate's poison", |draft| draft.set("1.3.6.1.4.1.11129.2.4.3", true, &der(5, &[]))),
        ("a critical list of CRLs", |draft| {
            let place = der(0xa0, &der(0xa0, &uri("http://127.0.0.1:1/a.crl")));
            draft.set("2.5.29.31", true, &sequence(&[sequence(&[place])]));
        }),
        ("critical access to its issuer", |draft| {
            let access = sequence(&[oid("1.3.6.1.5.5.7.48.2"), uri("http://127.0.0.1:1/a.crt")]);
            draft.set("1.3.6.1.5.5.7.1.1", true, &sequence(&[access]));
        }),
        ("a critical alternative name of its issuer", |draft| {
            draft.set("2.5.29.18", true, &sequence(&[dns("app.test")]));
        }),
        ("a critical key identifier", |draft| {
            let number = u8::try_from(draft.key).unwrap();
            draft.set(super::forge::SUBJECT_KEY_ID, true, &der(4, &[number; 20]));
        }),
        ("the serial number of another issuer", |draft| {
            let key = der(0x80, &[u8::try_from(draft.signer).unwrap(); 20]);
            let issuer = der(0xa1, &directory(&draft.issuer));
            draft.set(AUTHORITY_KEY_ID, false, &sequence(&[key, issuer, der(0x82, &[99])]));
        }),
    ];
    let mut cases = at_each_place(changes);
    for is_critical in [true, false] {
        let mut chain = plain(1);
        chain[0].set("1.3.6.1.5.5.7.1.24", is_critical, &sequence(&[der(2, &[5])]));
        cases.push(case(format!("a TLS feature, critical: {is_critical}"), &chain[..2], &chain[2..]));
    }
    all_are_foretold(&Home::new(), &cases);
}

/// What a CA requires of the handshake, certificates below it must require, too.
#[test]
fn clients_that_need_a_missing_tls_feature_are_predicted() {
    fn set(draft: &mut Draft, features: Option<&[u8]>) {
        let Some(features) = features else { return };
        let listed: Vec<Vec<u8>> = features.iter().map(|feature| der(2, &[*feature])).collect();
        draft.set("1.3.6.1.5.5.7.1.24", false, &sequence(&listed));
    }
    let lists: [Option<&[u8]>; 5] = [None, Some(&[5]), Some(&[17]), Some(&[5, 17]), Some(&[])];
    let mut cases = Vec::new();
    for of_leaf in lists {
        for of_middle in lists {
            for of_root in [None, Some(&[5][..]), Some(&[])] {
                let mut chain = plain(1);
                let features = [of_leaf, of_middle, of_root];
                chain.iter_mut().zip(features).for_each(|(draft, features)| set(draft, features));
                cases.push(case(format!("TLS features {features:?}"), &chain[..2], &chain[2..]));
            }
        }
    }
    for (at, place) in ["leaf", "intermediate", "root"].iter().enumerate() {
        for below in [None, Some(&[5][..])] {
            let mut chain = plain(1);
            chain.iter_mut().take(at).for_each(|draft| set(draft, below));
            chain[at].set("1.3.6.1.5.5.7.1.24", false, &der(4, &[]));
            cases.push(case(format!("{place}: damaged TLS features"), &chain[..2], &chain[2..]));
        }
    }
    all_are_foretold(&Home::new(), &cases);
}

#[test]
fn clients_that_reject_a_name_below_a_constraint_are_predicted() {
    let permits = |name: Vec<u8>| (vec![name], Vec::new());
    let excludes = |name: Vec<u8>| (Vec::new(), vec![name]);
    let printable = |text: &str| {
        let attribute = sequence(&[oid("2.5.4.3"), der(0x13, text.as_bytes())]);
        der(0xa4, &sequence(&[der(0x31, &attribute)]))
    };
    let localhost = ip(&[127, 0, 0, 0, 255, 0, 0, 0]);
    let six: Vec<u8> = ip(&[&[0; 15][..], &[1]].concat());
    let mut cases = Vec::new();
    for (what, (permitted, excluded), name) in [
        ("another encoding of a directory name", permits(printable("leaf")), dns("app.test")),
        ("another case of a directory name", permits(directory("LEAF")), dns("app.test")),
        ("another directory name, excluded", excludes(printable("leaf")), dns("app.test")),
        ("IPv6 below a range of IPv4", permits(localhost.clone()), six.clone()),
        ("IPv6 below an excluded range of IPv4", excludes(localhost.clone()), six),
        ("IPv4 outside its range", permits(localhost), ip(&[10, 0, 0, 1])),
        ("a URI below its host", permits(uri(".test")), uri("https://a.test/x")),
        ("a URI of another host", permits(uri("test")), uri("spiffe://other/x")),
        ("a URI without a host, permitted", permits(uri("test")), uri("urn:foo")),
        ("a URI without a host, excluded", excludes(uri("evil")), uri("devca:client:alice")),
        ("a URI with an empty host, excluded", excludes(uri("evil")), uri("https:///x")),
        ("a URI of an address, excluded", excludes(uri("evil")), uri("https://127.0.0.1/x")),
        ("a URI of another host, excluded", excludes(uri("evil")), uri("https://a.test/x")),
        ("an email address, excluded", excludes(email("b.test")), email("a@b.test")),
        ("a boundary inside a label", permits(dns("est")), dns("app.test")),
        ("upper case", permits(dns("TEST")), dns("app.test")),
        ("a wildcard at a constraint", permits(dns("x.app.test")), dns("*.app.test")),
        ("a wildcard around an excluded name", excludes(dns("x.app.test")), dns("*.app.test")),
        ("a wildcard inside a constraint", permits(dns("app.test")), dns("*.app.test")),
    ] {
        for (at, place) in [(1, "intermediate"), (2, "root")] {
            let mut chain = plain(1);
            chain[at].set_constraints(&permitted, &excluded);
            chain[0].set_names(&[dns("app.test"), name.clone()]);
            cases.push(case(format!("{place}: {what}"), &chain[..2], &chain[2..]));
        }
    }
    all_are_foretold(&Home::new(), &cases);
}

#[test]
fn errors_of_clients_that_count_self_issued_certificates_are_predicted() {
    const EDGES: &[Edge] = &[
        ("a self-issued CA below a root of path length 0", |chain| {
            chain[2].set(BASIC_CONSTRAINTS, true, &sequence(&[der(1, &[0xff]), der(2, &[0])]));
            chain[1].subject = chain[2].subject.clone();
        }),
        ("a self-issued CA below a root of path length 1", |chain| {
            chain[2].set(BASIC_CONSTRAINTS, true, &sequence(&[der(1, &[0xff]), der(2, &[1])]));
            chain[1].subject = chain[2].subject.clone();
        }),
        ("a CA with a path length and no right to sign", |chain| {
            chain[1].set(BASIC_CONSTRAINTS, true, &sequence(&[der(1, &[0xff]), der(2, &[0])]));
            chain[1].set(KEY_USAGE, true, &der(3, &[7, 0x80]));
        }),
    ];
    let mut cases: Vec<Case> = EDGES
        .iter()
        .map(|(what, change)| {
            let mut chain = plain(1);
            change(&mut chain);
            rename(&mut chain);
            case(*what, &chain[..2], &chain[2..])
        })
        .collect();
    let mut chain = plain(2);
    chain[2].set(BASIC_CONSTRAINTS, true, &sequence(&[der(1, &[0xff]), der(2, &[0])]));
    chain[1].subject = chain[2].subject.clone();
    rename(&mut chain);
    cases.push(case("a self-issued CA below an intermediate of path length 0", &chain[..3], &chain[3..]));
    all_are_foretold(&Home::new(), &cases);
}

/// Found by random chains: what the four verifiers accept must not be faulted.
#[test]
fn clients_that_reject_an_unusual_root_are_predicted() {
    const EDGES: &[Edge] = &[
        ("a version 1 root with a bad signature", |chain| {
            chain[1].version = 0;
            chain[1].extensions.clear();
            chain[1].has_bad_signature = true;
        }),
        ("a root without basic constraints and with a bad signature", |chain| {
            chain[1].remove(BASIC_CONSTRAINTS);
            chain[1].has_bad_signature = true;
        }),
        ("a root with a bad signature that may not sign", |chain| {
            chain[1].set(KEY_USAGE, true, &der(3, &[7, 0x80]));
            chain[1].has_bad_signature = true;
        }),
        ("a root with a negative path length", |chain| {
            chain[1].set(BASIC_CONSTRAINTS, true, &sequence(&[der(1, &[0xff]), der(2, &[0xff])]));
        }),
        ("a root with damaged basic constraints", |chain| {
            chain[1].set(BASIC_CONSTRAINTS, true, &[0x30, 3, 1, 2, 3]);
        }),
        ("a long label below a constraint of another kind", |chain| {
            chain[1].set_constraints(&[uri("app.test")], &[]);
            chain[0].set_names(&[dns("app.test"), dns(&format!("{}.test", "a".repeat(70)))]);
        }),
        ("a long label below a constraint of its kind", |chain| {
            chain[1].set_constraints(&[dns("test")], &[]);
            chain[0].set_names(&[dns("app.test"), dns(&format!("{}.test", "a".repeat(70)))]);
        }),
        ("unusual letters below a constraint of another kind", |chain| {
            chain[1].set_constraints(&[uri("app.test")], &[]);
            chain[0].set_names(&[dns("app.test"), dns("a!b.test")]);
        }),
        ("a trailing dot below a constraint of another kind", |chain| {
            chain[1].set_constraints(&[uri("app.test")], &[]);
            chain[0].set_names(&[dns("app.test"), dns("b.test.")]);
        }),
    ];
    let cross = || {
        let mut cross = plain(0)[1].clone();
        (cross.issuer, cross.signer) = ("stranger".into(), 9);
        cross.set_authority_key_id(9);
        cross
    };
    let chain = plain(0);
    let root = chain[1].clone();
    let sent = [chain[0].clone(), cross()];
    let mut cases = vec![
        case("a cross-signed twin, sent and trusted after the root", &sent, &[root.clone(), cross()]),
        case("a cross-signed twin, sent and trusted before the root", &sent, &[cross(), root]),
    ];
    for at_twin in 1..4 {
        let mut chain = plain(2);
        let mut twin = chain[2].clone();
        twin.set(BASIC_CONSTRAINTS, true, &sequence(&[der(1, &[0xff]), der(2, &[0xff])]));
        cases.push(case(
            format!("{at_twin}: an intermediate with a negative path length"),
            &[chain[0].clone(), chain[1].clone(), twin.clone()],
            &chain[3..],
        ));
        let root = chain.pop().unwrap();
        chain.insert(at_twin, twin);
        cases.push(case(format!("{at_twin}: a twin with a negative path length"), &chain, &[root]));
    }
    cases.extend(EDGES.iter().map(|(what, change)| {
        let mut chain = plain(0);
        change(&mut chain);
        case(*what, &chain[..1], &chain[1..])
    }));
    all_are_foretold(&Home::new(), &cases);
}

/// Two trusted certificates with the same name and key: who takes the wrong one?
#[test]
fn clients_that_a_root_with_the_same_name_confuses_are_predicted() {
    const CHANGES: &[Property] = &[
        ("a constraint of an unknown kind", |draft| draft.set_constraints(&[der(0x8b, b"x")], &[])),
        ("damaged extended usages", |draft| draft.set(EXTENDED_KEY_USAGE, false, &[0x30, 9, 1])),
        ("a damaged key usage", |draft| draft.set(KEY_USAGE, true, &[3, 5, 1])),
        ("damaged basic constraints", |draft| draft.set(BASIC_CONSTRAINTS, true, &[0x30, 3, 1, 2, 3])),
        ("another key identifier", |draft| {
            draft.set(super::forge::SUBJECT_KEY_ID, false, &der(4, &[77; 20]));
        }),
        ("expired", |draft| draft.days = (-20, -10)),
    ];
    let mut cases = Vec::new();
    for (what, change) in CHANGES {
        let chain = plain(0);
        let mut twin = chain[1].clone();
        change(&mut twin);
        cases.push(case(format!("{what}, alone"), &chain[..1], std::slice::from_ref(&twin)));
        for sent in [&chain[..1], &chain[..]] {
            let label = format!("{what}, {} certificates sent", sent.len());
            cases.push(case(format!("{label}, the twin first"), sent, &[twin.clone(), chain[1].clone()]));
            cases.push(case(format!("{label}, the twin last"), sent, &[chain[1].clone(), twin.clone()]));
        }
    }
    all_are_foretold(&Home::new(), &cases);
}
