//! The TLS clients: each makes one connection and reports whether it trusts the server.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use super::{Home, ok, project, tool, words};

/// A client, and its messages for rejecting each fault.
pub struct Client {
    pub name: &'static str,
    command: fn(ca: Option<&Path>, port: u16, host: &str) -> Command,
    pub wrong_name: &'static [&'static str],
    pub expired: &'static [&'static str],
    pub unknown_root: &'static [&'static str],
}

impl Client {
    /// Connects to loopback, expecting `host`. Without a CA file, the client uses the roots that it finds on
    /// the machine.
    pub fn connect(&self, ca: Option<&Path>, port: u16, host: &str) -> Output {
        self.connect_as(None, ca, port, host)
    }

    /// Does the same with a client certificate and its key.
    pub fn connect_as(
        &self,
        identity: Option<(&Path, &Path)>,
        ca: Option<&Path>,
        port: u16,
        host: &str,
    ) -> Output {
        let mut command = (self.command)(ca, port, host);
        if let Some((certificate, key)) = identity {
            // Clients that are scripts take both as plain arguments.
            let (first, second) = match self.name {
                "curl" => ("--cert", "--key"),
                "wget" => ("--certificate", "--private-key"),
                "openssl s_client" => ("-cert", "-key"),
                "gnutls-cli" => ("--x509certfile", "--x509keyfile"),
                _ => ("", ""),
            };
            let words = [first.as_ref(), certificate.as_os_str(), second.as_ref(), key.as_os_str()];
            command.args(words.into_iter().filter(|word| !word.is_empty()));
        }
        for name in super::runtime_variables() {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).output().unwrap()
    }

    pub fn accepts(&self, ca: Option<&Path>, port: u16, host: &str) {
        let output = self.connect(ca, port, host);
        assert!(output.status.success(), "{} refuses {host}: {}", self.name, words(&output));
    }

    /// The client must reject the server, for one of these reasons.
    pub fn refuses(&self, ca: Option<&Path>, port: u16, host: &str, reasons: &[&str]) {
        let output = self.connect(ca, port, host);
        assert!(!output.status.success(), "{} accepts {host}", self.name);
        let said = words(&output);
        assert!(
            reasons.iter().any(|reason| said.contains(reason)),
            "{} refuses {host}, but not with {reasons:?}: {said}",
            self.name
        );
    }
}

