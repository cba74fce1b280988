//! Notes certificates whose validity was shortened, because they cannot be valid longer than their issuer.

use time::OffsetDateTime;

use crate::command::Context;
use crate::issued::inventory::Entry;

/// The shortened certificates among those that were issued.
#[derive(Default)]
pub(in crate::command) struct Shortened {
    count: usize,
    /// When the issuer of the last one expires, and what it is.
    end: Option<(OffsetDateTime, &'static str)>,
}

impl Shortened {
    /// Counts the certificate if it was shortened.
    pub(in crate::command) fn add(&mut self, entry: &Entry) {
        if entry.days.is_some() {
            self.count += 1;
            self.end = Some((entry.not_after, if entry.intermediate { "intermediate" } else { "root" }));
        }
    }

    /// Notes when they expire, and how to get longer ones.
    pub(in crate::command) fn note(&self, context: &Context) {
        let Some((end, issuer)) = self.end else { return };
        let (who, longer) = match self.count {
            1 => ("the certificate expires".to_owned(), "a longer one"),
            count => (format!("{count} certificates expire"), "longer ones"),
        };
        let rotate = context.folder.hint("devca rotate");
        context.report.note(format!(
            "{who} with the {issuer}, on {}; for {longer}, replace the root: {rotate}",
            end.date()
        ));
    }
}
