//! Name constraints, which limit what a root may sign for (RFC 5280 §4.2.1.10).

use serde::Serialize;
use x509_parser::extensions::NameConstraints;

use crate::x509::name::Name;
use crate::x509::subtree::Subtree;

/// The name constraints of a root. If both lists are empty, it may sign for anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Constraints {
    /// The permitted subtrees: a name of a type listed here must be within one of them.
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    pub permitted: Vec<Subtree>,
    /// The excluded subtrees, in which names are rejected. devca creates none, but an imported root may have
    /// some.
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    pub excluded: Vec<Subtree>,
}

impl Constraints {
    /// Whether the root has no name constraints.
    pub fn is_unconstrained(&self) -> bool {
        self.permitted.is_empty() && self.excluded.is_empty()
    }

    /// Whether all host names are permitted, but for those that are excluded.
    pub fn permit_any_host(&self) -> bool {
        self.permitted.iter().all(Subtree::is_network)
    }

    /// Whether there are constraints on addresses. BoringSSL then rejects every certificate that contains an
    /// address.
    pub fn constrain_addresses(&self) -> bool {
        self.permitted.iter().chain(&self.excluded).any(Subtree::is_network)
    }

    /// Adds a subtree. Returns whether it was new.
    pub fn add(&mut self, subtree: Subtree) -> bool {
        let is_new = !self.permitted.contains(&subtree);
        if is_new {
            self.permitted.push(subtree);
        }
        is_new
    }

    /// Whether a client that enforces the constraints accepts this name.
    pub fn permit(&self, name: &Name) -> bool {
        let of_its_type = || self.permitted.iter().filter(|subtree| subtree.same_type(name));
        !self.excluded.iter().any(|subtree| subtree.covers(name))
            && (of_its_type().next().is_none() || of_its_type().any(|subtree| subtree.covers(name)))
    }

    /// Converts the constraints for rcgen; `None` if there are none.
    pub fn to_extension(&self) -> Option<rcgen::NameConstraints> {
        (!self.is_unconstrained()).then(|| rcgen::NameConstraints {
            permitted_subtrees: self.permitted.iter().map(Subtree::to_general).collect(),
            excluded_subtrees: self.excluded.iter().map(Subtree::to_general).collect(),
        })
    }

    /// Reads the constraints of a CA that devca signs with and may sign again. Returns `None` if they cannot
    /// be represented completely.
    pub fn from_extension_exactly(extension: &NameConstraints) -> Option<Self> {
        let stand = |list: &Option<Vec<_>>| list.as_ref().map_or(0, Vec::len);
        let read = Self::from_extension(Some(extension));
        (read.permitted.len() == stand(&extension.permitted_subtrees)
            && read.excluded.len() == stand(&extension.excluded_subtrees))
        .then_some(read)
    }

    /// Reads the constraints of any certificate, ignoring everything except domains and address ranges.
    pub fn from_extension(extension: Option<&NameConstraints>) -> Self {
        let read = |list: Option<&Vec<x509_parser::extensions::GeneralSubtree>>| {
            list.into_iter().flatten().filter_map(|subtree| Subtree::from_general(&subtree.base)).collect()
        };
        Self {
            permitted: read(extension.and_then(|e| e.permitted_subtrees.as_ref())),
            excluded: read(extension.and_then(|e| e.excluded_subtrees.as_ref())),
        }
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    fn permits(list: &[&str], name: &str) -> bool {
        let permitted = list.iter().map(|word| Subtree::parse(word).unwrap()).collect();
        Constraints { permitted, excluded: vec![] }.permit(&Name::parse(name).unwrap())
    }

    #[test]
    fn a_domain_covers_itself_and_what_is_below() {
        for name in ["test", "app.test", "*.app.test"] {
            assert!(permits(&["test", "10.0.0.0/8"], name), "{name}");
        }
        for name in ["nottest", "www.nottest", "test.com", "localhost"] {
            assert!(!permits(&["test"], name), "{name}");
        }
    }

    #[test]
    fn an_address_is_matched_by_its_prefix() {
        for (list, name, fits) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("128.0.0.0/16", "8.8.8.8", false),
            ("8.8.8.8", "8.8.8.8", true),
            ("8.8.8.8", "8.8.8.9", false),
            ("fe80::/10", "fe80::1", true),
            ("fe80::/10", "fec0::1", false),
            ("10.0.0.0/8", "::1", false),
        ] {
            assert_eq!(permits(&[list], name), fits, "{list} {name}");
        }
    }

    #[test]
    fn name_types_without_a_constraint_are_unrestricted() {
        assert!(permits(&["test"], "alice@example.com"));
        assert!(permits(&["test"], "spiffe://dev/alice"));
        assert!(permits(&[], "www.example-bank.com"));
    }
}