pub const CLIENTS: &[Client] = &[
    Client {
        name: "curl",
        command: |ca, port, host| {
            let mut curl = Command::new(tool("curl"));
            curl.args(["-sS", "--noproxy", "*", "--resolve"]).arg(format!("{host}:{port}:127.0.0.1"));
            if let Some(ca) = ca {
                curl.arg("--cacert").arg(ca);
            }
            curl.arg(format!("https://{host}:{port}/"));
            curl
        },
        wrong_name: &["no alternative certificate subject name matches"],
        expired: &["certificate has expired"],
        unknown_root: &["unable to get local issuer certificate"],
    },
    Client {
        name: "wget",
        command: |ca, port, host| {
            let mut wget = where_it_is_this_machine(host);
            wget.arg(tool("wget")).args(["-O", "-", "--no-proxy"]);
            if let Some(ca) = ca {
                wget.arg("--ca-certificate").arg(ca);
            }
            wget.arg(format!("https://{host}:{port}/"));
            wget
        },
        wrong_name: &["owner does not match hostname"],
        expired: &["expired"],
        unknown_root: &["Unable to locally verify", "doesn't have a known issuer", "is not trusted"],
    },
    Client {
        name: "openssl s_client",
        command: |ca, port, host| {
            let mut openssl = Command::new(tool("openssl"));
            openssl
                .args(["s_client", "-brief", "-verify_return_error", "-connect"])
                .arg(format!("127.0.0.1:{port}"));
            let option = if host.parse::<IpAddr>().is_ok() { "-verify_ip" } else { "-verify_hostname" };
            openssl.args(["-servername", host, option, host]);
            if let Some(ca) = ca {
                openssl.arg("-no-CApath").arg("-no-CAstore").arg("-CAfile").arg(ca);
            }
            openssl
        },
        wrong_name: &["hostname mismatch"],
        expired: &["certificate has expired"],
        unknown_root: &["unable to get local issuer certificate"],
    },
    Client {
        name: "gnutls-cli",
        command: |ca, port, host| {
            let mut gnutls = Command::new(tool("gnutls-cli"));
            gnutls.args(["127.0.0.1", "-p"]).arg(port.to_string());
            gnutls.args(["--sni-hostname", host, "--verify-hostname", host]);
            if let Some(ca) = ca {
                gnutls.arg("--x509cafile").arg(ca);
            }
            gnutls
        },
        wrong_name: &["The name in the certificate does not match"],
        expired: &["The certificate chain uses expired certificate"],
        unknown_root: &["The certificate issuer is unknown"],
    },
    Client {
        name: "Node",
        command: |ca, port, host| script("node", "client.mjs", ca, port, host),
        wrong_name: &["ERR_TLS_CERT_ALTNAME_INVALID"],
        expired: &["CERT_HAS_EXPIRED"],
        unknown_root: &["UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
    },
    Client {
        name: "Python",
        command: |ca, port, host| script("python3", "client.py", ca, port, host),
        wrong_name: &["Hostname mismatch"],
        expired: &["certificate has expired"],
        unknown_root: &["unable to get local issuer certificate"],
    },
    Client {
        name: "Java",
        command: |ca, port, host| {
            let mut java = Command::new(tool("java"));
            java.arg("-cp").arg(java_classes()).arg("Client");
            with_words(java, ca, port, host)
        },
        wrong_name: &["matching"],
        expired: &["validity check failed"],
        unknown_root: &[
            "unable to find valid certification path",
            "does not chain with any of the trust anchors",
        ],
    },
    Client {
        name: "Go",
        command: |ca, port, host| with_words(Command::new(go_client()), ca, port, host),
        wrong_name: &["certificate is valid for"],
        expired: &["certificate has expired or is not yet valid"],
        unknown_root: &["certificate signed by unknown authority"],
    },
];

/// Runtimes with their own verifier, or with another version of a library.
pub const RUNTIMES: &[Client] = &[
    Client {
        name: "Ruby",
        command: |ca, port, host| script("ruby", "client.rb", ca, port, host),
        wrong_name: &["hostname mismatch"],
        expired: &["certificate has expired"],
        unknown_root: &["unable to get local issuer certificate"],
    },
    Client {
        name: "PHP streams",
        command: |ca, port, host| php("stream", ca, port, host),
        wrong_name: &["did not match expected name"],
        expired: &["certificate verify failed"],
        unknown_root: &["certificate verify failed"],
    },
    Client {
        name: "PHP curl",
        command: |ca, port, host| php("curl", ca, port, host),
        wrong_name: &["no alternative certificate subject name matches"],
        expired: &["certificate has expired"],
        unknown_root: &["unable to get local issuer certificate"],
    },
    Client {
        name: "Node 22",
        command: |ca, port, host| script("node-22", "client.mjs", ca, port, host),
        wrong_name: &["ERR_TLS_CERT_ALTNAME_INVALID"],
        expired: &["CERT_HAS_EXPIRED"],
        unknown_root: &["UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
    },
    Client {
        name: "Node 24",
        command: |ca, port, host| script("node-24", "client.mjs", ca, port, host),
        wrong_name: &["ERR_TLS_CERT_ALTNAME_INVALID"],
        expired: &["CERT_HAS_EXPIRED"],
        unknown_root: &["UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
    },
    Client {
        name: "Deno",
        command: |ca, port, host| {
            let mut deno = where_it_is_this_machine(host);
            deno.arg(tool("deno")).args(["run", "--quiet", "--no-config", "--allow-read", "--allow-net"]);
            deno.arg(project().join("tests/clients/fetch.mjs"));
            with_words(deno, ca, port, host)
        },
        wrong_name: &["certificate not valid for name"],
        expired: &["certificate expired"],
        unknown_root: &["UnknownIssuer"],
    },
    Client {
        name: "Bun node:https",
        command: |ca, port, host| script("bun", "client.mjs", ca, port, host),
        wrong_name: &["ERR_TLS_CERT_ALTNAME_INVALID"],
        expired: &["CERT_HAS_EXPIRED"],
        unknown_root: &["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "UNABLE_TO_GET_ISSUER_CERT_LOCALLY"],
    },
    Client {
        name: "Bun fetch",
        command: |ca, port, host| {
            let mut bun = where_it_is_this_machine(host);
            bun.arg(tool("bun")).arg(project().join("tests/clients/fetch.mjs"));
            with_words(bun, ca, port, host)
        },
        wrong_name: &["ERR_TLS_CERT_ALTNAME_INVALID"],
        expired: &["CERT_HAS_EXPIRED"],
        unknown_root: &["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "UNABLE_TO_GET_ISSUER_CERT_LOCALLY"],
    },
    Client {
        name: "workerd",
        command: |ca, port, host| {
            let mut workerd = where_it_is_this_machine(host);
            workerd.arg(project().join("tests/clients/workerd")).arg(tool("workerd"));
            with_words(workerd, ca, port, host)
        },
        wrong_name: &["Hostname mismatch"],
        expired: &["certificate has expired"],
        unknown_root: &["unable to get local issuer certificate"],
    },
    Client {
        name: "miniflare",
        command: |ca, port, host| {
            let mut node = where_it_is_this_machine(host);
            node.arg(tool("node")).arg(project().join("tests/clients/miniflare.mjs"));
            node.arg(project().join("target/tools/node_modules"));
            with_words(node, ca, port, host)
        },
        wrong_name: &["Hostname mismatch"],
        expired: &["certificate has expired"],
        unknown_root: &["unable to get local issuer certificate"],
    },
];

/// Runs the rest of the command line where this name resolves to loopback, for programs that resolve names
/// themselves.
pub fn where_it_is_this_machine(host: &str) -> Command {
    let mut command = Command::new(project().join("tests/clients/hosts"));
    command.arg(host);
    command
}

fn php(how: &str, ca: Option<&Path>, port: u16, host: &str) -> Command {
    let mut php = Command::new(tool("php"));
    php.arg(project().join("tests/clients/client.php")).arg(how);
    with_words(php, ca, port, host)
}

/// Makes one call with gRPC, whose server is in the same process; see `tests/clients/grpc_pair.py`.
pub fn grpc(ca: &Path, host: &str, server: (&Path, &Path), client: Option<[&Path; 3]>) -> Output {
    let mut grpc = Command::new(project().join("target/tools/grpc/bin/python"));
    grpc.arg(project().join("tests/clients/grpc_pair.py")).arg(ca).arg(host).args([server.0, server.1]);
    grpc.args(client.iter().flatten());
    for name in super::runtime_variables() {
        grpc.env_remove(name);
    }
    grpc.stdin(Stdio::null()).output().expect("tests/setup installs gRPC")
}

fn script(interpreter: &str, file: &str, ca: Option<&Path>, port: u16, host: &str) -> Command {
    let mut command = Command::new(tool(interpreter));
    command.arg(project().join("tests/clients").join(file));
    with_words(command, ca, port, host)
}

pub fn with_words(mut command: Command, ca: Option<&Path>, port: u16, host: &str) -> Command {
    command.arg(ca.unwrap_or(Path::new("-"))).arg(port.to_string()).arg(host);
    command
}

/// A separate folder in which each test program compiles it once.
fn build_folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

pub fn go_client() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| go_program("client"))
}

/// Compiles a Go program in `tests/clients`, with Debian's Go.
pub fn go_program(name: &str) -> PathBuf {
    built_with(&tool("go"), name)
}

/// The same with the current Go, which words some errors differently.
pub fn current_go_program(name: &str) -> PathBuf {
    let go = project().join("target/tools/python/bin/go");
    assert!(go.exists(), "{} is missing: tests/setup", go.display());
    built_with(&go, name)
}

fn built_with(go: &Path, name: &str) -> PathBuf {
    let program = build_folder("go").join(name);
    if !program.exists() {
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-cache");
        let built = Command::new(go)
            .args(["build", "-o"])
            .arg(&program)
            .arg(project().join("tests/clients").join(format!("{name}.go")))
            .env("GOCACHE", cache)
            .env("GOFLAGS", "-mod=mod")
            .env("GO111MODULE", "off")
            .output()
            .unwrap();
        assert!(built.status.success(), "go build: {}", words(&built));
    }
    program
}

/// Compiles a client in C with these libraries.
pub fn c_client(name: &str, libraries: &[&str]) -> PathBuf {
    let built = build_folder("c").join(name);
    if !built.exists() {
        let mut cc = Command::new(tool("cc"));
        cc.args(["-Wall", "-Wextra", "-Werror", "-o"]).arg(&built);
        cc.arg(project().join("tests/clients").join(format!("{name}.c")));
        let output = cc.args(libraries).output().unwrap();
        assert!(
            output.status.success(),
            "cc {name}.c (tests/setup installs what it needs): {}",
            words(&output)
        );
    }
    built
}

/// Compiles a program in its own project, tests/rust, and keeps the result: only the first run takes long.
pub fn rust_program(name: &str, source: &Path) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rust");
    std::fs::create_dir_all(folder.join("src/bin")).unwrap();
    for file in ["Cargo.toml", "Cargo.lock"] {
        std::fs::copy(project().join("tests/rust").join(file), folder.join(file)).unwrap();
    }
    std::fs::copy(source, folder.join(format!("src/bin/{name}.rs"))).unwrap();
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--locked", "--target-dir", "target", "--bin", name]);
    let output = build.current_dir(&folder).output().unwrap();
    assert!(output.status.success(), "{name}: {}", words(&output));
    folder.join("target/debug").join(name)
}

pub fn java_classes() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = build_folder("java");
        let built = Command::new(tool("javac"))
            .arg("-d")
            .arg(&folder)
            .arg(project().join("tests/clients/Client.java"))
            .output()
            .unwrap();
        assert!(built.status.success(), "javac: {}", words(&built));
        folder
    })
}

/// A small JDK whose cacerts is not a link.
pub fn own_jdk(home: &Home) -> PathBuf {
    let jdk = home.home().join(".jdks/own");
    std::fs::create_dir_all(jdk.parent().unwrap()).unwrap();
    ok("jlink", ["--add-modules", "java.base,jdk.crypto.ec", "--output", jdk.to_str().unwrap()]);
    let cacerts = jdk.join("lib/security/cacerts");
    let _ = std::fs::remove_file(&cacerts);
    std::fs::copy("/etc/ssl/certs/java/cacerts", &cacerts).unwrap();
    jdk
}
