//! A word of argv. Every accepted name can be printed and parsed again, and is valid for rustls; a rejected
//! word is not echoed unescaped.
#![no_main]

use std::fmt::{Debug, Display};

use devca::error::Fault;
use devca::x509::name::Name;
use devca::x509::subtree::Subtree;
use libfuzzer_sys::fuzz_target;
use rustls_pki_types::DnsName;

fuzz_target!(|word: &str| {
    if let Some(name) = read_twice(word, Name::parse)
        && let Some(host) = name.dns_base()
    {
        assert!(DnsName::try_from(host).is_ok(), "{host:?} is no name to rustls");
    }
    if let Some(Subtree::Dns(base)) = read_twice(word, Subtree::parse) {
        assert!(DnsName::try_from(base.as_str()).is_ok(), "{base:?} is no name to rustls");
    }
});

fn read_twice<T: Display + Debug + PartialEq>(word: &str, parse: fn(&str) -> Result<T, Fault>) -> Option<T> {
    match parse(word) {
        Ok(read) => {
            let printed = read.to_string();
            let again = parse(&printed).unwrap_or_else(|fault| panic!("{printed:?}: {fault}"));
            assert_eq!(again, read, "{printed:?}");
            Some(read)
        }
        Err(fault) => {
            assert!(!fault.to_string().contains(char::is_control), "{word:?} is echoed raw");
            assert!(!fault.hint().is_empty());
            None
        }
    }
}
