//! Servers that renew automatically: the test requests their pages all the time, and every request must succeed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::common::{sbin, tool, wait_until};
use super::world::World;

/// `DEVCA_RENEWALS` sets how many renewals to wait for, and `DEVCA_MINUTES` the lifetime of certificates.
fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| "1".into())
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

/// Sends requests until enough renewals have happened; `reload` makes the server use its new certificate, the first,
/// second and so on.
fn watch(world: &World, name: &str, reload: impl Fn(usize)) {
    let renewals: usize = setting("DEVCA_RENEWALS").parse().unwrap();
    let minutes: u64 = setting("DEVCA_MINUTES").parse().unwrap();
    let ask = || {
        let mut curl = world.client("curl");
        curl.args(["-sSf", "--noproxy", "*", "--max-time", "10"]);
        curl.args(["--resolve", &format!("{name}:{}:127.0.0.1", world.tls)]);
        curl.arg(format!("https://{name}:{}/index.html", world.tls)).output().unwrap().status.success()
    };
    let issued = |count: usize| {
        let lines = world.acme.log();
        lines.iter().filter(|line| line["event"] == "issued").count() >= count
    };
    wait_until("the first certificate is issued", || issued(1));
    reload(1);
    wait_until("it is served", ask);
    for renewal in 1..=renewals {
        let deadline = Instant::now() + Duration::from_secs(60 * minutes);
        while !issued(renewal + 1) {
            assert!(ask(), "a request failed before renewal {renewal}: {:#?}", world.acme.log());
            assert!(Instant::now() < deadline, "it was not renewed: {:#?}", world.acme.log());
        }
        reload(renewal + 1);
        // Also after the earlier certificate has expired.
        let end = Instant::now() + Duration::from_secs(25 * minutes);
        while Instant::now() < end && !issued(renewal + 2) {
            assert!(ask(), "a request failed after renewal {renewal}");
        }
    }
}

/// Both at the same time, because they mostly wait for certificates to expire.
#[test]
fn servers_renew_without_a_failed_request() {
    thread::scope(|scope| {
        scope.spawn(caddy_renews);
        scope.spawn(mod_md_renews);
    });
}

fn caddy_renews() {
    let world = World::new(&["--minutes", &setting("DEVCA_MINUTES")]);
    let config = world.home.file("Caddyfile");
    let text = format!(
        "{{\n admin off\n auto_https disable_redirects\n http_port {}\n https_port {}\n acme_ca {}\n \
         acme_ca_root {}\n email a@example.com\n renew_interval 1s\n storage file_system {}\n}}\n\
         app.test {{\n respond \"hello\"\n}}\n",
        world.http,
        world.tls,
        world.directory(),
        world.home.root().display(),
        world.home.file("caddy").display()
    );
    fs::write(&config, text).unwrap();
    let mut caddy = world.home.command(&tool("caddy"), ["run", "--config"]);
    let log = fs::File::create(world.home.file("caddy.log")).unwrap();
    caddy.arg(&config).stdout(Stdio::null()).stderr(log);
    let _caddy = Running(caddy.spawn().unwrap());
    watch(&world, "app.test", |_| {});
}

/// Apache's `mod_md` gets certificates, and a graceful restart activates them.
fn mod_md_renews() {
    let world = World::new(&["--minutes", &setting("DEVCA_MINUTES")]);
    // When started by root, Apache runs as www-data, which cannot read the home folder.
    let shared = TempDir::new().unwrap();
    set_permissions(shared.path(), 0o755);
    let folder = shared.path();
    let root = folder.join("root.pem");
    fs::copy(world.home.root(), &root).unwrap();
    fs::write(folder.join("index.html"), "hello").unwrap();
    let pid = folder.join("pid");
    let modules = ["mpm_event", "authz_core", "ssl", "md", "socache_shmcb"];
    let load = |name: &str| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n");
    let text = format!(
        "{modules}ServerRoot {folder}\nPidFile {pid}\nErrorLog {folder}/error.log\nServerName app.test\n\
         Listen 127.0.0.1:{http}\nListen 127.0.0.1:{tls}\nMDStoreDir {folder}/md\n\
         MDCertificateAuthority {directory}\nMDCACertificateFile {root}\nMDCertificateAgreement accepted\n\
         MDContactEmail a@example.com\nMDPortMap http:{http} https:{tls}\nMDCheckInterval 1s\nMDRetryDelay 1s\n\
         MDStapling off\nMDomain app.test\n\
         <VirtualHost *:{tls}>\nServerName app.test\nSSLEngine on\nDocumentRoot {folder}\n</VirtualHost>\n\
         <VirtualHost *:{http}>\nServerName app.test\nDocumentRoot {folder}\n</VirtualHost>\n{user}",
        modules = modules.map(load).concat(),
        folder = folder.display(),
        pid = pid.display(),
        http = world.http,
        tls = world.tls,
        directory = world.directory(),
        root = root.display(),
        user = if rustix::process::geteuid().is_root() { "User www-data\nGroup www-data\n" } else { "" },
    );
    let config = folder.join("httpd.conf");
    fs::write(&config, text).unwrap();
    let mut apache = world.home.command(&sbin("apache2"), ["-DFOREGROUND", "-f"]);
    let log = fs::File::create(folder.join("out")).unwrap();
    apache.arg(&config).stdout(Stdio::null()).stderr(log);
    let _apache = Running(apache.spawn().unwrap());
    let has_stored = |count: usize| {
        let log = fs::read_to_string(folder.join("error.log")).unwrap_or_default();
        log.matches("will be activated on next (graceful) server restart").count() >= count
    };
    watch(&world, "app.test", |count| {
        wait_until("mod_md has stored the certificate", || has_stored(count));
        super::common::ok("kill", ["-USR1", fs::read_to_string(&pid).unwrap().trim()]);
    });
}

fn set_permissions(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
