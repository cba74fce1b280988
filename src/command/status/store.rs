//! A trust store in the report of `devca status`.

use std::io::{self, Write};

use devca_platform::{Anchor, Found, Store};
use serde::Serialize;

use super::StatusProblem;
use crate::command::shared::held::{self, HeldRoot};
use crate::command::shared::stores::WIDTH;
use crate::report::{self, Mark};

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct StoreState {
    /// The kind of store: system, nss or java.
    store: &'static str,
    /// The file, folder or program of the store.
    place: String,
    #[serde(rename = "state")]
    word: TrustState,
    /// Why it cannot be read or was skipped.
    #[serde(rename = "message", skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// Roots of other local CAs that it trusts.
    others: Vec<HeldRoot>,
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
enum TrustState {
    #[serde(rename = "trusted")]
    Holds,
    #[serde(rename = "not-trusted")]
    Lacks,
    /// It trusts a different devca root.
    #[serde(rename = "other-root")]
    HoldsAnother,
    #[serde(rename = "unreadable")]
    CannotTell,
    #[serde(rename = "skipped")]
    LeftAlone,
}

pub(super) fn look_at(
    found: &Found,
    anchor: Option<&Anchor>,
    problems: &mut Vec<StatusProblem>,
) -> StoreState {
    match found {
        Found::Store(store) => ask(&**store, anchor, problems),
        Found::Remark(remark) => {
            let word = if remark.is_failure { TrustState::CannotTell } else { TrustState::LeftAlone };
            if remark.is_failure {
                let what = format!("{}: {}", remark.place, remark.problem.why);
                problems.push(StatusProblem { what, hint: remark.problem.hint.clone() });
            }
            let (store, place) = (remark.kind.name(), remark.place.clone());
            StoreState { store, place, word, why: Some(remark.problem.why.clone()), others: Vec::new() }
        }
    }
}

fn ask(store: &dyn Store, anchor: Option<&Anchor>, problems: &mut Vec<StatusProblem>) -> StoreState {
    let mut state = StoreState {
        store: store.kind().name(),
        place: store.place(),
        word: TrustState::Lacks,
        why: None,
        others: Vec::new(),
    };
    let answer = anchor
        .map_or(Ok(false), |anchor| store.holds(anchor))
        .and_then(|holds| Ok((holds, held::local_roots(store)?)));
    match answer {
        Err(problem) => {
            state.word = TrustState::CannotTell;
            problems.push(StatusProblem {
                what: format!("{}: {}", state.place, problem.why),
                hint: problem.hint,
            });
            state.why = Some(problem.why);
        }
        Ok((holds, mut others)) => {
            others.retain(|root| !anchor.is_some_and(|anchor| root.is(&anchor.der)));
            let another = others.iter().any(HeldRoot::is_devca);
            state.word = match (holds, another) {
                (true, _) => TrustState::Holds,
                (false, true) => TrustState::HoldsAnother,
                (false, false) => TrustState::Lacks,
            };
            state.others = others;
        }
    }
    state
}

impl StoreState {
    /// Whether the root is missing but could be installed.
    pub(super) fn lacks_root(&self) -> bool {
        matches!(self.word, TrustState::Lacks | TrustState::HoldsAnother)
    }

    pub(super) fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        let (mark, word) = match self.word {
            TrustState::Holds => (Mark::Good, "trusted"),
            TrustState::Lacks => (Mark::Bad, "not trusted"),
            TrustState::HoldsAnother => (Mark::Bad, "not trusted, but another devca root is"),
            TrustState::CannotTell => (Mark::Bad, "cannot be read"),
            TrustState::LeftAlone => (Mark::Skipped, "skipped"),
        };
        let mut text = format!("{}: {word}", report::tildes(&self.place));
        if let Some(why) = &self.why {
            text = format!("{text}: {why}");
        }
        if !self.others.is_empty() {
            let names: Vec<_> = self.others.iter().map(HeldRoot::name).collect();
            text = format!("{text}; also trusts {}", names.join(", "));
        }
        writeln!(page, "{}", report::hanging(&format!("{mark} {:WIDTH$}  ", self.store), &text))
    }
}
