//! What servers that require a client certificate log when clients refuse theirs, or have none, or a wrong one.

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use devca::check::catalogue::search::search;

use super::common::captured::servers_of;
use super::common::postgres::Postgres;
use super::common::tool;
use super::upstream::{Running, free_port};
use super::{Bench, Recognized};

/// A server that logs.
pub(super) struct Logger {
    pub(super) name: &'static str,
    start: Start,
    clients: &'static [Client],
    /// The clients of which it says what it, or a client, says of others as well.
    vague_about: &'static [&'static str],
    /// The clients of which it says nothing, or only that the connection ended.
    silent_about: &'static [&'static str],
}

enum Start {
    /// A shell command that listens at `$FREE`, or prints where it listens. The shell has the variables of the clients, and
    /// `$CERT`, `$KEY` and `$CLIENT_CA`.
    Script(&'static str),
    PostgreSql,
}

/// A client: a shell command that has `$PORT` as well, `$IDENTITY` (a client certificate of an unknown CA) and `$OTHER_ROOT`.
struct Client {
    name: &'static str,
    script: &'static str,
    /// What `devca explain` must name first for the server's log.
    fault: &'static str,
}

const fn client(name: &'static str, script: &'static str, fault: &'static str) -> Client {
    Client { name, script, fault }
}

const DOUBT: &str = "rejected-by-client";
const REQUIRED: &str = "client-certificate-required";
const REFUSED: &str = "client-certificate-refused";

macro_rules! openssl {
    ($more:literal) => {
        concat!(
            "printf 'GET / HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' | timeout 20 openssl s_client -quiet -verify_return_error ",
            "-no-CApath -no-CAstore -connect 127.0.0.1:$PORT -servername localhost ",
            $more
        )
    };
}

const EVERY: &[Client] = &[
    client("openssl that trusts nothing", openssl!("-no-CAfile"), DOUBT),
    client("openssl that trusts nothing, TLS 1.2", openssl!("-no-CAfile -tls1_2"), DOUBT),
    client("Go that trusts nothing", "$GO_CLIENT $OTHER_ROOT $PORT localhost", DOUBT),
    client("Java that trusts nothing", "java -cp $JAVA_CLASSES Client $OTHER_ROOT $PORT localhost", DOUBT),
    client("openssl without a certificate", openssl!("-CAfile $ROOT"), REQUIRED),
    client("openssl without a certificate, TLS 1.2", openssl!("-CAfile $ROOT -tls1_2"), REQUIRED),
    client(
        "openssl of another CA",
        openssl!("-CAfile $ROOT -cert $IDENTITY.pem -key $IDENTITY-key.pem"),
        REFUSED,
    ),
    client(
        "openssl of another CA, TLS 1.2",
        openssl!("-CAfile $ROOT -cert $IDENTITY.pem -key $IDENTITY-key.pem -tls1_2"),
        REFUSED,
    ),
    client("a client that closes the connection", "bash -c ': <>/dev/tcp/127.0.0.1/$PORT'", DOUBT),
    client("openssl with another protocol", openssl!("-CAfile $ROOT -alpn other"), "no-common-protocol"),
];

const OF_POSTGRESQL: &[Client] = &[
    client("openssl that trusts nothing", openssl!("-starttls postgres -no-CAfile"), DOUBT),
    client("openssl that trusts nothing, TLS 1.2", openssl!("-starttls postgres -no-CAfile -tls1_2"), DOUBT),
    client(
        "psql without a certificate",
        "psql \"host=localhost port=$PORT user=alice dbname=postgres sslmode=verify-full sslrootcert=$ROOT\"",
        REQUIRED,
    ),
    client(
        "psql of another CA",
        "psql \"host=localhost port=$PORT user=alice dbname=postgres sslmode=verify-full sslrootcert=$ROOT \
         sslcert=$IDENTITY.pem sslkey=$IDENTITY-key.pem\"",
        REFUSED,
    ),
];

const fn logger(name: &'static str, script: &'static str) -> Logger {
    Logger {
        name,
        start: Start::Script(script),
        clients: EVERY,
        vague_about: &[],
        silent_about: &["that closes", "another protocol"],
    }
}

pub(super) const LOGGERS: &[Logger] = &[
    logger(
        "nginx",
        "printf 'daemon off; master_process off; pid pid; error_log stderr info; events {}
             http { access_log off; client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t; uwsgi_temp_path t;
             scgi_temp_path t; server { listen 127.0.0.1:%s ssl; ssl_certificate %s; ssl_certificate_key %s;
             ssl_client_certificate %s; ssl_verify_client on; return 200; } }' $FREE $CERT $KEY $CLIENT_CA >nginx.conf
         exec /usr/sbin/nginx -p $PWD -c nginx.conf",
    ),
    logger(
        "Apache",
        "m=/usr/lib/apache2/modules
         printf 'ServerRoot %s\\nServerName localhost\\nListen 127.0.0.1:%s\\nPidFile pid\\nErrorLog /dev/stderr\\nLogLevel info
             LoadModule mpm_event_module %s\\nLoadModule authz_core_module %s\\nLoadModule ssl_module %s
             User www-data\\nGroup www-data\\nSSLEngine on\\nSSLCertificateFile %s\\nSSLCertificateKeyFile %s
             SSLCACertificateFile %s\\nSSLVerifyClient require\\n' $PWD $FREE $m/mod_mpm_event.so $m/mod_authz_core.so \
             $m/mod_ssl.so $CERT $KEY $CLIENT_CA >apache.conf
         exec /usr/sbin/apache2 -X -f $PWD/apache.conf",
    ),
    Logger {
        vague_about: &["without a certificate"],
        silent_about: &["another protocol"],
        ..logger(
            "HAProxy",
            "cat $CERT $KEY >pair.pem
             printf 'global\\n log stderr format raw local0\\ndefaults\\n mode http\\n log global\\n option httplog
                 \\n timeout client 9s\\n timeout server 9s\\n timeout connect 9s\\nfrontend f
                 \\n bind 127.0.0.1:%s ssl crt %s/pair.pem ca-file %s verify required
                 \\n http-request return status 200\\n' $FREE $PWD $CLIENT_CA >haproxy.cfg
             exec /usr/sbin/haproxy -db -f haproxy.cfg",
        )
    },
    Logger {
        silent_about: &[],
        ..logger(
        "Caddy",
        "printf '{\\n debug\\n admin off\\n auto_https disable_redirects\\n storage file_system %s\\n}\\nhttps://localhost:%s {
             bind 127.0.0.1\\n tls %s %s {\\n client_auth {\\n mode require_and_verify\\n trusted_ca_cert_file %s\\n }\\n }
             respond hello\\n}\\n' $PWD $FREE $CERT $KEY $CLIENT_CA >Caddyfile
         exec caddy run --adapter caddyfile --config Caddyfile",
    )
    },
    Logger {
        silent_about: &["another protocol"],
        ..logger(
        "Redis",
        "exec redis-server --bind 127.0.0.1 --port 0 --save '' --tls-port $FREE --tls-cert-file $CERT --tls-key-file $KEY \
             --tls-ca-cert-file $CLIENT_CA --loglevel verbose",
    )
    },
    Logger {
        silent_about: &["another protocol"],
        ..logger(
        "Mosquitto",
        "printf 'user root\\nlistener %s 127.0.0.1\\ncertfile %s\\nkeyfile %s\\ncafile %s\\nrequire_certificate true\\n' \
             $FREE $CERT $KEY $CLIENT_CA >mosquitto.conf
         exec mosquitto -c mosquitto.conf",
    )
    },
    Logger {
        vague_about: &["trusts nothing"],
        ..logger(
        "openssl s_server",
        "exec openssl s_server -accept 127.0.0.1:0 -www -cert $CERT -key $KEY -Verify 2 -verify_return_error \
             -CAfile $CLIENT_CA -no-CApath -no-CAstore",
    )
    },
    Logger {
        silent_about: &[],
        ..logger(
        "Go",
        "GOCACHE=$GO_CACHE GO111MODULE=off go build -o server $MUTUAL/server.go
         exec ./server $CERT $KEY $CLIENT_CA",
    )
    },
    Logger {
        silent_about: &["that closes", "another protocol", "of another CA"],
        ..logger("Node", "exec \"$NODE\" $MUTUAL/server.mjs $CERT $KEY $CLIENT_CA $CRL")
    },
    Logger {
        silent_about: &["that closes", "another protocol", "of another CA"],
        ..logger("Node 24", "exec $MODULES/node-24/bin/node $MUTUAL/server.mjs $CERT $KEY $CLIENT_CA $CRL")
    },
    logger("Python", "exec python3 $MUTUAL/server.py $CERT $KEY $CLIENT_CA $CRL"),
    Logger {
        vague_about: &["trusts nothing"],
        silent_about: &["that closes", "another protocol", "Go that trusts nothing"],
        ..logger("Java", "exec java $MUTUAL/Mtls.java server $STORES-keystore.p12 $CLIENT_STORE $CRL changeit")
    },
    Logger {
        name: "PostgreSQL",
        start: Start::PostgreSql,
        clients: OF_POSTGRESQL,
        vague_about: &[],
        silent_about: &[],
    },
];

