//! How challenges are validated.

use super::common::{project, tool};
use super::world::{World, succeed};
use super::{NOTHING, protocol};

/// Runs a case of `validation.py`.
fn validation(world: &World, case: &str) {
    let mut python = world.home.command(&tool("python3"), [project().join("tests/acme/validation.py")]);
    python.args([case, &world.directory()]).arg(world.home.root()).arg(world.http.to_string());
    let said = succeed(python.env("PYTHONDONTWRITEBYTECODE", "1"));
    assert!(said.ends_with("ok\n"), "{case}: {said}");
}

#[test]
fn a_challenge_that_is_not_met_is_explained() {
    let world = World::new(&[]);
    protocol(&world, "failing", NOTHING);
    world.acme.says("\"valid\":false");
}

#[test]
fn an_account_whose_servers_do_not_answer_does_not_delay_others() {
    validation(&World::new(&["--ephemeral"]), "fair");
}

#[test]
fn redirects_are_resolved_and_limited() {
    validation(&World::new(&["--ephemeral"]), "redirects");
}
