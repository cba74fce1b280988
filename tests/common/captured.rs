//! Which messages of the catalogue real programs print. `tests/captured.txt` has a line for each message: the client, the
//! message, and the case of a test that sees the program print it. Each time that a case is run, all of its messages must be
//! seen again. With `DEVCA_OVERWRITE=1` the file is updated.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use devca::check::catalogue::search::has_message;
use devca::check::catalogue::{self, Client};

use super::project;

/// A client's name and a message.
pub type Message = (String, String);

/// The messages, and for each the case that sees it.
pub fn captured() -> BTreeMap<Message, String> {
    let text = std::fs::read_to_string(path()).unwrap_or_default();
    let line = |line: &str| {
        let [client, message, case] = line.split('\t').collect::<Vec<_>>().try_into().expect("three columns");
        let [client, message, case] = [client, message, case].map(str::to_owned);
        ((client, message), case)
    };
    text.lines().map(line).collect()
}

/// Compares what these clients printed with the messages that this case sees, and returns those that are missing.
pub fn missing(case: &str, clients: &[Client], said: &str) -> Vec<Message> {
    let words = catalogue::ALL.iter().flat_map(|fault| fault.words);
    let of_clients = words.filter(|words| clients.contains(&words.client));
    let seen: Vec<Message> = of_clients
        .filter(|words| has_message(said, words.says))
        .map(|words| (words.client.name().to_owned(), words.says.to_owned()))
        .collect();
    if std::env::var_os("DEVCA_OVERWRITE").is_some() {
        overwrite(case, &seen);
    }
    captured()
        .into_iter()
        .filter(|(message, by)| by == case && !seen.contains(message))
        .map(|(message, _)| message)
        .collect()
}

fn overwrite(case: &str, seen: &[Message]) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _lock = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut all = captured();
    all.retain(|message, by| by != case || seen.contains(message));
    for message in seen {
        all.entry(message.clone()).or_insert_with(|| case.to_owned());
    }
    let lines = all.into_iter().map(|((client, message), case)| format!("{client}\t{message}\t{case}\n"));
    std::fs::write(path(), lines.collect::<String>()).unwrap();
}

fn path() -> PathBuf {
    project().join("tests/captured.txt")
}

/// The clients in the catalogue whose messages a program prints: its own, and those of its TLS library.
pub fn clients_of(program: &str) -> &'static [Client] {
    use Client::{
        Apache, Boto, Bun, Chrome, Curl, Dehydrated, Firefox, Git, GnuTls, Go, Grpc, HaProxy, Java, MariaDb,
        Mosquitto, Nginx, Node, OpenSsl, Perl, Php, Pip, PostgreSql, Python, Redis, Ruby, Rustls, SocketIo,
        Wget, Workerd,
    };
    match first_word(program) {
        "curl" | "cargo" => &[Curl, OpenSsl],
        "wget" => &[Wget],
        "openssl" | "OpenSSL" => &[OpenSsl],
        "gnutls-cli" | "gnutls-serv" | "GnuTLS" => &[GnuTls],
        "git" => &[Git],
        "gRPC" => &[Grpc],
        "Chromium" | "Playwright" => &[Chrome],
        "Firefox" => &[Firefox],
        "Bun" => &[Bun],
        "Deno" | "uv" | "rustls" | "webpki" => &[Rustls],
        "workerd" => &[Workerd],
        "socket.io" => &[SocketIo],
        "Node" | "axios" | "node-fetch" | "undici" | "ws" | "npm" | "yarn" | "pnpm" | "miniflare" => {
            &[Node, OpenSsl]
        }
        "Python" | "aiohttp" | "requests" | "urllib3" | "httpx" | "httplib2" | "certbot" => {
            &[Python, OpenSsl]
        }
        "boto3" => &[Boto],
        "pip" => &[Pip],
        "Ruby" => &[Ruby],
        "PHP" | "Composer" => &[Php, Curl],
        "Perl" => &[Perl],
        "Go" | "lego" | "Caddy" => &[Go],
        "Java" => &[Java],
        "Redis" | "redis-cli" => &[Redis],
        "Mosquitto" | "mosquitto_pub" => &[Mosquitto],
        "dehydrated" => &[Dehydrated],
        "psql" => &[PostgreSql],
        "mariadb" => &[MariaDb],
        "nginx" => &[Nginx, OpenSsl],
        "Apache" => &[Apache, OpenSsl],
        "HAProxy" => &[HaProxy],
        other => panic!("the catalogue has no client for {other}"),
    }
}

/// The servers in the catalogue whose messages are in a program's log.
pub fn servers_of(program: &str) -> &'static [Client] {
    use Client::{
        Apache, GoServer, HaProxy, JavaServer, Mosquitto, Nginx, NodeServer, OpenSslServer, PostgreSql,
        PythonServer, Redis, Ruby, RustlsServer,
    };
    match first_word(program) {
        "nginx" => &[Nginx, OpenSslServer],
        "Apache" => &[Apache, OpenSslServer],
        "openssl" => &[OpenSslServer],
        "HAProxy" => &[HaProxy],
        "Caddy" | "Go" => &[GoServer],
        "Redis" => &[Redis, OpenSslServer],
        "Mosquitto" => &[Mosquitto],
        "Node" => &[NodeServer],
        "Python" => &[PythonServer],
        "Java" => &[JavaServer],
        "PostgreSQL" => &[PostgreSql],
        "Ruby" => &[Ruby],
        "rustls" => &[RustlsServer],
        other => panic!("the catalogue has no server for {other}"),
    }
}

fn first_word(program: &str) -> &str {
    program.split([' ', '\'', ',']).next().unwrap_or_default()
}
