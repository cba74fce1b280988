//! The servers and the clients of the mutual TLS tests.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use super::World;
use super::common::{project, tool};

pub struct ServerKind {
    pub name: &'static str,
    command: fn(&World, &Path, u16) -> Command,
    /// Whether it says its port itself.
    says_port: bool,
    /// What it answers alice.
    pub greeting: &'static str,
}

pub const SERVERS: &[ServerKind] = &[
    ServerKind {
        name: "Node",
        command: |world, _, _| with_files(script("node", "server.mjs"), world),
        says_port: true,
        greeting: "Hello, alice",
    },
    ServerKind {
        name: "Python",
        command: |world, _, _| with_files(script("python3", "server.py"), world),
        says_port: true,
        greeting: "Hello, alice",
    },
    ServerKind {
        name: "openssl s_server",
        command: |world, _, _| {
            let mut server = Command::new(tool("openssl"));
            server.args([
                "s_server",
                "-accept",
                "127.0.0.1:0",
                "-www",
                "-Verify",
                "2",
                "-verify_return_error",
            ]);
            // Of a file of lists it reads one; of a file with certificates, all.
            server.args(["-no-CApath", "-no-CAstore", "-crl_check", "-CAfile", "clients-and-crl.pem"]);
            server
                .args(["-cert", "localhost.pem", "-key", "localhost-key.pem"])
                .current_dir(world.home.work());
            server
        },
        says_port: true,
        greeting: "Subject: O=devca development certificate, CN=alice",
    },
    ServerKind {
        name: "Java",
        command: |world, _, _| {
            let mut java = Command::new(tool("java"));
            java.arg("-cp").arg(java_classes()).arg("Mtls").arg("server").current_dir(world.home.work());
            // The trust store of a client's certificate holds the root of the clients' CA.
            java.args(["localhost-keystore.p12", "alice-client-truststore.p12", "crl.pem", "correct horse"]);
            java
        },
        says_port: true,
        greeting: "Hello, alice",
    },
    ServerKind {
        name: "nginx",
        command: |world, folder, port| {
            let work = world.home.work().display().to_string();
            let configuration = format!(
                "daemon off; master_process off; pid {folder}/pid; error_log {folder}/error;
                 events {{}}
                 http {{
                   access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
                   fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
                   map $ssl_client_s_dn $name {{ ~CN=(?<cn>[^,]+) $cn; }}
                   server {{
                     listen 127.0.0.1:{port} ssl;
                     ssl_certificate {work}/localhost.pem; ssl_certificate_key {work}/localhost-key.pem;
                     ssl_client_certificate {work}/clients.pem; ssl_crl {work}/crl.pem; ssl_verify_client on;
                     return 200 \"Hello, $name\\n\";
                   }}
                 }}",
                folder = folder.display()
            );
            fs::write(folder.join("nginx.conf"), configuration).unwrap();
            let mut nginx = Command::new(tool("nginx"));
            nginx.arg("-p").arg(folder).arg("-c").arg(folder.join("nginx.conf"));
            nginx
        },
        says_port: false,
        greeting: "Hello, alice",
    },
];

/// Servers that are not told of revocations here, or cannot be.
pub const TAKERS: &[ServerKind] = &[
    ServerKind {
        name: "Bun.serve",
        command: |world, _, _| with_files(script("bun", "bun.mjs"), world),
        says_port: true,
        greeting: "Hello, whoever you are",
    },
    ServerKind {
        name: "Go",
        command: |world, _, _| with_files(Command::new(go_program("server")), world),
        says_port: true,
        greeting: "Hello, alice",
    },
    ServerKind {
        name: "gnutls-serv",
        command: |world, _, port| {
            let mut server = Command::new(tool("gnutls-serv"));
            server.args(["--http", "--quiet", "--require-client-cert", "--verify-client-cert", "--port"]);
            server.arg(port.to_string()).args(["--x509cafile", "clients.pem", "--x509certfile"]);
            server.args(["localhost.pem", "--x509keyfile", "localhost-key.pem"]);
            server.current_dir(world.home.work());
            server
        },
        says_port: false,
        greeting: "This is the default message",
    },
    ServerKind {
        name: "HAProxy",
        command: |world, folder, port| {
            let work = world.home.work().display().to_string();
            let pair = ["localhost.pem", "localhost-key.pem"]
                .map(|file| fs::read_to_string(world.home.file(file)).unwrap());
            fs::write(folder.join("pair.pem"), pair.concat()).unwrap();
            let configuration = format!(
                "defaults\n mode http\n timeout client 20s\n timeout server 20s\n timeout connect 20s\n\
                 frontend tls\n bind 127.0.0.1:{port} ssl crt {}/pair.pem ca-file {work}/clients.pem verify required\n \
                 http-request return status 200 content-type text/plain lf-string \"Hello, %[ssl_c_s_dn(cn)]\"\n",
                folder.display()
            );
            fs::write(folder.join("haproxy.cfg"), configuration).unwrap();
            let mut haproxy = Command::new("/usr/sbin/haproxy");
            haproxy.args(["-db", "-f"]).arg(folder.join("haproxy.cfg"));
            haproxy
        },
        says_port: false,
        greeting: "Hello, alice",
    },
    ServerKind {
        name: "Caddy",
        command: |world, folder, port| {
            let work = world.home.work().display().to_string();
            let configuration = format!(
                "{{\n admin off\n auto_https disable_redirects\n storage file_system {}\n}}\n\
                 https://localhost:{port} {{\n bind 127.0.0.1\n tls {work}/localhost.pem {work}/localhost-key.pem {{\n \
                 client_auth {{\n mode require_and_verify\n trusted_ca_cert_file {work}/clients.pem\n }}\n }}\n \
                 respond \"Hello, {{tls_client_subject}}\"\n}}\n",
                folder.display()
            );
            fs::write(folder.join("Caddyfile"), configuration).unwrap();
            let mut caddy = Command::new(tool("caddy"));
            caddy.args(["run", "--adapter", "caddyfile", "--config"]).arg(folder.join("Caddyfile"));
            caddy.env("HOME", folder);
            caddy
        },
        says_port: false,
        greeting: "CN=alice",
    },
];

