//! Chains of every kind: each property at each position of a plain chain, and random networks of CAs with
//! such properties.

use super::forge::{
    ALTERNATIVE_NAMES, ANY, AUTHORITY_KEY_ID, BASIC_CONSTRAINTS, CLIENT, Draft, EXTENDED_KEY_USAGE,
    KEY_USAGE, NAME_CONSTRAINTS, SERVER, SUBJECT_KEY_ID, der, directory, dns, email, ip, oid, sequence, uri,
    usages,
};
use super::random;

/// What a server sends, leaf first, and what a client trusts.
pub(super) struct Case {
    pub(super) label: String,
    /// The name or address that the client wants.
    pub(super) name: &'static str,
    pub(super) sent: Vec<Vec<u8>>,
    pub(super) roots: Vec<Vec<u8>>,
}

/// A property that a certificate can have.
pub(super) type Property = (&'static str, fn(&mut Draft));

pub(super) const OF_ANY: &[Property] = &[
    ("expired", |draft| draft.days = (-20, -10)),
    ("not valid yet", |draft| draft.days = (10, 20)),
    ("valid until 2060", |draft| draft.days.1 = 13_000),
    ("a bad signature", |draft| draft.has_bad_signature = true),
    ("two signature algorithms", |draft| draft.inner_algorithm = "1.2.840.10045.4.3.3"),
    ("an explicit curve", |draft| draft.has_explicit_curve = true),
    ("version 1 without extensions", |draft| {
        draft.version = 0;
        draft.extensions.clear();
    }),
    ("version 1 with extensions", |draft| draft.version = 0),
    ("no extensions", |draft| draft.extensions.clear()),
    ("a trailer", |draft| draft.trailer = vec![0; 3]),
    ("a negative serial number", |draft| draft.serial = vec![0x80, 1]),
    ("serial number 0", |draft| draft.serial = vec![0]),
    ("a serial number of 30 octets", |draft| draft.serial = vec![1; 30]),
    ("an unknown critical extension", |draft| draft.set("1.3.6.1.4.1.55555.2", true, &der(5, &[]))),
    ("an unknown extension", |draft| draft.set("1.3.6.1.4.1.55555.2", false, &der(5, &[]))),
    ("critical policies", |draft| {
        let policy = sequence(&[sequence(&[oid("2.23.140.1.2.1")])]);
        draft.set("2.5.29.32", true, &policy);
    }),
    ("critical inhibitAnyPolicy", |draft| draft.set("2.5.29.54", true, &der(2, &[1]))),
    ("critical policyConstraints", |draft| draft.set("2.5.29.36", true, &sequence(&[der(0x81, &[1])]))),
    ("an explicit policy demanded", |draft| draft.set("2.5.29.36", true, &sequence(&[der(0x80, &[0])]))),
    ("a Netscape type", |draft| draft.set("2.16.840.1.113730.1.1", false, &der(3, &[6, 0x40]))),
    ("a basic constraints extension twice", |draft| {
        let doubled: Vec<_> =
            draft.extensions.iter().filter(|e| e.oid == BASIC_CONSTRAINTS).cloned().collect();
        draft.extensions.extend(doubled);
    }),
    ("a key usage extension twice", |draft| {
        let doubled: Vec<_> = draft.extensions.iter().filter(|e| e.oid == KEY_USAGE).cloned().collect();
        draft.extensions.extend(doubled);
    }),
    ("no key identifiers", |draft| {
        draft.remove(SUBJECT_KEY_ID);
        draft.remove(AUTHORITY_KEY_ID);
    }),
    ("another authority key identifier", |draft| draft.set_authority_key_id(99)),
    ("another issuer and serial number in the authority key identifier", |draft| {
        let key = der(0x80, &[u8::try_from(draft.signer).unwrap(); 20]);
        let issuer = der(0xa1, &directory("nobody"));
        draft.set(AUTHORITY_KEY_ID, false, &sequence(&[key, issuer, der(0x82, &[99])]));
    }),
    ("another subject key identifier", |draft| draft.set(SUBJECT_KEY_ID, false, &der(4, &[77; 20]))),
    ("a damaged key usage", |draft| draft.set(KEY_USAGE, true, &[3, 5, 1])),
    ("an empty key usage", |draft| draft.set(KEY_USAGE, true, &der(3, &[0]))),
    ("damaged extended usages", |draft| draft.set(EXTENDED_KEY_USAGE, false, &[0x30, 9, 1])),
    ("no extended usage", |draft| draft.set(EXTENDED_KEY_USAGE, false, &usages(&[]))),
    ("for clients", |draft| draft.set(EXTENDED_KEY_USAGE, false, &usages(&[CLIENT]))),
    ("for clients, critically", |draft| draft.set(EXTENDED_KEY_USAGE, true, &usages(&[CLIENT]))),
    ("for servers", |draft| draft.set(EXTENDED_KEY_USAGE, true, &usages(&[SERVER]))),
    ("for anything", |draft| draft.set(EXTENDED_KEY_USAGE, false, &usages(&[ANY]))),
    ("for code", |draft| draft.set(EXTENDED_KEY_USAGE, false, &usages(&["1.3.6.1.5.5.7.3.3"]))),
    ("damaged basic constraints", |draft| draft.set(BASIC_CONSTRAINTS, true, &[0x30, 3, 1, 2, 3])),
    ("basic constraints with CA:FALSE", |draft| draft.set(BASIC_CONSTRAINTS, true, &sequence(&[]))),
];

pub(super) const OF_LEAF: &[Property] = &[
    ("CA:TRUE", |draft| draft.set(BASIC_CONSTRAINTS, true, &sequence(&[der(1, &[0xff])]))),
    ("no digitalSignature", |draft| draft.set(KEY_USAGE, true, &der(3, &[5, 0x20]))),
    ("keyCertSign only", |draft| draft.set(KEY_USAGE, true, &der(3, &[2, 0x04]))),
    ("another name", |draft| draft.set_names(&[dns("other.test")])),
    ("two names", |draft| draft.set_names(&[dns("other.test"), dns("app.test")])),
    ("a wildcard of a top-level name", |draft| draft.set_names(&[dns("*.test")])),
    ("a wildcard for all", |draft| draft.set_names(&[dns("*")])),
    ("upper case", |draft| draft.set_names(&[dns("APP.Test")])),
    ("a trailing dot", |draft| draft.set_names(&[dns("app.test.")])),
    ("an address as DNS name", |draft| draft.set_names(&[dns("app.test"), dns("127.0.0.1")])),
    ("a name with an empty label", |draft| draft.set_names(&[dns("app.test"), dns("a..test")])),
    ("a name with a space", |draft| draft.set_names(&[dns("app.test"), dns("a b.test")])),
    ("an empty name", |draft| draft.set_names(&[dns("app.test"), dns("")])),
    ("a name that is not ASCII", |draft| draft.set_names(&[dns("app.test"), der(0x82, b"b\xfccher.test")])),
    ("a name in UTF-8", |draft| draft.set_names(&[dns("app.test"), dns("bücher.test")])),
    ("a name with a NUL", |draft| draft.set_names(&[dns("app.test\0.evil.test")])),
    ("a long label", |draft| draft.set_names(&[dns("app.test"), dns(&format!("{}.test", "a".repeat(70)))])),
    ("an address of 5 octets", |draft| draft.set_names(&[dns("app.test"), ip(&[1, 2, 3, 4, 5])])),
    ("an address of no octets", |draft| draft.set_names(&[dns("app.test"), ip(&[])])),
    ("an email address", |draft| draft.set_names(&[dns("app.test"), email("a@other.test")])),
    ("an e-mail address in its subject and none as name", |draft| {
        draft.subject = "leaf <a@other.test>".into();
    }),
    ("an e-mail address in its subject and another as name", |draft| {
        draft.subject = "leaf <a@other.test>".into();
        draft.set_names(&[dns("app.test"), email("a@mail.test")]);
    }),
    ("an e-mail address in its subject that is permitted as name", |draft| {
        draft.subject = "leaf <a@mail.test>".into();
    }),
    ("an e-mail address in its subject and no ASCII name", |draft| {
        draft.subject = "leaf <ä@mail.test>".into();
    }),
    ("a damaged e-mail address", |draft| draft.set_names(&[dns("app.test"), email("nobody")])),
    ("a URI", |draft| draft.set_names(&[dns("app.test"), uri("https://other.test/a")])),
    ("a damaged URI", |draft| draft.set_names(&[dns("app.test"), uri("%zz:")])),
    ("a directory name", |draft| draft.set_names(&[dns("app.test"), directory("other")])),
    ("an OID as name", |draft| draft.set_names(&[dns("app.test"), der(0x88, &[0x2a, 3])])),
    ("a name of an unknown kind", |draft| draft.set_names(&[dns("app.test"), der(0x8b, b"x")])),
    ("no names", |draft| draft.remove(ALTERNATIVE_NAMES)),
    ("an empty list of names", |draft| draft.set_names(&[])),
    ("damaged names", |draft| draft.set(ALTERNATIVE_NAMES, false, &[0x30, 7, 1])),
    ("a common name alone", |draft| {
        draft.subject = "app.test".into();
        draft.remove(ALTERNATIVE_NAMES);
    }),
    ("a wildcard as common name alone", |draft| {
        draft.subject = "*.test".into();
        draft.remove(ALTERNATIVE_NAMES);
    }),
    ("an empty subject", |draft| draft.subject = String::new()),
    ("constraints", |draft| draft.set_constraints(&[dns("test")], &[])),
];

pub(super) const OF_CA: &[Property] = &[
    ("no basic constraints", |draft| draft.remove(BASIC_CONSTRAINTS)),
    ("basic constraints that are not critical", |draft| {
        draft.set(BASIC_CONSTRAINTS, false, &sequence(&[der(1, &[0xff])]));
    }),
    ("a path length of 0", |draft| {
        draft.set(BASIC_CONSTRAINTS, true, &sequence(&[der(1, &[0xff]), der(2, &[0])]));
    }),
    ("a path length of 1", |draft| {
        draft.set(BASIC_CONSTRAINTS, true, &sequence(&[der(1, &[0xff]), der(2, &[1])]));
    }),
    ("a negative path length", |draft| {
        draft.set(BASIC_CONSTRAINTS, true, &sequence(&[der(1, &[0xff]), der(2, &[0xff])]));
    }),
    ("no key usage", |draft| draft.remove(KEY_USAGE)),
    ("no keyCertSign", |draft| draft.set(KEY_USAGE, true, &der(3, &[1, 0x02]))),
    ("permits test", |draft| draft.set_constraints(&[dns("test")], &[])),
    ("permits .test", |draft| draft.set_constraints(&[dns(".test")], &[])),
    ("permits app.test and others", |draft| {
        draft.set_constraints(&[dns("other.test"), dns("app.test")], &[]);
    }),
    ("permits .app.test", |draft| draft.set_constraints(&[dns(".app.test")], &[])),
    ("permits other.test", |draft| draft.set_constraints(&[dns("other.test")], &[])),
    ("permits everything", |draft| draft.set_constraints(&[dns("")], &[])),
    ("excludes other.test", |draft| draft.set_constraints(&[], &[dns("other.test")])),
    ("excludes app.test", |draft| draft.set_constraints(&[], &[dns("app.test")])),
    ("excludes everything", |draft| draft.set_constraints(&[], &[dns("")])),
    ("permits and excludes test", |draft| draft.set_constraints(&[dns("test")], &[dns("test")])),
    ("permits an e-mail domain", |draft| draft.set_constraints(&[email("mail.test")], &[])),
    ("excludes an e-mail domain", |draft| draft.set_constraints(&[], &[email("other.test")])),
    ("permits addresses", |draft| draft.set_constraints(&[ip(&[10, 0, 0, 0, 255, 0, 0, 0])], &[])),
    ("permits addresses of version 6", |draft| draft.set_constraints(&[ip(&[0; 32])], &[])),
    ("excludes all addresses", |draft| draft.set_constraints(&[], &[ip(&[0; 8])])),
    ("permits a URI", |draft| draft.set_constraints(&[uri("app.test")], &[])),
    ("excludes a URI", |draft| draft.set_constraints(&[], &[uri("other.test")])),
    ("permits a directory name", |draft| draft.set_constraints(&[directory("leaf")], &[])),
    ("permits another directory name", |draft| draft.set_constraints(&[directory("nobody")], &[])),
    ("excludes a directory name", |draft| draft.set_constraints(&[], &[directory("leaf")])),
    ("excludes another directory name", |draft| draft.set_constraints(&[], &[directory("nobody")])),
    ("permits an OID as name", |draft| draft.set_constraints(&[der(0x88, &[0x2a, 3])], &[])),
    ("a constraint of 5 octets", |draft| draft.set_constraints(&[ip(&[10, 0, 0, 0, 255])], &[])),
    ("a mask with holes", |draft| draft.set_constraints(&[ip(&[10, 0, 0, 0, 255, 0, 255, 0])], &[])),
    ("a constraint with a wildcard", |draft| draft.set_constraints(&[dns("*.test"), dns("test")], &[])),
    ("a constraint with an empty label", |draft| draft.set_constraints(&[dns("a..test"), dns("test")], &[])),
    ("a constraint that is not ASCII", |draft| {
        draft.set_constraints(&[der(0x82, b"b\xfccher"), dns("test")], &[]);
    }),
    ("a constraint of an unknown kind", |draft| draft.set_constraints(&[der(0x8b, b"x")], &[])),
    ("constraints of nothing", |draft| draft.set_constraints(&[], &[])),
    ("damaged constraints", |draft| draft.set(NAME_CONSTRAINTS, true, &[0x30, 9, 0xa0, 1])),
    ("a constraint with a maximum", |draft| {
        let subtree = sequence(&[dns("test"), der(0x81, &[3])]);
        draft.set(NAME_CONSTRAINTS, true, &sequence(&[der(0xa0, &subtree)]));
    }),
    ("constraints that are not critical, and exclude app.test", |draft| {
        let list = der(0xa1, &sequence(&[dns("app.test")]));
        draft.set(NAME_CONSTRAINTS, false, &sequence(&[list]));
    }),
    ("permits test, and has a name outside", |draft| {
        draft.set_constraints(&[dns("test")], &[]);
        draft.set_names(&[dns("ca.example")]);
    }),
    ("a name of its own", |draft| draft.set_names(&[dns("ca.example")])),
    ("names of every kind", |draft| {
        draft.set_names(&[
            email("a@ca.example"),
            uri("https://ca.example/"),
            ip(&[192, 0, 2, 1]),
            directory("other"),
        ]);
    }),
    ("an empty subject that the one below names", |draft| draft.subject = String::new()),
];

/// Drafts of a plain chain: leaf, intermediates from the bottom up, root. The key of each is its index.
pub(super) fn plain(intermediates: usize) -> Vec<Draft> {
    let top = intermediates + 1;
    let title = |level: usize| if level == top { "root".to_owned() } else { format!("ca {level}") };
    let above = |level: usize| (level + 1).min(top);
    let mut chain = vec![Draft::leaf(0, &title(1), 1)];
    chain.extend((1..=top).map(|level| Draft::ca(&title(level), level, &title(above(level)), above(level))));
    chain
}

pub(super) fn case(label: impl Into<String>, sent: &[Draft], roots: &[Draft]) -> Case {
    // A certificate that is both sent and trusted is signed only once.
    let mut signed: Vec<(Draft, Vec<u8>)> = Vec::new();
    let mut sign = |drafts: &[Draft]| -> Vec<Vec<u8>> {
        let mut list = Vec::new();
        for draft in drafts {
            let known = signed.iter().find(|(other, _)| other == draft).map(|(_, der)| der.clone());
            let der = known.unwrap_or_else(|| draft.sign());
            signed.push((draft.clone(), der.clone()));
            list.push(der);
        }
        list
    };
    let (sent, roots) = (sign(sent), sign(roots));
    Case { label: label.into(), name: "app.test", sent, roots }
}

/// Makes the certificates below a renamed draft use its new subject.
pub(super) fn rename(chain: &mut [Draft]) {
    for level in 1..chain.len() {
        let subject = chain[level].subject.clone();
        let is_root = level + 1 == chain.len();
        if is_root {
            chain[level].issuer.clone_from(&subject);
        }
        chain[level - 1].issuer = subject;
    }
}

/// Returns a case for each property at each position of a chain with one intermediate.
fn one_property_each() -> Vec<Case> {
    let mut cases = Vec::new();
    for (place, properties) in [("leaf", OF_LEAF), ("intermediate", OF_CA), ("root", OF_CA)] {
        for (what, change) in OF_ANY.iter().chain(properties) {
            let mut chain = plain(1);
            change(
                &mut chain[match place {
                    "leaf" => 0,
                    "intermediate" => 1,
                    _ => 2,
                }],
            );
            rename(&mut chain);
            cases.push(case(format!("{place}: {what}"), &chain[..2], &chain[2..]));
        }
    }
    cases
}

/// Returns a case for each kind of name below each kind of constraint.
fn names_and_constraints() -> Vec<Case> {
    let is_limit = |what: &str| {
        !what.contains("basic")
            && ["permits", "excludes", "constraint", "mask"].iter().any(|word| what.contains(word))
    };
    let is_name =
        |what: &str| ["name", "address", "URI", "wildcard", "subject"].iter().any(|word| what.contains(word));
    let limits = OF_CA.iter().filter(|(what, _)| is_limit(what));
    let mut cases = Vec::new();
    for (limit, constrain) in limits {
        for (what, change) in OF_LEAF.iter().filter(|(what, _)| is_name(what)) {
            let mut chain = plain(0);
            constrain(&mut chain[1]);
            change(&mut chain[0]);
            cases.push(case(format!("root: {limit}; leaf: {what}"), &chain[..1], &chain[1..]));
        }
        let mut chain = plain(1);
        constrain(&mut chain[2]);
        chain[1].set_names(&[
            email("a@ca.example"),
            uri("https://ca.example/"),
            ip(&[192, 0, 2, 1]),
            dns("ca.example"),
        ]);
        cases.push(case(format!("root: {limit}; intermediate: names outside"), &chain[..2], &chain[2..]));
    }
    cases
}

/// Comparing every name with every constraint would take a long time.
fn hostile_numbers() -> Vec<Case> {
    [(1, 1), (600, 600), (2000, 1500)]
        .map(|(names, limits)| {
            let mut chain = plain(1);
            let list = |count: usize, host: &str| -> Vec<Vec<u8>> {
                let filler = (1..count).map(|number| dns(&format!("{host}{number}.test")));
                filler.chain([dns("app.test")]).collect()
            };
            chain[0].set_names(&list(names, "a"));
            let mut permitted = list(limits - 1, "b");
            permitted.push(dns("test"));
            chain[1].set_constraints(&permitted, &[]);
            case(format!("{names} names and {limits} constraints"), &chain[..2], &chain[2..])
        })
        .into()
}

/// The topologies that RFC 4158 warns about.
fn networks() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |label: &str, sent: &[Draft], roots: &[Draft]| cases.push(case(label, sent, roots));
    let chain = plain(2);
    let [leaf, lower, upper, root] = &chain[..] else { unreachable!() };
    let stranger = Draft::ca("stranger", 9, "stranger", 9);
    let all = [leaf, lower, upper].map(Clone::clone);
    add("plain", &all, std::slice::from_ref(root));
    add("the root sent along", &chain, std::slice::from_ref(root));
    add("another root", &all, std::slice::from_ref(&stranger));
    add("another root, and the root sent", &chain, std::slice::from_ref(&stranger));
    add("swapped", &[leaf, upper, lower].map(Clone::clone), std::slice::from_ref(root));
    add("reversed after the leaf", &[leaf, root, upper, lower].map(Clone::clone), std::slice::from_ref(root));
    add("the lower one missing", &[leaf, upper].map(Clone::clone), std::slice::from_ref(root));
    add("the upper one missing", &[leaf, lower].map(Clone::clone), std::slice::from_ref(root));
    add("the upper one among the roots", &[leaf, lower].map(Clone::clone), &[upper.clone(), root.clone()]);
    add("the upper one the only root", &all, std::slice::from_ref(upper));
    add("the upper one the only root, and not sent", &all[..2], std::slice::from_ref(upper));
    add("the leaf trusted", &all[..1], std::slice::from_ref(leaf));
    add("a stray", &[leaf, lower, upper, &stranger].map(Clone::clone), std::slice::from_ref(root));
    add("a stray first", &[leaf, &stranger, lower, upper].map(Clone::clone), std::slice::from_ref(root));
    add(
        "everything twice",
        &[leaf, leaf, lower, lower, upper, upper].map(Clone::clone),
        std::slice::from_ref(root),
    );

    let mut crossed = root.clone();
    (crossed.issuer, crossed.signer) = ("stranger".into(), 9);
    crossed.set_authority_key_id(9);
    let with_cross = [leaf, lower, upper, &crossed].map(Clone::clone);
    add("a cross-signed root, both trusted", &with_cross, &[root.clone(), stranger.clone()]);
    add("a cross-signed root, the old one trusted", &with_cross, std::slice::from_ref(&stranger));
    add("a cross-signed root, the new one trusted", &with_cross, std::slice::from_ref(root));
    let nobody = Draft::ca("nobody", 10, "nobody", 10);
    add("a cross-signed root, neither trusted", &with_cross, &[nobody]);
    let mut expired = crossed.clone();
    expired.days = (-20, -10);
    let sent = [leaf, lower, upper, &expired].map(Clone::clone);
    add("an expired cross-certificate", &sent, std::slice::from_ref(root));
    let mut old = stranger.clone();
    old.days = (-20, -10);
    add("a cross-signed root, the old one trusted and expired", &with_cross, &[root.clone(), old.clone()]);
    add("a cross-signed root, the old one alone trusted and expired", &with_cross, &[old]);

    let mut looped = upper.clone();
    (looped.issuer, looped.signer) = ("ca 1".into(), 1);
    looped.set_authority_key_id(1);
    add("a loop first", &[leaf, lower, &looped, upper].map(Clone::clone), std::slice::from_ref(root));
    add("a loop and no way out", &[leaf, lower, &looped].map(Clone::clone), std::slice::from_ref(root));
    let mut own = lower.clone();
    (own.issuer, own.signer) = ("ca 1".into(), 1);
    own.set_authority_key_id(1);
    add(
        "a self-signed twin first",
        &[leaf, &own, lower, upper].map(Clone::clone),
        std::slice::from_ref(root),
    );

    let mut alone = Draft::leaf(0, "leaf", 0);
    alone.set_authority_key_id(0);
    add("self-signed", std::slice::from_ref(&alone), std::slice::from_ref(root));
    add("self-signed and trusted", std::slice::from_ref(&alone), std::slice::from_ref(&alone));
    alone.set(BASIC_CONSTRAINTS, true, &sequence(&[der(1, &[0xff])]));
    add("self-signed with CA:TRUE", std::slice::from_ref(&alone), std::slice::from_ref(root));
    add("self-signed with CA:TRUE and trusted", std::slice::from_ref(&alone), std::slice::from_ref(&alone));
    for depth in [4, 6, 8] {
        let chain = plain(depth);
        add(&format!("{depth} intermediates"), &chain[..=depth], &chain[depth + 1..]);
    }
    cases
}

