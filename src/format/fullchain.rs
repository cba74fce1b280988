//! What nginx, Apache and Node call the full chain: the leaf with its intermediates, and the key in a second
//! file.

use zeroize::Zeroizing;

use super::{Holds, Material, Part, pem};

pub(super) const PARTS: &[Part] =
    &[pem::KEY, Part { label: "fullchain", suffix: "-fullchain.pem", holds: Holds::Certificate, render }];

fn render(material: &Material) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    Ok(material.chain().into())
}
