//! What devca issues only if the user agrees: certificates for public addresses.

use crate::command::Context;
use crate::error::Fault;
use crate::x509::name::Name;

/// Asks on a terminal whether to issue for a public address.
pub fn ask_for_address(context: &Context, name: &Name) -> Result<(), Fault> {
    let question = format!("{name} is not a private address. Issue a certificate for it?");
    if context.report.ask(&question) == Some(true) { Ok(()) } else { Err(public_address(name)) }
}

/// The error for a public address that the user has not agreed to. Permitting it in the root is not the first choice,
/// because that constrains addresses, which BoringSSL does not support.
pub fn public_address(name: &Name) -> Fault {
    Fault::new(
        format!("{name} is not a private address"),
        format!(
            "issue it anyway with --yes; to limit the root to such addresses, permit it: devca permit {name}"
        ),
    )
}