/// A second certificate of a CA, or of another CA with the same name, before or after the good one.
fn twins() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |label: &str, sent: &[Draft], roots: &[Draft]| cases.push(case(label, sent, roots));
    let chain = plain(2);
    let [leaf, lower, upper, root] = &chain[..] else { unreachable!() };
    let all = [leaf, lower, upper].map(Clone::clone);
    let expired = |number| Draft { days: (-20, -10), serial: vec![1, number], ..lower.clone() };
    let many: Vec<Draft> = [leaf.clone()].into_iter().chain((0..40).map(expired)).collect();
    let many = [many, vec![lower.clone(), upper.clone()]].concat();
    add("forty expired twins first", &many, std::slice::from_ref(root));
    let of_any = |what: &str| *OF_ANY.iter().find(|(own, _)| *own == what).unwrap();
    let of_ca = |what: &str| *OF_CA.iter().find(|(own, _)| *own == what).unwrap();
    for (what, change) in [
        of_any("expired"),
        of_any("a bad signature"),
        of_any("for clients"),
        of_any("basic constraints with CA:FALSE"),
        of_ca("no basic constraints"),
        of_ca("no key usage"),
        of_ca("no keyCertSign"),
        of_ca("permits other.test"),
        ("no CA at all", |draft| {
            draft.set(BASIC_CONSTRAINTS, true, &sequence(&[]));
            draft.set(KEY_USAGE, true, &der(3, &[7, 0x80]));
        }),
        ("nothing wrong", |_| {}),
    ] {
        let mut twin = lower.clone();
        change(&mut twin);
        let first = [leaf, &twin, lower, upper].map(Clone::clone);
        let last = [leaf, lower, &twin, upper].map(Clone::clone);
        add(&format!("a twin first: {what}"), &first, std::slice::from_ref(root));
        add(&format!("a twin last: {what}"), &last, std::slice::from_ref(root));
        let mut other_key = lower.clone();
        change(&mut other_key);
        other_key.key = 8;
        other_key.set(SUBJECT_KEY_ID, false, &der(4, &[8; 20]));
        let first = [leaf, &other_key, lower, upper].map(Clone::clone);
        add(&format!("a namesake with another key first: {what}"), &first, std::slice::from_ref(root));
        for key in [lower.key, 8] {
            let mut unnamed = lower.clone();
            change(&mut unnamed);
            unnamed.key = key;
            unnamed.remove(SUBJECT_KEY_ID);
            let whose = if key == lower.key { "twin" } else { "namesake" };
            let first = [leaf, &unnamed, lower, upper].map(Clone::clone);
            let label = format!("a {whose} without a key identifier first: {what}");
            add(&label, &first, std::slice::from_ref(root));
        }
        let mut root_twin = root.clone();
        change(&mut root_twin);
        add(&format!("a trusted twin of the root: {what}"), &all, &[root_twin, root.clone()]);
    }
    cases
}

/// Returns all cases. Every run has the same ones, except for keys and dates.
pub(super) fn all() -> Vec<Case> {
    let mut cases = one_property_each();
    cases.extend(networks());
    cases.extend(twins());
    cases.extend(hostile_numbers());
    cases.extend(names_and_constraints());
    cases.extend(random::all());
    cases
}
