//! The records of the built-in name server, in memory.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hickory_proto::rr::rdata::{A, AAAA, CNAME, TXT};
use hickory_proto::rr::{Name, RData, RecordType};

use super::tsig::TsigKey;

/// The maximum number of names with records, so that a client cannot fill the memory by making up names.
const MOST_NAMES: usize = 10_000;
const MOST_RECORDS: usize = 32;
/// The maximum length of a chain of CNAMEs.
const MOST_STEPS: usize = 8;

/// The records of the built-in name server.
#[derive(Default)]
pub(in crate::acme) struct Zone {
    records: Mutex<HashMap<Name, Vec<RData>>>,
    /// The addresses of names without addresses of their own.
    usual: Mutex<Vec<IpAddr>>,
    /// Signs updates; if there is none, they need no signature.
    pub(super) key: Option<TsigKey>,
}

/// A name in the form that the zone uses.
pub(super) fn name(word: &str) -> Option<Name> {
    let mut name = Name::from_ascii(word).ok()?.to_lowercase();
    name.set_fqdn(true);
    Some(name)
}

/// A TXT record, split into strings of at most 255 bytes.
pub(super) fn txt(value: &str) -> RData {
    RData::TXT(TXT::from_bytes(value.as_bytes().chunks(255).collect()))
}

/// A record with an address.
pub(super) fn address(address: IpAddr) -> RData {
    match address {
        IpAddr::V4(v4) => RData::A(A(v4)),
        IpAddr::V6(v6) => RData::AAAA(AAAA(v6)),
    }
}

impl Zone {
    /// Without records.
    pub(in crate::acme) fn new(key: Option<TsigKey>) -> Self {
        Self { key, ..Self::default() }
    }

    fn records(&self) -> MutexGuard<'_, HashMap<Name, Vec<RData>>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a record. Returns `false` if the zone is full.
    pub(super) fn add(&self, name: &Name, data: RData) -> bool {
        let mut records = self.records();
        if records.len() >= MOST_NAMES && !records.contains_key(name) {
            return false;
        }
        let own = records.entry(name.to_lowercase()).or_default();
        if own.contains(&data) {
            return true;
        }
        if own.len() >= MOST_RECORDS {
            return false;
        }
        own.push(data);
        true
    }

    /// Removes the matching records of a name.
    pub(super) fn remove(&self, name: &Name, is_meant: impl Fn(&RData) -> bool) {
        let mut records = self.records();
        let name = name.to_lowercase();
        if let Some(own) = records.get_mut(&name) {
            own.retain(|data| !is_meant(data));
            if own.is_empty() {
                records.remove(&name);
            }
        }
    }

    /// The records of exactly this name; `None` if it has none of any type.
    pub(super) fn at(&self, name: &Name) -> Option<Vec<RData>> {
        self.records().get(&name.to_lowercase()).cloned()
    }

    /// The answer to a query: the CNAMEs on the way and the records at their end, each with its name.
    pub(super) fn find(&self, name: &Name, kind: RecordType) -> Vec<(Name, RData)> {
        let mut found = Vec::new();
        let mut name = name.to_lowercase();
        for _ in 0..MOST_STEPS {
            let own = self.at(&name).unwrap_or_default();
            let target = own.iter().find_map(|data| match data {
                RData::CNAME(CNAME(target)) if kind != RecordType::CNAME => Some(target.to_lowercase()),
                _ => None,
            });
            let Some(target) = target else {
                let matching = own.into_iter().filter(|data| data.record_type() == kind);
                let before = found.len();
                found.extend(matching.map(|data| (name.clone(), data)));
                if found.len() == before {
                    let usual = self.usual.lock().unwrap_or_else(PoisonError::into_inner);
                    let usual = usual.iter().map(|ip| address(*ip)).filter(|data| data.record_type() == kind);
                    found.extend(usual.map(|data| (name.clone(), data)));
                }
                break;
            };
            found.push((name, RData::CNAME(CNAME(target.clone()))));
            name = target;
        }
        found
    }

    /// Sets the addresses of names without addresses of their own.
    pub(super) fn set_usual(&self, v6: bool, address: Option<IpAddr>) {
        let mut usual = self.usual.lock().unwrap_or_else(PoisonError::into_inner);
        usual.retain(|known| known.is_ipv6() != v6);
        usual.extend(address);
    }

    /// The TXT records of a name.
    pub(in crate::acme) fn texts(&self, word: &str) -> Vec<String> {
        let found = name(word).map(|name| self.find(&name, RecordType::TXT)).unwrap_or_default();
        let text = |(_, data): &(Name, RData)| match data {
            RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
            _ => None,
        };
        found.iter().filter_map(text).collect()
    }

    /// The addresses of a name.
    pub(in crate::acme) fn addresses(&self, word: &str) -> Vec<IpAddr> {
        let Some(name) = name(word) else { return Vec::new() };
        let of = |kind| self.find(&name, kind);
        let both = [of(RecordType::AAAA), of(RecordType::A)].concat();
        both.iter().filter_map(|(_, data)| data.ip_addr()).collect()
    }
}
