//! A CA with a stolen key, what the thief signs with it, and the clients that judge the result.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, UnixTime};

use super::common::browsers::{chromium, firefox_at, firefox_profile};
use super::common::clients::{
    self, CLIENTS, RUNTIMES, c_client, go_program, where_it_is_this_machine, with_words,
};
use super::common::{Home, PAGE, Server, ok, run, tool, words};

/// How a CA was created.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Root {
    Default,
    /// The thief has the intermediate's key, because the root's key does not exist.
    Sealed,
    Unconstrained,
}

/// A certificate that devca would not issue.
pub struct Forgery {
    /// The title, which docs/clients.md explains.
    pub title: &'static str,
    pub subject: &'static str,
    /// A line for openssl.cnf.
    pub san: &'static str,
    /// The host that the client connects to.
    pub host: &'static str,
}

/// A CA, and browsers that trust its root.
pub struct Bench {
    pub home: Home,
    profile: PathBuf,
    root: Root,
    /// The stolen CA certificate and key.
    stolen: (PathBuf, PathBuf),
}

/// Whether a client accepts the server, and what it prints.
pub type Verdict = (bool, String);

/// A server on loopback with a certificate, and the host that clients connect to.
pub struct Question {
    pub title: &'static str,
    host: &'static str,
    chain: PathBuf,
    key: PathBuf,
    server: Server,
}

impl Bench {
    pub fn new(root: Root) -> Self {
        let home = Home::new();
        let profile = firefox_profile(&home);
        let option = match root {
            Root::Default => None,
            Root::Sealed => Some("--sealed"),
            Root::Unconstrained => Some("--unconstrained"),
        };
        // Only the browsers' databases, which are in the home.
        home.ok(["install", "--store", "nss"].into_iter().chain(option));
        let stolen = if root == Root::Sealed { "intermediate" } else { "root" };
        let stolen = (home.ca().join(format!("{stolen}.pem")), home.ca().join(format!("{stolen}-key.pem")));
        Self { home, profile, root, stolen }
    }

    /// A certificate from devca for this machine, requested by name or address.
    pub fn honest(&self, title: &'static str, host: &'static str) -> Question {
        self.home.ok(["issue", "localhost", "127.0.0.1"]);
        let [chain, key] = ["localhost+1.pem", "localhost+1-key.pem"].map(|file| self.home.file(file));
        Question { title, host, server: Server::page(&chain, &key), chain, key }
    }

    pub fn forge(&self, forgery: &Forgery) -> Question {
        let extensions = format!("extendedKeyUsage = serverAuth\n{}", forgery.san);
        let (chain, key) = self.sign(forgery.subject, &extensions);
        let server = Server::page(&chain, &key);
        Question { title: forgery.title, host: forgery.host, chain, key, server }
    }

    /// Signs a leaf with these extensions that is otherwise correct.
    pub fn sign(&self, subject: &str, extensions: &str) -> (PathBuf, PathBuf) {
        let number = self.home.listing().len();
        let config = self.home.file("openssl.cnf");
        let [leaf, key] = ["", "-key"].map(|part| self.home.file(&format!("forged-{number}{part}.pem")));
        let text = format!(
            "[req]\ndistinguished_name = empty\nx509_extensions = leaf\n[empty]\n[leaf]\n\
             basicConstraints = critical, CA:FALSE\nkeyUsage = critical, digitalSignature\n\
             subjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\n{extensions}\n"
        );
        fs::write(&config, text).unwrap();
        let (ca, ca_key) = &self.stolen;
        let words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj";
        let paths: [(&str, &Path); 5] =
            [("-config", &config), ("-CA", ca), ("-CAkey", ca_key), ("-out", &leaf), ("-keyout", &key)];
        let paths = paths.iter().flat_map(|(option, path)| [*option, path.to_str().unwrap()]);
        ok("openssl", words.split(' ').chain([subject]).chain(paths));
        if self.root == Root::Sealed {
            let chain = fs::read_to_string(&leaf).unwrap() + &fs::read_to_string(ca).unwrap();
            fs::write(&leaf, chain).unwrap();
        }
        (leaf, key)
    }

    /// Returns the verdicts of a client, in the order of the questions.
    pub fn verdicts(&self, client: &str, questions: &[&Question]) -> Vec<Verdict> {
        if client != "Firefox" || questions.is_empty() {
            return questions.iter().map(|question| self.judge(client, question)).collect();
        }
        let urls: Vec<String> = questions.iter().map(|question| question.url()).collect();
        let said = words(&firefox_at(&self.home, &self.profile, &urls));
        let verdicts: Vec<Verdict> =
            said.lines().map(|line| (line.starts_with("accepted:"), line.to_owned())).collect();
        assert_eq!(verdicts.len(), urls.len(), "{said}");
        verdicts
    }

