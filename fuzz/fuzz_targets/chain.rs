//! The PEM chain that a server sends, checked once with its last certificate as the known root, and once with
//! all of them.
#![no_main]

use devca::check::chain::Link;
use devca::check::judge::{self, Expectation};
use devca::check::path::Search;
use devca::x509::pem;
use libfuzzer_sys::fuzz_target;
use time::OffsetDateTime;

fuzz_target!(|text: &[u8]| {
    let links: Vec<Link> =
        pem::contents(text).certificates.iter().take(12).filter_map(|der| Link::read(der)).collect();
    let Some((last, others)) = links.split_last() else { return };
    let now = OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_800);
    for (sent, anchors) in
        [(others, std::slice::from_ref(last)), (links.as_slice(), links.as_slice()), (&links, &[])]
    {
        for (name, client) in [(Some("localhost"), false), (Some("127.0.0.1"), false), (None, true)] {
            let expected = Expectation { name, client, now, stapled: Some(client) };
            let search = Search::new(sent, anchors, &[]);
            let best = search.best(&|chain| judge::judge(chain, sent, &expected).len());
            for chain in [best, search.by_openssl(now), search.by_gnutls(now)].into_iter().flatten() {
                assert!(!chain.links.is_empty());
                judge::judge(&chain, sent, &expected);
            }
        }
    }
});
