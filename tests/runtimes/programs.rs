//! What each program of the tables in docs/stores.md trusts: by default, with its variable alone, with `devca
//! run`, and after `devca install`.

use std::path::Path;
use std::process::Output;

use crate::common::clients::{go_client, java_classes, rust_program};
use crate::common::{Home, Server, in_namespace, project, tool, words};
use crate::list::{NOT_SEEN, OPTIONS, PROGRAMS, Program};

/// The servers that the programs connect to, and the environment with their addresses.
struct Bench<'a> {
    home: &'a Home,
    variables: Vec<(&'static str, String)>,
    _servers: Vec<Server>,
}

impl<'a> Bench<'a> {
    fn new(home: &'a Home) -> Self {
        let tools = ["python/bin/aws", "grpc/bin/python", "node_modules/node-22", "node_modules/node-24"];
        let modules = ["bun", "deno", "workerd", "miniflare", "pnpm", "yarn"];
        let modules = modules.map(|name| format!("node_modules/.bin/{name}"));
        for tool in tools.iter().copied().chain(modules.iter().map(String::as_str)) {
            let tool = project().join("target/tools").join(tool);
            assert!(tool.exists(), "{} is missing: tests/setup installs it", tool.display());
        }
        home.ok(["issue", "localhost"]);
        let pair = [home.file("localhost.pem"), home.file("localhost-key.pem")];
        let page = Server::page(&pair[0], &pair[1]);
        let others = ["tls", "mysql", "postgres"].map(|protocol| {
            let mut server = home.command(&tool("python3"), [project().join("tests/clients/starttls.py")]);
            server.args(&pair).args([protocol, "accept"]);
            Server::spawn(server)
        });
        let text = |path: &Path| path.display().to_string();
        let rust = rust_program("client", &project().join("tests/rust/client.rs"));
        let variables = vec![
            ("URL", format!("https://localhost:{}/", page.port)),
            ("PORT", page.port.to_string()),
            ("TLS_PORT", others[0].port.to_string()),
            ("MYSQL_PORT", others[1].port.to_string()),
            ("POSTGRES_PORT", others[2].port.to_string()),
            ("ROOT", text(&home.root())),
            ("NODE", text(&tool("node"))),
            ("PYTHON", text(&project().join("target/tools/python/bin/python"))),
            ("CLIENTS", text(&project().join("tests/clients"))),
            ("MODULES", text(&project().join("target/tools/node_modules"))),
            ("JAVA_CLASSES", text(java_classes())),
            ("GO_CLIENT", text(go_client())),
            ("RUST_CLIENT", text(&rust)),
            ("CARGO", env!("CARGO").to_owned()),
            ("AWS_ACCESS_KEY_ID", "none".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "none".to_owned()),
            ("AWS_DEFAULT_REGION", "none".to_owned()),
            ("AWS_MAX_ATTEMPTS", "1".to_owned()),
            ("no_proxy", "*".to_owned()),
        ];
        Self { home, variables, _servers: [page].into_iter().chain(others).collect() }
    }

    /// Runs a script, preceded by these words.
    fn run(&self, script: &str, before: &[&str]) -> Output {
        let devca = env!("CARGO_BIN_EXE_devca");
        let before = before.iter().map(|word| if *word == "devca" { devca } else { word });
        let mut command = self.home.command(&tool("env"), before);
        command.args(["sh", "-c", script]).envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.output().unwrap()
    }

    /// Reports a program that does not decide as expected.
    fn judge(&self, program: &Program, before: &[&str], expected: bool) -> Option<String> {
        let output = self.run(program.script, before);
        let reached = program.reached.is_some_and(|text| words(&output).contains(text));
        let trusts = output.status.success() || reached;
        let what = if trusts { "trusts" } else { "does not trust" };
        let said = || format!("{} {what} the server with {before:?}: {}", program.name, words(&output));
        (trusts != expected).then(said)
    }
}

/// Runs this for each program, with as many at once as two cores can handle.
fn each(ask: impl Fn(&Program) -> Vec<Option<String>> + Sync) {
    let mut wrong = Vec::new();
    for some in PROGRAMS.chunks(4) {
        std::thread::scope(|scope| {
            let asked: Vec<_> = some.iter().map(|program| scope.spawn(|| ask(program))).collect();
            wrong.extend(asked.into_iter().flat_map(|thread| thread.join().unwrap()).flatten());
        });
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn programs_trust_the_root_with_devca_run_and_not_without() {
    if !in_namespace("programs::programs_trust_the_root_with_devca_run_and_not_without") {
        return;
    }
    let home = Home::new();
    let bench = Bench::new(&home);
    let variables: serde_json::Value = serde_json::from_str(&home.ok(["env", "--shell", "json"])).unwrap();
    each(|program| {
        let alone = program.variables.iter().map(|names| {
            let setting = |name| format!("{name}={}", variables[name].as_str().unwrap());
            let settings: Vec<String> = names.split(' ').map(setting).collect();
            bench.judge(program, &settings.iter().map(String::as_str).collect::<Vec<_>>(), true)
        });
        let nothing = bench.judge(program, &[], false);
        let run = bench.judge(program, &["devca", "run", "--"], program.runs);
        alone.chain([nothing, run]).collect()
    });
    for (script, reached) in OPTIONS {
        let output = bench.run(script, &[]);
        let trusts = reached.map_or(output.status.success(), |text| words(&output).contains(text));
        assert!(trusts, "{script}: {}", words(&output));
    }
    assert!(!home.home().join(".local/share/pki").exists(), "no store is touched");
}

#[test]
fn programs_trust_the_root_after_install_as_the_table_says() {
    if !in_namespace("programs::programs_trust_the_root_after_install_as_the_table_says") {
        return;
    }
    let home = Home::new();
    let bench = Bench::new(&home);
    home.ok(["install", "--store", "system"]);
    each(|program| {
        let plain = program.reads_system.and_then(|expected| bench.judge(program, &[], expected));
        let switched = program.switches.iter().map(|switch| {
            let words: Vec<&str> = switch.split(' ').collect();
            bench.judge(program, &words, true)
        });
        switched.chain([plain]).collect()
    });
}

/// The table in docs/stores.md has a row for each variable with its readers, and each reader is tested here
/// or marked as untested.
#[test]
fn the_table_of_the_documentation_is_the_programs() {
    use devca_platform::runtime::{Effect, VARIABLES};
    let text = std::fs::read_to_string(project().join(Path::new("docs/stores.md"))).unwrap();
    let not_seen = text.split("**Not yet seen**").nth(1).unwrap();
    for variable in VARIABLES {
        let effect = match variable.effect {
            Effect::Adds => "adds".into(),
            Effect::Replaces | Effect::JvmOptions => "replaces".into(),
            Effect::ReadsSystem(value) => format!("`{value}`: reads the system's store"),
            Effect::PhpFolders => "adds a setting".to_owned(),
        };
        let row = format!("| `{}` | {} | {effect} |", variable.name, variable.readers);
        assert!(text.contains(&row), "docs/stores.md lacks the row {row}");
        let is_switch = |switch: &&str| switch.split('=').next() == Some(variable.name);
        let is_run = PROGRAMS.iter().any(|program| {
            program.variables.iter().any(|names| names.split(' ').any(|name| name == variable.name))
                || program.switches.iter().any(is_switch)
        });
        let is_not_seen = NOT_SEEN.contains(&variable.name) && not_seen.contains(variable.name);
        assert!(
            is_run != is_not_seen,
            "no program is run with {}, or docs/stores.md denies it",
            variable.name
        );
    }
}
