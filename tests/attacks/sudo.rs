//! A process of the person's own wants root's rights, and waits for `sudo devca`.

use crate::common::{in_namespace, words};
use crate::people::User;

#[test]
fn a_user_without_sudo_gains_nothing_by_naming_somebody_in_sudo_user() {
    if !in_namespace("sudo::a_user_without_sudo_gains_nothing_by_naming_somebody_in_sudo_user") {
        return;
    }
    let (alice, mallory) = (User::new("alice"), User::new("mallory"));
    let output = mallory.run("SUDO_USER=alice SUDO_UID=0 devca issue localhost");
    assert!(output.status.success(), "{}", words(&output));
    assert!(mallory.ca().join("root.pem").exists() && !alice.ca().exists());
}
