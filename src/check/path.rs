//! Searches for the best chain. Clients that search (Go, rustls, browsers) find a good chain if there is one;
//! OpenSSL and `GnuTLS` take the first issuer that matches and never backtrack.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use time::OffsetDateTime;

use super::chain::{Chain, End, Link, Source};
use super::form::Defect;

/// The maximum length of a chain. OpenSSL's own limit is 100, that of `GnuTLS` is 16, and webpki allows 6
/// intermediates.
const MAX_LENGTH: usize = 17;

/// Go and webpki give up after 100 signatures; devca has the same limit, so that a peer cannot keep it busy
/// by sending a network of CAs.
const MAX_SIGNATURES: usize = 100;

/// The total number of issuers considered and of chains judged.
const MAX_STEPS: usize = 2_000;
const MAX_CHAINS: usize = 128;

/// The certificates that chains are built from.
pub struct Search<'a> {
    /// The certificates that were sent come first, beginning with the leaf.
    sent: usize,
    /// The last part is the position among the trusted certificates.
    links: Vec<(&'a Link, Source, Option<usize>)>,
    signatures: RefCell<HashMap<(usize, usize), bool>>,
    steps: Cell<usize>,
}

/// The best chain so far.
struct Best<'a> {
    rating: (End, usize),
    chain: Option<Chain<'a>>,
    judged: usize,
}

impl<'a> Search<'a> {
    /// Creates a search over the certificates that were sent, those that are trusted, and any others known
    /// here.
    pub fn new(sent: &'a [Link], anchors: &'a [Link], others: &'a [Link]) -> Self {
        let position = |link: &Link| anchors.iter().position(|anchor| anchor.der == link.der);
        let mut links: Vec<_> = sent.iter().map(|link| (link, Source::Sent, position(link))).collect();
        let is_sent = |link: &&Link| sent.iter().any(|other| other.der == link.der);
        let trusted = anchors.iter().enumerate().filter(|(_, link)| !is_sent(link));
        links.extend(trusted.map(|(at, link)| (link, Source::Trusted, Some(at))));
        let others = others.iter().filter(|link| !is_sent(link) && position(link).is_none());
        links.extend(others.map(|link| (link, Source::Known, None)));
        Self { sent: sent.len(), links, signatures: RefCell::default(), steps: Cell::new(0) }
    }

