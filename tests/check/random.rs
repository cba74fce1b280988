//! Random networks of CAs.

use super::cases::{Case, OF_ANY, OF_CA, OF_LEAF, Property, case, plain, rename};
use super::forge::{Draft, SUBJECT_KEY_ID, der};

/// The number of chains.
const COUNT: usize = 400;

/// The same chains in every run, except for keys and dates.
pub(super) fn all() -> Vec<Case> {
    let mut numbers = Random(13);
    (0..COUNT).map(|_| random(&mut numbers)).collect()
}

/// The splitmix64 generator, which is the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).unwrap()
    }

    fn property(&mut self, is_leaf: bool) -> Property {
        let own = if is_leaf { OF_LEAF } else { OF_CA };
        let at = self.below(OF_ANY.len() + own.len());
        OF_ANY.get(at).copied().unwrap_or_else(|| own[at - OF_ANY.len()])
    }
}

/// Returns a chain of up to three intermediates with random twins, namesakes, cross-certificates, loops and
/// properties.
fn random(random: &mut Random) -> Case {
    let mut chain = plain(random.below(4));
    let mut label = vec![format!("random, {} certificates", chain.len())];
    let top = chain.len() - 1;
    for _ in 0..random.below(3) {
        let level = random.below(chain.len());
        let (what, change) = random.property(level == 0);
        change(&mut chain[level]);
        label.push(format!("{level}: {what}"));
    }
    rename(&mut chain);
    let mut roots = vec![chain[top].clone()];
    let mut sent = chain[..top].to_vec();
    for _ in 0..random.below(4) {
        let level = 1 + random.below(top);
        let mut more = chain[level].clone();
        let kind = random.below(5);
        label.push(format!(
            "{} {level}",
            ["twin of", "namesake of", "stranger's cross of", "loop from", "repeated"][kind]
        ));
        match kind {
            0 => {
                let (what, change) = random.property(false);
                change(&mut more);
                more.subject.clone_from(&chain[level].subject);
                label.push(format!("({what})"));
            }
            1 => {
                more.key = 8;
                more.set(SUBJECT_KEY_ID, false, &der(4, &[8; 20]));
            }
            2 => {
                (more.issuer, more.signer) = ("stranger".into(), 9);
                more.set_authority_key_id(9);
                if random.below(2) == 0 {
                    roots.insert(random.below(roots.len() + 1), Draft::ca("stranger", 9, "stranger", 9));
                    label.push("(trusted)".into());
                }
            }
            3 => {
                let below = 1 + random.below(level);
                (more.issuer, more.signer) = (chain[below].subject.clone(), chain[below].key);
                more.set_authority_key_id(chain[below].key);
            }
            _ => {}
        }
        if level == top && random.below(2) == 0 {
            roots.insert(random.below(roots.len() + 1), more);
            label.push("(among the roots)".into());
        } else {
            sent.insert(1 + random.below(sent.len()), more);
        }
    }
    if sent.len() > 2 && random.below(4) == 0 {
        let at = 1 + random.below(sent.len() - 1);
        let moved = sent.remove(at);
        sent.insert(1 + random.below(sent.len()), moved);
        label.push("one moved".into());
    }
    if sent.len() > 1 && random.below(8) == 0 {
        sent.remove(1 + random.below(sent.len() - 1));
        label.push("one left out".into());
    }
    case(label.join("; "), &sent, &roots)
}