/// Starts the server, has every client connect, and looks up what the server logs.
pub(super) fn logs(bench: &Bench, logger: &Logger, recognized: &Mutex<Recognized>) {
    let folder = tempfile::tempdir_in(bench.home.work()).unwrap();
    let free = free_port();
    let mut server = logger.command(bench, folder.path(), &free);
    server.envs(bench.variables.iter().map(|(name, value)| (name, value))).env("FREE", &free);
    let says_where = ["openssl s_server", "Go", "Node", "Node 24", "Python", "Java"].contains(&logger.name);
    let ready = if says_where { "ACCEPT" } else { "" };
    let mut running = Running::start(server, &free, ready);
    let port = running.port().unwrap_or(free);
    let is_in = |parts: &[&str], client: &Client| parts.iter().any(|part| client.name.contains(part));
    for client in logger.clients.iter().filter(|client| !is_in(logger.silent_about, client)) {
        let identity = bench.home.file("strangers/alice-client").display().to_string();
        let other_root = bench.home.file("stranger.pem").display().to_string();
        let more = [("PORT", port.clone()), ("IDENTITY", identity), ("OTHER_ROOT", other_root)];
        // The rest of what it said of the client before.
        running.hear();
        bench.run(client.script, &more);
        let is_vague = is_in(logger.vague_about, client);
        let is_explained = |said: &str| {
            let found = search(said);
            let mut ids = found.iter().map(|(fault, _)| fault.id);
            if is_vague { ids.any(|id| id == client.fault) } else { ids.next() == Some(client.fault) }
        };
        let what = format!("{}'s log of {}", logger.name, client.name);
        let recognized = |said: &str, faults| recognized.lock().unwrap().look_up(&[], &what, said, faults);
        match running.wait_for(is_explained) {
            Ok(said) => recognized(&said, &[client.fault]),
            Err(said) => recognized(&format!("{} is not first:\n{said}", client.fault), &[]),
        }
    }
    // Which of its two messages it logs is a matter of milliseconds.
    if logger.name == "Mosquitto" {
        return;
    }
    recognized.lock().unwrap().compare(
        servers_of(logger.name),
        &format!("{}'s log", logger.name),
        running.hear(),
    );
}

impl Logger {
    fn command(&self, bench: &Bench, folder: &Path, port: &str) -> Command {
        match self.start {
            Start::Script(script) => {
                let mut command = bench.home.command(&tool("sh"), ["-ec", script]);
                command.current_dir(folder);
                command
            }
            Start::PostgreSql => {
                let postgres = Postgres::new(&bench.home);
                for file in ["localhost.pem", "localhost-key.pem", "clients.pem"] {
                    std::fs::copy(bench.home.file(file), postgres.data.join(file)).unwrap();
                }
                std::fs::write(postgres.data.join("pg_hba.conf"), "hostssl all all all cert\n").unwrap();
                postgres.create_role("alice");
                let mut server = postgres.server(port);
                for setting in [
                    "ssl=on",
                    "ssl_cert_file=localhost.pem",
                    "ssl_key_file=localhost-key.pem",
                    "ssl_ca_file=clients.pem",
                ] {
                    server.args(["-c", setting]);
                }
                server
            }
        }
    }
}
