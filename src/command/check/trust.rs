//! Who trusts the root at the end of a chain.

use std::net::IpAddr;

use devca_platform::{Found, StoreKind, bundle};

use super::programs::{self, ProgramFix, ProgramVerdict};
use super::roots::Roots;
use crate::check::catalogue::{
    BAD_SIGNATURE, Case, Client, MISSING_INTERMEDIATE, REPLACED_ROOT, UNTRUSTED_ROOT, Words,
};
use crate::check::chain::{Chain, End, Link, Source};
use crate::check::judge;
use crate::check::{Finding, issue};
use crate::cli;
use crate::command::shared::{anchor, stores};
use crate::disk::home::CaFolder;
use crate::x509::certificate;

/// Who trusts a root.
pub(super) struct Trust {
    pub(super) finding: Option<Finding>,
    pub(super) trusted_by: Vec<String>,
    pub(super) not_trusted_by: Vec<String>,
}

impl Roots {
    /// Determines who trusts the root of this chain, for the certificate of a client or a server. `sent` is
    /// the number of certificates that the server sent.
    pub(super) fn trust(&self, args: &cli::Check, is_client: bool, chain: &Chain, sent: usize) -> Trust {
        let top = chain.top();
        let leaf = &chain.leaf().details;
        let nobody =
            |finding| Trust { finding: Some(finding), trusted_by: Vec::new(), not_trusted_by: Vec::new() };
        let none = Trust { finding: None, trusted_by: Vec::new(), not_trusted_by: Vec::new() };
        let again = format!("devca renew --all, or: {} --force", issue(leaf));
        match chain.end {
            End::BadSignature => {
                let what = format!(
                    "the signature of {} does not match its contents: it was changed after {} signed it",
                    top.details.subject, top.details.issuer
                );
                let fix = format!("restore the file, or issue it again: {} --force", issue(leaf));
                return nobody(Finding::new(&BAD_SIGNATURE, what, fix));
            }
            End::OtherKey => {
                let what = format!(
                    "{} names {} as its issuer, but was signed by another key",
                    top.details.subject, top.details.issuer
                );
                return nobody(Finding::new(&REPLACED_ROOT, what, again));
            }
            End::Unknown => return nobody(unknown(top, sent)),
            // A self-signed certificate was already reported.
            End::Root if chain.links.len() == 1 => return none,
            End::Root | End::Anchor => {}
        }
        if self.given.as_ref().is_some_and(|given| given.contains(&top.der)) {
            return Trust { trusted_by: vec!["the file of --roots".into()], ..none };
        }
        if let Some((folder, _)) = self.earlier.iter().find(|(_, der)| *der == top.der)
            && !self.own.iter().any(|(_, der)| *der == top.der)
            && self.has_new_key(folder, top)
        {
            let what = format!("{} is a root that was replaced", top.details.subject);
            return nobody(Finding::new(&REPLACED_ROOT, what, again));
        }
        if self.given.is_some() {
            let what = format!("{} is not in the file of --roots", top.details.subject);
            return nobody(
                Finding::new(&UNTRUSTED_ROOT, what, "use a file with its root").saying(said(chain)),
            );
        }
        // A CA for clients need not be in any store: its root is configured in the servers.
        if let (true, Some((folder, _))) = (is_client, self.own.iter().find(|(_, der)| *der == top.der)) {
            let by = folder.hint("servers configured with its root (devca root --pem)");
            return Trust { trusted_by: vec![by], ..none };
        }
        let is_local = certificate::local_ca(&top.der).is_some();
        if !is_local && self.system.contains(&top.der) {
            let too_long = if is_client { None } else { judge::too_long_for_public_roots(chain.leaf()) };
            let finding = too_long.filter(|_| bundle::is_shipped(&self.host, &top.der));
            return Trust { finding, trusted_by: vec!["the system".into()], ..none };
        }
        self.ask_stores(args, chain)
    }

    /// The verdicts of programs about a root that they do not ship: one of this user, or one that was added
    /// to the system's store. Browsers and Java are not among them, because their stores are checked.
    pub(super) fn by_programs(&self, chain: &Chain) -> (Vec<ProgramVerdict>, Vec<String>) {
        let top = &chain.top().der;
        let is_in_system = self.system.contains(top);
        let is_added = || self.given.is_none() && is_in_system && bundle::is_added(&self.host, top);
        let fix = match self.own.iter().find(|(_, der)| der == top) {
            Some((folder, _)) => Some(ProgramFix::Command(folder.hint("devca run -- PROGRAM"))),
            None if is_added() => bundle::path(&self.host).map(ProgramFix::File),
            None => None,
        };
        let verdicts = if fix.is_some() { programs::verdicts(top, is_in_system) } else { Vec::new() };
        let lines = fix.map(|fix| programs::lines(&verdicts, &fix)).unwrap_or_default();
        (verdicts, lines.into_iter().chain(self.boringssl(chain)).collect())
    }

    /// BoringSSL does not support address constraints, so below a root with any, it rejects certificates that
    /// contain addresses.
    fn boringssl(&self, chain: &Chain) -> Option<String> {
        let has_address = chain.leaf().details.names.iter().any(|name| name.parse::<IpAddr>().is_ok());
        let mut issuers = chain.links.iter().skip(1);
        let constrains = issuers.any(|(link, _)| link.details.constraints.constrain_addresses());
        let who = "not by BoringSSL (Bun, gRPC)";
        (has_address && constrains).then(|| match self.own.iter().find(|(_, der)| *der == chain.top().der) {
            Some((folder, _)) => folder.hint(&format!("{who}: devca permit --no-constrain-addresses")),
            None => format!("{who}: the CA constrains addresses"),
        })
    }