    /// Runs a verifier that may or may not accept a leaf for this purpose: mail, code or client.
    pub fn for_purpose(&self, judge: &str, purpose: &str, chain: &Path) -> Output {
        let root = self.home.root();
        let [root, chain] = [&root, chain].map(|path| path.to_str().unwrap());
        let one_of = |[mail, code, client]: [&'static str; 3]| match purpose {
            "mail" => mail,
            "code" => code,
            _ => client,
        };
        match judge {
            "OpenSSL" => {
                // OpenSSL 3.0 has no purpose for code signing; time stamping is equally unrelated to TLS.
                let purpose = one_of(["smimesign", "timestampsign", "sslclient"]);
                run("openssl", ["verify", "-purpose", purpose, "-CAfile", root, "-untrusted", chain, chain])
            }
            "Go" => run(go_program("purpose").to_str().unwrap(), [root, chain, purpose]),
            "GnuTLS" => {
                let oid = one_of(["1.3.6.1.5.5.7.3.4", "1.3.6.1.5.5.7.3.3", "1.3.6.1.5.5.7.3.2"]);
                let purpose = format!("--verify-purpose={oid}");
                run("certtool", ["--verify", &purpose, "--load-ca-certificate", root, "--infile", chain])
            }
            _ => {
                let folder = self.home.file("database");
                let database = format!("sql:{}", folder.display());
                if fs::create_dir(&folder).is_ok() {
                    // Trust it for everything, as a system's store does.
                    ok("certutil", ["-N", "-d", &database, "--empty-password"]);
                    ok("certutil", ["-A", "-d", &database, "-n", "root", "-t", "CT,C,C", "-i", root]);
                }
                let between = self.home.ca().join("intermediate.pem");
                let files =
                    ["-a", chain].into_iter().chain(between.exists().then(|| between.to_str().unwrap()));
                run("vfychain", ["-d", &database, "-u", one_of(["4", "6", "0"])].into_iter().chain(files))
            }
        }
    }

    fn judge(&self, client: &str, question: &Question) -> Verdict {
        let root = self.home.root();
        let Question { chain, key, host, .. } = question;
        let port = question.server.port;
        let by_words =
            |program: PathBuf| with_words(Command::new(program), Some(&root), port, host).output().unwrap();
        let by_status = |output: Output| (output.status.success(), words(&output));
        match client {
            "Chromium" => {
                let said = words(&chromium(&self.home, &question.url()));
                (said.contains(PAGE), said)
            }
            "rustls (webpki)" => webpki(&root, chain, host),
            "gRPC (Python)" => by_status(clients::grpc(&root, host, (chain, key), None)),
            "NSS (tstclnt)" => {
                let database = format!("sql:{}", self.home.home().join(".local/share/pki/nssdb").display());
                let mut nss = where_it_is_this_machine(host);
                nss.arg(tool("tstclnt")).args(["-4", "-Q", "-d", &database, "-h", host, "-p"]);
                by_status(nss.arg(port.to_string()).output().unwrap())
            }
            "mbedTLS" => {
                by_status(by_words(c_client("mbedtls", &["-lmbedtls", "-lmbedx509", "-lmbedcrypto"])))
            }
            "wolfSSL" => by_status(by_words(c_client("wolfssl", &["-lwolfssl"]))),
            name => {
                let mut known = CLIENTS.iter().chain(RUNTIMES);
                let client = known.find(|client| client.name == name).unwrap();
                by_status(client.connect(Some(&root), port, host))
            }
        }
    }
}

impl Question {
    fn url(&self) -> String {
        format!("https://{}:{}/", self.host, self.server.port)
    }
}

fn webpki(root: &Path, chain: &Path, host: &str) -> Verdict {
    let root = CertificateDer::from_pem_file(root).unwrap();
    let anchors = [webpki::anchor_from_trusted_cert(&root).unwrap()];
    let chain: Vec<CertificateDer> =
        CertificateDer::pem_file_iter(chain).unwrap().map(Result::unwrap).collect();
    let leaf = webpki::EndEntityCert::try_from(&chain[0]).unwrap();
    let (algorithms, usage) = (webpki::ALL_VERIFICATION_ALGS, webpki::KeyUsage::server_auth());
    let path = leaf.verify_for_usage(algorithms, &anchors, &chain[1..], UnixTime::now(), usage, None, None);
    let name = rustls_pki_types::ServerName::try_from(host).unwrap();
    let judged = path.and_then(|_| leaf.verify_is_valid_for_subject_name(&name));
    judged.map_or_else(|e| (false, format!("{e:?}")), |()| (true, String::new()))
}