    /// Returns the best chain: one that ends at an anchor if possible, and among those the one with the
    /// fewest faults.
    pub fn best(&self, count_faults: &dyn Fn(&Chain) -> usize) -> Option<Chain<'a>> {
        if self.sent == 0 {
            return None;
        }
        let mut best = Best { rating: (End::BadSignature, usize::MAX), chain: None, judged: 0 };
        self.steps.set(0);
        self.extend(&mut vec![0], &mut best, count_faults);
        best.chain
    }

    /// Tries every issuer of the last certificate. Returns true when no better chain can exist.
    fn extend(&self, path: &mut Vec<usize>, best: &mut Best<'a>, count: &dyn Fn(&Chain) -> usize) -> bool {
        let last = path[path.len() - 1];
        let (link, _, anchor) = self.links[last];
        if anchor.is_some() {
            return self.complete(path, End::Anchor, best, count);
        }
        let (mut known, mut has_issuer) = (None, false);
        for candidate in self.issuers(path) {
            self.steps.set(self.steps.get() + 1);
            if self.steps.get() > MAX_STEPS || path.len() >= MAX_LENGTH {
                break;
            }
            known = known.max(Some(self.mismatch(last, candidate)));
            if !self.is_signed(last, candidate) {
                continue;
            }
            has_issuer = true;
            path.push(candidate);
            let is_done = self.extend(path, best, count);
            path.pop();
            if is_done {
                return true;
            }
        }
        // A self-signed certificate may have a cross-signed twin, which was tried above.
        let end = match () {
            () if link.is_self_issued() && self.is_signed(last, last) => End::Root,
            () if has_issuer => return false,
            () => known.unwrap_or(End::Unknown),
        };
        self.complete(path, end, best, count)
    }

    /// The possible issuers of the last certificate by name: anchors first, then in the order sent, and those
    /// with another key identifier last. Certificates whose name and key are already in the chain are
    /// skipped, because they would form a loop.
    fn issuers(&self, path: &[usize]) -> Vec<usize> {
        let last = self.links[path[path.len() - 1]].0;
        let is_new = |link: &Link| path.iter().all(|at| !self.links[*at].0.is_twin_of(link));
        let mut found: Vec<usize> = (1..self.links.len())
            .filter(|at| last.names_in_any_spelling(self.links[*at].0) && is_new(self.links[*at].0))
            .collect();
        found.sort_by_key(|at| (!last.agrees_on_key_with(self.links[*at].0), self.links[*at].2.is_none()));
        found
    }

    /// Explains a signature that the issuer's key did not make.
    fn mismatch(&self, child: usize, issuer: usize) -> End {
        let is_its_key = self.links[child].0.names_key_of(self.links[issuer].0);
        if is_its_key { End::BadSignature } else { End::OtherKey }
    }

    fn is_signed(&self, child: usize, issuer: usize) -> bool {
        if let Some(known) = self.signatures.borrow().get(&(child, issuer)) {
            return *known;
        }
        let is_spent = self.signatures.borrow().len() >= MAX_SIGNATURES;
        let is_signed = !is_spent && self.links[child].0.is_signed_by(self.links[issuer].0);
        self.signatures.borrow_mut().insert((child, issuer), is_signed);
        is_signed
    }

    fn complete(
        &self,
        path: &[usize],
        end: End,
        best: &mut Best<'a>,
        count: &dyn Fn(&Chain) -> usize,
    ) -> bool {
        let chain = self.chain(path, end);
        let rating = (end, count(&chain));
        best.judged += 1;
        if best.chain.is_none() || rating < best.rating {
            (best.rating, best.chain) = (rating, Some(chain));
        }
        best.rating == (End::Anchor, 0) || best.judged >= MAX_CHAINS
    }

    fn chain(&self, path: &[usize], end: End) -> Chain<'a> {
        let links = path.iter().map(|at| (self.links[*at].0, self.links[*at].1)).collect();
        Chain { links, end }
    }

    /// The chain that OpenSSL (and with it curl, Node and Python) builds: it takes the first issuer that
    /// matches by name and key identifier, and prefers trusted certificates to sent ones and currently valid
    /// ones to others.
    pub fn by_openssl(&self, now: OffsetDateTime) -> Option<Chain<'a>> {
        let mut path = vec![0];
        while self.sent > 0 && path.len() < MAX_LENGTH {
            let last = path[path.len() - 1];
            let (link, _, anchor) = self.links[last];
            if anchor.is_some() && is_self_issued(link) {
                break;
            }
            let fits = |at: &usize| {
                let (issuer, source, anchor) = self.links[*at];
                let is_usable = anchor.is_some() || (source == Source::Sent && !is_self_issued(link));
                // OpenSSL cannot read a certificate with an empty key usage or a damaged extension.
                let is_readable = issuer.key_usage.is_none_or(|usage| usage.flags != 0)
                    && !issuer.defects.iter().any(Defect::hides_issuer_from_openssl);
                !path.contains(at)
                    && is_usable
                    && is_readable
                    && link.names_in_any_spelling(issuer)
                    && link.agrees_on_key_with(issuer)
                    && link.agrees_on_certificate_with(issuer)
            };
            let found: Vec<usize> = (1..self.links.len()).filter(fits).collect();
            let (mut trusted, sent): (Vec<usize>, Vec<usize>) =
                found.into_iter().partition(|at| self.links[*at].2.is_some());
            trusted.sort_by_key(|at| self.links[*at].2);
            let among = if trusted.is_empty() { sent } else { trusted };
            let is_valid = |at: &usize| self.links[*at].0.is_valid_at(now);
            let latest = || among.iter().copied().max_by_key(|at| self.links[*at].0.details.not_after);
            let Some(issuer) = among.iter().copied().find(is_valid).or_else(latest) else { break };
            // OpenSSL replaces a self-signed certificate that was sent with its trusted twin.
            if is_self_issued(link) && path.len() > 1 {
                path.pop();
            }
            path.push(issuer);
        }
        self.finish(path)
    }

    /// The chain that `GnuTLS` builds: it takes the first sent certificate that matches by name and key
    /// identifier, until it reaches one that is trusted or issued by a trusted one.
    pub fn by_gnutls(&self, now: OffsetDateTime) -> Option<Chain<'a>> {
        // The name may be spelled in another way if the key identifiers agree.
        let fits = |last: &Link, at: usize| {
            let issuer = self.links[at].0;
            let is_its_key = last.names_in_any_spelling(issuer) && last.shares_key_id_with(issuer);
            is_its_key || last.names(issuer) && last.agrees_on_key_with(issuer)
        };
        let mut path = vec![0];
        loop {
            let last = self.links.get(path[path.len() - 1])?.0;
            let next = (1..self.sent).find(|at| !path.contains(at) && fits(last, *at));
            let Some(next) = next.filter(|_| !is_own_issuer(last) && path.len() < MAX_LENGTH) else {
                break;
            };
            path.push(next);
        }
        let is_valid = |at: &usize| self.links[*at].0.is_valid_at(now);
        let anchor_that = |fits: &dyn Fn(&Link) -> bool| -> Option<usize> {
            let is_fit = |at: &usize| self.links[*at].2.is_some() && fits(self.links[*at].0);
            let anchors = (0..self.links.len()).filter(is_fit);
            let position = |at: &usize| self.links[*at].2;
            anchors.clone().filter(is_valid).max_by_key(position).or_else(|| anchors.max_by_key(position))
        };
        let twins = path.iter().map(|at| anchor_that(&|anchor| anchor.is_twin_of(self.links[*at].0)));
        if let Some((at, Some(anchor))) = twins.enumerate().find(|(_, anchor)| anchor.is_some()) {
            path.truncate(at);
            // Its twin with another key identifier is not the issuer.
            let last = path.last().map(|at| self.links[*at].0);
            let issuer = last.and_then(|last| {
                anchor_that(&|anchor| last.names(anchor) && last.agrees_on_key_with(anchor))
            });
            path.push(issuer.unwrap_or(anchor));
            return self.finish(path);
        }
        if path.len() > 1 && is_own_issuer(self.links[path[path.len() - 1]].0) {
            path.pop();
        }
        let last = self.links[path[path.len() - 1]].0;
        path.extend(anchor_that(&|anchor| last.names(anchor) && last.agrees_on_key_with(anchor)));
        self.finish(path)
    }

    /// Turns a chain that was built by name into a verified one, cutting it off at the first bad signature.
    fn finish(&self, mut path: Vec<usize>) -> Option<Chain<'a>> {
        let bad = path.windows(2).position(|pair| !self.is_signed(pair[0], pair[1]));
        let (last, _, anchor) = *self.links.get(*path.last()?)?;
        let end = match bad {
            Some(at) => {
                let end = self.mismatch(path[at], path[at + 1]);
                path.truncate(at + 1);
                end
            }
            None if anchor.is_some() => End::Anchor,
            None if last.is_self_signed() => End::Root,
            None => End::Unknown,
        };
        Some(self.chain(&path, end))
    }
}

/// Whether OpenSSL regards the certificate as its own issuer.
pub fn is_self_issued(link: &Link) -> bool {
    is_own_issuer(link) && link.agrees_on_certificate_with(link)
}

/// Whether `GnuTLS` regards the certificate as its own issuer.
fn is_own_issuer(link: &Link) -> bool {
    link.is_self_issued() && link.agrees_on_key_with(link)
}
