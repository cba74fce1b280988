//! The servers of the mutual TLS tests that need a configuration file or many options.

use std::fs;
use std::process::Command;

use super::clients::{PSQL, REDIS_CLI};
use super::common::postgres::Postgres;
use super::common::{project, sbin, tool};
use super::servers::{Ready, SERVER, ServerKind};

pub const NGINX: ServerKind = ServerKind {
    name: "nginx",
    version: &["dpkg", "nginx-light"],
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
        let mut nginx = Command::new(sbin("nginx"));
        nginx.arg("-p").arg(folder).arg("-c").arg(folder.join("nginx.conf"));
        nginx
    },
    ready: Ready::Listens,
    ..SERVER
};

pub const APACHE: ServerKind = ServerKind {
    name: "Apache",
    version: &["dpkg", "apache2-bin"],
    command: |world, folder, port| {
        let work = world.home.work().display().to_string();
        let modules = ["mpm_event", "authz_core", "ssl"]
            .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
            .concat();
        let configuration = format!(
            "ServerRoot {folder}\nPidFile {folder}/pid\nErrorLog {folder}/error\nServerName localhost\n\
             {modules}User www-data\nGroup www-data\nListen 127.0.0.1:{port}\nSSLEngine on\n\
             SSLCertificateFile {work}/localhost.pem\nSSLCertificateKeyFile {work}/localhost-key.pem\n\
             SSLCACertificateFile {work}/clients.pem\nSSLVerifyClient require\nSSLVerifyDepth 2\n\
             ErrorDocument 404 \"Hello, %{{SSL_CLIENT_S_DN_CN}}\"\n",
            folder = folder.display()
        );
        fs::write(folder.join("apache.conf"), configuration).unwrap();
        let mut apache = Command::new(sbin("apache2"));
        // Run in the foreground, as a single process.
        apache.arg("-X").arg("-f").arg(folder.join("apache.conf"));
        apache
    },
    ready: Ready::Listens,
    ..SERVER
};

pub const HAPROXY: ServerKind = ServerKind {
    name: "HAProxy",
    version: &["dpkg", "haproxy"],
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
        let mut haproxy = Command::new(sbin("haproxy"));
        haproxy.args(["-db", "-f"]).arg(folder.join("haproxy.cfg"));
        haproxy
    },
    ready: Ready::Listens,
    ..SERVER
};

pub const CADDY: ServerKind = ServerKind {
    name: "Caddy",
    version: &["dpkg", "caddy"],
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
    ready: Ready::Listens,
    greeting: "CN=alice",
    ..SERVER
};

/// TLS is configured as in `wrangler dev`, which uses it for HTTPS.
pub const WORKERD: ServerKind = ServerKind {
    name: "workerd",
    command: |world, folder, port| {
        for file in ["localhost.pem", "localhost-key.pem", "clients.pem"] {
            fs::copy(world.home.file(file), folder.join(file)).unwrap();
        }
        fs::copy(project().join("tests/mtls/worker.mjs"), folder.join("worker.mjs")).unwrap();
        let configuration = format!(
            r#"using Workerd = import "/workerd/workerd.capnp";
               const config :Workerd.Config = (
                 services = [(name = "main", worker = (
                   modules = [(name = "worker", esModule = embed "worker.mjs")],
                   compatibilityDate = "2026-01-01"))],
                 sockets = [(name = "https", address = "127.0.0.1:{port}", service = "main", https = (tlsOptions = (
                   keypair = (certificateChain = embed "localhost.pem", privateKey = embed "localhost-key.pem"),
                   requireClientCerts = true, trustedCertificates = [embed "clients.pem"])))]);"#
        );
        fs::write(folder.join("config.capnp"), configuration).unwrap();
        let mut workerd = Command::new(tool("workerd"));
        workerd.arg("serve").arg(folder.join("config.capnp"));
        workerd
    },
    ready: Ready::Listens,
    greeting: "Hello, whoever you are",
    ..SERVER
};

pub const POSTGRESQL: ServerKind = ServerKind {
    name: "PostgreSQL",
    version: &["psql", "--version"],
    command: |world, _, port| {
        let postgres = Postgres::new(&world.home);
        for file in ["localhost.pem", "localhost-key.pem", "clients.pem"] {
            fs::copy(world.home.file(file), postgres.data.join(file)).unwrap();
        }
        fs::write(postgres.data.join("pg_hba.conf"), "hostssl all all 127.0.0.1/32 cert\n").unwrap();
        postgres.create_role("alice");
        let mut server = postgres.server(&port.to_string());
        for setting in ["ssl=on", "ssl_cert_file=localhost.pem", "ssl_key_file=localhost-key.pem"] {
            server.args(["-c", setting]);
        }
        server.args(["-c", "ssl_ca_file=clients.pem"]);
        server
    },
    ready: Ready::Says("ready to accept connections"),
    greeting: "/CN=alice",
    client: &PSQL,
};

pub const REDIS: ServerKind = ServerKind {
    name: "Redis",
    version: &["redis-server", "--version"],
    command: |world, _, port| {
        let mut redis = Command::new(tool("redis-server"));
        redis.args(["--bind", "127.0.0.1", "--port", "0", "--save", "", "--tls-port"]).arg(port.to_string());
        redis.args(["--tls-cert-file", "localhost.pem", "--tls-key-file", "localhost-key.pem"]);
        redis.args(["--tls-auth-clients", "yes", "--tls-ca-cert-file", "clients.pem"]);
        redis.current_dir(world.home.work());
        redis
    },
    ready: Ready::Says("eady to accept connections"),
    greeting: "PONG",
    client: &REDIS_CLI,
};
