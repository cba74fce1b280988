//! What devca writes as JSON. Whatever a crash left in the inventory, the next line can be read as it was
//! written; and the lists in the documents of `--json` can be passed to `permit` again.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use devca::disk::files::Files;
use devca::format::{Format, Written};
use devca::issued::inventory::{self, Entry, FORMAT, Inventory};
use devca::x509::constraints::Constraints;
use devca::x509::key::KeyType;
use devca::x509::kind::Kind;
use devca::x509::subtree::Subtree;
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use time::OffsetDateTime;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| TempDir::with_prefix("devca-fuzz-").unwrap());

fuzz_target!(|input: (&[u8], Vec<&str>, u32)| {
    let (left_behind, words, number) = input;
    let path = FOLDER.path().join("issued.jsonl");
    std::fs::write(&path, left_behind).unwrap();
    let written = entry(&words, number);
    inventory::append(&path, [&written], Files::default()).unwrap();
    assert_eq!(Inventory::load(&path).unwrap().entries.pop(), Some(written));

    let subtrees = words.iter().filter_map(|word| Subtree::parse(word).ok());
    let constraints = Constraints { permitted: subtrees.collect(), excluded: Vec::new() };
    let document = serde_json::to_value(&constraints).unwrap();
    let list = document["permitted"].as_array().unwrap().iter();
    let again: Vec<Subtree> = list.map(|word| Subtree::parse(word.as_str().unwrap()).unwrap()).collect();
    assert_eq!(again, constraints.permitted);
});

/// An entry with these words in place of all texts.
fn entry(words: &[&str], number: u32) -> Entry {
    let moment = |seconds: u32| OffsetDateTime::from_unix_timestamp(seconds.into()).unwrap();
    let some = |at: usize| words.get(at).map(|&word| word.to_owned());
    let format = [Format::Pem, Format::Fullchain, Format::P12, Format::K8s][number as usize % 4];
    let file = |word: &&str| Written {
        outdated: false,
        format,
        part: (*word).to_owned(),
        path: PathBuf::from(word),
        sha256: some(2),
        modified: Some(number.into()),
        not_after: (number & 16 != 0).then(|| moment(number)),
    };
    Entry {
        v: FORMAT,
        issued: moment(number),
        serial: format!("{number:016x}"),
        kind: [Kind::Server, Kind::Client, Kind::Both][number as usize % 3],
        common_name: some(0),
        organization: some(1),
        unit: some(2),
        names: words.iter().map(ToString::to_string).collect(),
        key_type: [None, Some(KeyType::Ed25519), Some(KeyType::Rsa2048)][number as usize / 3 % 3],
        not_before: moment(number / 2),
        not_after: moment(number.saturating_add(1)),
        days: (number & 32 != 0).then(|| number.into()),
        sha256: format!("{number:064x}"),
        key_sha256: some(3).unwrap_or_default(),
        intermediate: number & 1 != 0,
        with_root: number & 2 != 0,
        modern: number & 4 != 0,
        root: some(4),
        acme_account: some(5),
        files: words.iter().map(file).collect(),
    }
}
