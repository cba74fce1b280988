//! A trust store, as `devca status` sees it.

use std::io::{self, Write};

use devca_platform::{Anchor, Found, Store};
use serde::Serialize;

use super::Finding;
use crate::command::shared::held::{self, HeldRoot};
use crate::command::shared::stores::WIDTH;
use crate::report::Mark;

#[derive(Serialize)]
pub(super) struct StoreState {
    store: &'static str,
    place: String,
    word: Word,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// Other roots of local CAs that it trusts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    others: Vec<HeldRoot>,
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Word {
    Holds,
    Lacks,
    HoldsAnother,
    CannotTell,
    LeftAlone,
}

pub(super) fn look_at(found: &Found, anchor: Option<&Anchor>, problems: &mut Vec<Finding>) -> StoreState {
    match found {
        Found::Store(store) => ask(&**store, anchor, problems),
        Found::Remark(remark) => {
            let word = if remark.is_failure { Word::CannotTell } else { Word::LeftAlone };
            if remark.is_failure {
                let what = format!("{}: {}", remark.place, remark.problem.why);
                problems.push(Finding { what, hint: remark.problem.hint.clone() });
            }
            let (store, place) = (remark.kind.name(), remark.place.clone());
            StoreState { store, place, word, why: Some(remark.problem.why.clone()), others: Vec::new() }
        }
    }
}

fn ask(store: &dyn Store, anchor: Option<&Anchor>, problems: &mut Vec<Finding>) -> StoreState {
    let mut state = StoreState {
        store: store.kind().name(),
        place: store.place(),
        word: Word::Lacks,
        why: None,
        others: Vec::new(),
    };
    let answer = anchor
        .map_or(Ok(false), |anchor| store.holds(anchor))
        .and_then(|holds| Ok((holds, held::local_roots(store)?)));
    match answer {
        Err(problem) => {
            state.word = Word::CannotTell;
            problems.push(Finding { what: format!("{}: {}", state.place, problem.why), hint: problem.hint });
            state.why = Some(problem.why);
        }
        Ok((holds, mut others)) => {
            others.retain(|root| !anchor.is_some_and(|anchor| root.is(&anchor.der)));
            let another = others.iter().any(HeldRoot::is_devca);
            state.word = match (holds, another) {
                (true, _) => Word::Holds,
                (false, true) => Word::HoldsAnother,
                (false, false) => Word::Lacks,
            };
            state.others = others;
        }
    }
    state
}

impl StoreState {
    /// The root is not there, but could be.
    pub(super) fn lacks_root(&self) -> bool {
        matches!(self.word, Word::Lacks | Word::HoldsAnother)
    }

    pub(super) fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        let (mark, word) = match self.word {
            Word::Holds => (Mark::Good, "trusted"),
            Word::Lacks => (Mark::Bad, "not trusted"),
            Word::HoldsAnother => (Mark::Bad, "not trusted, but another devca root is"),
            Word::CannotTell => (Mark::Bad, "cannot be read"),
            Word::LeftAlone => (Mark::Skipped, "skipped"),
        };
        write!(page, "{mark} {:WIDTH$}  {}: {word}", self.store, self.place)?;
        if let Some(why) = &self.why {
            write!(page, ": {why}")?;
        }
        if !self.others.is_empty() {
            let names: Vec<_> = self.others.iter().map(HeldRoot::name).collect();
            write!(page, "; also trusts {}", names.join(", "))?;
        }
        writeln!(page)
    }
}