    /// Whether the root was replaced by one with another key. If it was only permitted more names, it has the
    /// same key, and the certificates it signed remain valid.
    fn has_new_key(&self, folder: &CaFolder, earlier: &Link) -> bool {
        let present = self.own.iter().find(|(own, _)| own.path == folder.path);
        !present.is_some_and(|(_, der)| Link::read(der).is_some_and(|root| root.has_key_of(earlier)))
    }

    /// Asks each store.
    fn ask_stores(&self, args: &cli::Check, chain: &Chain) -> Trust {
        let top = chain.top();
        if !top.details.is_ca {
            let what = format!("{} is not a CA certificate", top.details.subject);
            let finding = Finding::new(&UNTRUSTED_ROOT, what, "devca issue NAMES");
            return Trust {
                finding: Some(finding.saying(said(chain))),
                trusted_by: Vec::new(),
                not_trusted_by: Vec::new(),
            };
        }
        let anchor = anchor::of_der(&top.der);
        let (mut trusted_by, mut not_trusted_by) = (Vec::new(), Vec::new());
        for found in devca_platform::find(&self.host, &stores::kinds(&args.stores)) {
            if let Found::Store(store) = found {
                let name = match store.kind() {
                    StoreKind::System => format!("the system store ({})", store.place()),
                    _ => store.place(),
                };
                match store.holds(&anchor) {
                    Ok(true) => trusted_by.push(name),
                    _ => not_trusted_by.push(name),
                }
            }
        }
        let is_held_by_all = not_trusted_by.is_empty() && !trusted_by.is_empty();
        let finding = (!is_held_by_all).then(|| {
            let name = top.details.common_name.as_ref().unwrap_or(&top.details.subject);
            let what = match (trusted_by.as_slice(), not_trusted_by.as_slice()) {
                ([], []) => format!("no such store exists here to trust {name}"),
                ([], _) => format!("no store here trusts {name}"),
                _ => format!("{name} is not trusted by {}", not_trusted_by.join(", ")),
            };
            Finding::new(&UNTRUSTED_ROOT, what, self.fix(&top.der)).saying(said(chain))
        });
        Trust { finding, trusted_by, not_trusted_by }
    }

    fn fix(&self, der: &[u8]) -> String {
        match (self.own.iter().find(|(_, own)| own == der), certificate::local_ca(der)) {
            (Some((folder, _)), _) => folder.hint("devca install"),
            (None, Some(ca)) if !ca.is_devca => {
                "mkcert -install, or: devca import \"$(mkcert -CAROOT)\"".into()
            }
            (None, Some(_)) => {
                "it belongs to another devca: issue the certificate here, or give its root to the client"
                    .into()
            }
            (None, None) => "give its root to the client, or create your own CA: devca install".into(),
        }
    }
}

/// Reports a trust anchor that is not a root. OpenSSL continues to a self-signed certificate unless told
/// otherwise (`X509_V_FLAG_PARTIAL_CHAIN`, which curl sets), and of the others only Go accepts a leaf that is
/// itself trusted.
pub(super) fn is_not_a_root(chain: &Chain) -> Finding {
    let top = &chain.top().details.subject;
    let what = if chain.top().is_self_issued() {
        format!("{top} is trusted, but names another certificate as its issuer")
    } else {
        format!("{top} is trusted, but is not a root")
    };
    let finding = Finding::new(&UNTRUSTED_ROOT, what, "trust the root that issued it");
    match chain.links.len() {
        1 => finding.saying(|words| words.client != Client::Go && openssl_says(words, 1, false)),
        _ => finding.saying(|words| words.when == Case::AnchorIsNoRoot),
    }
}

/// Reports an unknown issuer. If the certificate has the URL of its issuer, the server should have sent that
/// too.
fn unknown(top: &Link, sent: usize) -> Finding {
    let details = &top.details;
    let issuer = &details.issuer;
    if !details.issuer_urls.is_empty() {
        let what =
            format!("{} was issued by {issuer}, which is neither sent nor known here", details.subject);
        return Finding::new(&MISSING_INTERMEDIATE, what, "have the server send the full chain");
    }
    let whose =
        if issuer.contains(crate::x509::policy::ROOT_ORGANIZATION) { ", another devca's root" } else { "" };
    let what = format!("{} was issued by {issuer}{whose}, which no store here trusts", details.subject);
    let fix = "issue it here: devca issue NAMES; or give that root to the client";
    Finding::new(&UNTRUSTED_ROOT, what, fix).saying(move |words| openssl_says(words, sent, false))
}

/// OpenSSL, and with it Node, curl and Python, words the error depending on how much of the chain was sent.
fn said(chain: &Chain) -> impl Fn(&Words) -> bool {
    let sent = chain.links.iter().filter(|(_, source)| *source == Source::Sent).count();
    let root_sent = chain.links.last().is_some_and(|(_, source)| *source == Source::Sent);
    move |words| openssl_says(words, sent, root_sent)
}

fn openssl_says(words: &Words, sent: usize, root_sent: bool) -> bool {
    match words.when {
        Case::RootSent => root_sent,
        Case::RootNotSent => !root_sent,
        Case::LeafSent => !root_sent && sent == 1,
        Case::ChainSent => !root_sent && sent > 1,
        Case::AnchorIsNoRoot => false,
        _ => true,
    }
}