/// A server that runs; it ends with the value.
pub struct Server {
    child: Child,
    pub port: u16,
    _folder: tempfile::TempDir,
}

impl Server {
    pub fn start(kind: &ServerKind, world: &World) -> Self {
        let folder = tempfile::TempDir::new().unwrap();
        // Of those that must be told one; free a moment ago.
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = (kind.command)(world, folder.path(), free);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = if kind.says_port {
            let said = lines.by_ref().map_while(Result::ok).find_map(|line| {
                line.strip_prefix("ACCEPT ").and_then(|at| at.rsplit(':').next()?.trim().parse().ok())
            });
            said.unwrap_or_else(|| panic!("{} does not say where it listens", kind.name))
        } else {
            while TcpStream::connect(("127.0.0.1", free)).is_err() {
                assert!(child.try_wait().unwrap().is_none(), "{} has ended", kind.name);
                std::thread::yield_now();
            }
            free
        };
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, port, _folder: folder }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub struct Client {
    pub name: &'static str,
    command: fn(&World, u16, Option<&Path>) -> Command,
}

impl Client {
    /// Asks the server, showing the certificate whose files begin with this stem.
    pub fn ask(&self, world: &World, port: u16, stem: Option<&Path>) -> Output {
        let mut command = (self.command)(world, port, stem);
        for name in super::common::runtime_variables() {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).output().unwrap()
    }
}

pub const CLIENTS: &[Client] = &[
    Client {
        name: "curl",
        command: |world, port, stem| {
            let mut curl = Command::new(tool("curl"));
            curl.args(["-sS", "--noproxy", "*", "--cacert"]).arg(world.home.root());
            if let Some(stem) = stem {
                curl.arg("--cert").arg(pem(stem)).arg("--key").arg(key(stem));
            }
            curl.arg(format!("https://localhost:{port}/"));
            curl
        },
    },
    Client {
        name: "Node",
        command: |world, port, stem| asking(script("node", "client.mjs"), world, port, stem),
    },
    Client {
        name: "Python",
        command: |world, port, stem| asking(script("python3", "client.py"), world, port, stem),
    },
    Client { name: "Go", command: |world, port, stem| asking(Command::new(go_client()), world, port, stem) },
    Client {
        name: "Java",
        command: |world, port, stem| {
            let mut java = Command::new(tool("java"));
            java.arg("-cp").arg(java_classes()).args(["Mtls", "client"]);
            java.arg(world.home.file("localhost-truststore.p12")).arg("correct horse").arg(port.to_string());
            java.args(stem.map(|stem| with_suffix(stem, "-keystore.p12")));
            java
        },
    },
    Client {
        name: "openssl s_client",
        command: |world, port, stem| {
            // It reads its question from standard input, and ends when the server does.
            let mut shell = Command::new(tool("sh"));
            let script = r#"printf 'GET / HTTP/1.0\r\n\r\n' | exec timeout 20 "$@""#;
            shell.args(["-c", script, "sh"]).arg(tool("openssl"));
            shell.args(["s_client", "-quiet", "-ign_eof", "-verify_return_error", "-connect"]);
            shell
                .arg(format!("127.0.0.1:{port}"))
                .args(["-servername", "localhost", "-CAfile"])
                .arg(world.home.root());
            if let Some(stem) = stem {
                shell.arg("-cert").arg(pem(stem)).arg("-key").arg(key(stem));
            }
            shell
        },
    },
];

fn with_suffix(stem: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", stem.display()))
}

fn pem(stem: &Path) -> PathBuf {
    with_suffix(stem, ".pem")
}

fn key(stem: &Path) -> PathBuf {
    with_suffix(stem, "-key.pem")
}

fn script(interpreter: &str, file: &str) -> Command {
    let mut command = Command::new(tool(interpreter));
    command.arg(project().join("tests/mtls").join(file));
    command
}

fn with_files(mut command: Command, world: &World) -> Command {
    command.args(["localhost.pem", "localhost-key.pem", "clients.pem", "crl.pem"]);
    command.current_dir(world.home.work());
    command
}

fn asking(mut command: Command, world: &World, port: u16, stem: Option<&Path>) -> Command {
    command.arg(world.home.root()).arg(port.to_string());
    if let Some(stem) = stem {
        command.arg(pem(stem)).arg(key(stem));
    }
    command
}

fn go_client() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| go_program("client"))
}

fn go_program(name: &str) -> PathBuf {
    let program = build_folder().join(format!("mtls-go-{name}"));
    if !program.exists() {
        let source = project().join("tests/mtls").join(format!("{name}.go"));
        let mut go = Command::new(tool("go"));
        go.args(["build", "-o"]).arg(&program).arg(source);
        go.env("GOCACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-cache")).env("GO111MODULE", "off");
        let built = go.output().unwrap();
        assert!(built.status.success(), "{}", super::words(&built));
    }
    program
}

fn java_classes() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = build_folder();
        let mut javac = Command::new(tool("javac"));
        let built =
            javac.arg("-d").arg(&folder).arg(project().join("tests/mtls/Mtls.java")).output().unwrap();
        assert!(built.status.success(), "{}", super::words(&built));
        folder
    })
}

fn build_folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("mtls-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}
