//! The command line, as clap types; nothing is done here.

use std::error::Error as _;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use devca_platform::Kind;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime, Time};

use crate::bundle::{Format, RootFormat};
use crate::check::starttls::Protocol;
use crate::constraints::Subtree;
use crate::error::Fault;
use crate::home::CaName;
use crate::key::KeyType;

/// A local development certificate authority: HTTPS on localhost and mutual TLS, trusted by your machine
#[derive(Debug, Parser)]
#[command(
    name = "devca",
    version,
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "\
Examples:
  devca install                         a root of your own, trusted by this machine
  devca issue localhost 127.0.0.1 ::1   a certificate for your dev server
  devca issue --client alice            a client certificate for testing mutual TLS

Files: $DEVCA_HOME, else ~/.local/share/devca (Linux), ~/Library/Application Support/devca (macOS),
%LOCALAPPDATA%\\devca (Windows). Exit codes: 0 done, 1 failed, 2 not understood."
)]
pub struct Cli {
    /// What every command understands.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Use the CA of this name instead of the default one (check: or trust the roots in this file alone)
    #[arg(long, global = true, value_name = "NAME", env = "DEVCA_CA", default_value = CaName::DEFAULT, hide_default_value = true)]
    pub ca: String,
    /// Print one JSON document on standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// Print errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print the programs that are run as well
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Colour the output (auto: on a terminal, unless `NO_COLOR` is set)
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_default_value = true)]
    pub color: Color,
}

/// When to colour.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[allow(missing_docs)]
pub enum Color {
    Auto,
    Always,
    Never,
}

impl Color {
    /// From here on, every stream follows.
    pub fn write_global(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

/// The commands, one file each in `command/`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a root, once, and have this machine trust it
    Install(Install),
    /// Take the root out of this machine's trust stores
    Uninstall(Uninstall),
    /// Issue a certificate for one or more names
    Issue(Box<Issue>),
    /// Tell where the root is, or print it
    Root(Root),
    /// Find out why TLS fails, at a server or with a file
    Check(Check),
    /// Explain the words of a client that fails
    Explain(Explain),
    /// What was issued, and what has become of it
    List(List),
    /// Read a certificate or a request aloud
    Inspect(Inspect),
    /// Issue certificates again before they end, in their places
    Renew(Renew),
    /// Change what the root may sign for
    Permit(Permit),
    /// Lock the root's key with a passphrase, change it, or take it off
    Passphrase(Passphrase),
    /// Make a new root in the place of the old one, and issue every certificate again
    Rotate(Rotate),
    /// Revoke a certificate, to test how servers treat it
    Revoke(Revoke),
    /// Write the list of revoked certificates
    Crl(Crl),
    /// Hand an intermediate CA to another system, when one machine is no longer enough
    Export(Export),
    /// The CAs that are here
    #[command(subcommand)]
    Ca(Ca),
    /// Look over root, key and every store, and say what mends what is wrong
    Status(Status),
    /// Print the variables for programs that do not read the system's store
    Env(Env),
    /// Start a program that trusts the root
    Run(Run),
    /// Take over a root that is there: mkcert's, or any pair in PEM
    Import(Import),
    /// Print the completions of a shell
    #[command(
        after_help = "Example:\n  devca completions bash > ~/.local/share/bash-completion/completions/devca"
    )]
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Print the manual page
    #[command(after_help = "Examples:\n  devca man | man -l -\n  devca man issue > devca-issue.1")]
    Man {
        /// The page of one command
        command: Option<String>,
    },
}

/// `devca install`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca install
  devca install --permit corp.example.dev --permit 203.0.113.0/24
  devca --ca work install --permit work.example.dev    a second CA, with names of its own

A root signs for development names only (localhost, *.test, *.internal, private addresses and the like): a
stolen key cannot impersonate a public site. --permit adds to the list when the root is made.")]
#[allow(clippy::struct_excessive_bools)]
pub struct Install {
    /// Let the new root sign for this domain or range of addresses, too
    #[arg(long, value_name = "NAME", value_parser = Subtree::parse, conflicts_with = "unconstrained")]
    pub permit: Vec<Subtree>,
    /// Let the new root sign for any name, like mkcert's: whoever gets its key can impersonate every site to you
    #[arg(long)]
    pub unconstrained: bool,
    /// Lock the new root's key with a passphrase: typed, or the first line of the file in `$DEVCA_PASSPHRASE_FILE`
    #[arg(long)]
    pub passphrase: bool,
    /// Have the new root sign one intermediate, and keep no key of its own: for clients that ignore a root's constraints
    #[arg(long)]
    pub sealed: bool,
    /// Which stores, and how.
    #[command(flatten)]
    pub stores: Stores,
    /// Show every command and file that would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Which stores are meant.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Stores")]
pub struct Stores {
    /// Only stores of these kinds: system, nss (browsers), java, wsl
    #[arg(long, value_name = "KIND,…", value_delimiter = ',', env = "DEVCA_STORES", value_parser = store_kind)]
    pub store: Vec<Kind>,
    /// The store of all users, where there is one: macOS' System keychain, Windows' `LocalMachine`
    #[arg(long)]
    pub machine: bool,
    /// The stores in this file tree, a container image's or a chroot's, and none of this machine
    #[arg(long, value_name = "DIR")]
    pub sysroot: Option<PathBuf>,
}

fn store_kind(word: &str) -> Result<Kind, Fault> {
    Kind::ALL.into_iter().find(|kind| kind.name() == word.trim()).ok_or_else(|| {
        let kinds = Kind::ALL.map(Kind::name).join(", ");
        Fault::usage(format!("{word:?} is no kind of store"), format!("the kinds are {kinds}"))
    })
}

/// `devca uninstall`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca uninstall            the root stays on disk, for the next `devca install`
  devca uninstall --purge    root, key and inventory are deleted, too")]
pub struct Uninstall {
    /// Delete the root, its key and the inventory as well
    #[arg(long)]
    pub purge: bool,
    /// Which stores, and how.
    #[command(flatten)]
    pub stores: Stores,
    /// Show every command and file that would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `devca status`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca status
  devca status --store nss --json

Exit code 0: all is well; 1: something is wrong, and what mends it is said. Nothing is changed.")]
pub struct Status {
    /// Mend what is open to others
    #[arg(long)]
    pub fix: bool,
    /// Which stores.
    #[command(flatten)]
    pub stores: Stores,
}

/// `devca env`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  eval \"$(devca env)\"
  devca env --shell fish | source
  devca env --shell powershell | Out-String | Invoke-Expression
  devca env --shell dotenv >> .env

A variable that adds to a program's own roots names devca's root; one that replaces them names a file with the
system's roots and devca's. No store is touched.")]
pub struct Env {
    /// For which shell, or in which form [default: what $SHELL is]
    #[arg(long, value_name = "SHELL")]
    pub shell: Option<Dialect>,
}

/// How variables are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Dialect {
    /// bash, zsh and other POSIX shells
    #[value(alias = "bash", alias = "zsh")]
    Sh,
    /// fish
    Fish,
    /// PowerShell
    #[value(alias = "pwsh")]
    Powershell,
    /// Windows' command prompt
    Cmd,
    /// A .env file
    Dotenv,
    /// One JSON object
    Json,
}

/// `devca run`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca run -- node app.js
  devca run -- python3 -m requests https://localhost:8443")]
pub struct Run {
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "PROGRAM")]
    pub command: Vec<OsString>,
}

/// `devca import`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca import \"$(mkcert -CAROOT)\"
  devca --ca company import --cert ca.pem --key ca-key.pem")]
pub struct Import {
    /// A folder with rootCA.pem and rootCA-key.pem, or with one CA certificate and its key
    #[arg(value_name = "DIR", conflicts_with_all = ["cert", "key"])]
    pub folder: Option<PathBuf>,
    /// The certificate
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,
    /// Its private key, unencrypted
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
}

/// `devca issue`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca issue localhost 127.0.0.1 ::1
  devca issue app.test '*.app.test' --out certs
  devca issue --client alice
  devca issue --batch names.txt --out certs        what is there already is left as it is
  devca issue api.internal --cert-file tls.crt --key-file tls.key --days 90

Names are host names, '*.wildcards' (not right below a top-level name), IDN, IPv4, IPv6, e-mail addresses
and URIs (spiffe://dev/alice). A file that is there already is replaced only if it is a certificate or key
of this CA for the same names.")]
#[allow(clippy::struct_excessive_bools)]
pub struct Issue {
    /// Who the certificate is for
    #[arg(required_unless_present_any = ["csr", "cn", "batch"], conflicts_with = "csr", value_name = "NAME")]
    pub names: Vec<String>,
    /// For a client (mutual TLS); the first name becomes its common name
    #[arg(long)]
    pub client: bool,
    /// For a server, which is the default; with --client for both
    #[arg(long)]
    pub server: bool,
    /// The common name, if it is not to be the first name
    #[arg(long, value_name = "NAME")]
    pub cn: Option<String>,
    /// The organisation in the subject
    #[arg(long, value_name = "NAME")]
    pub org: Option<String>,
    /// The organisational unit in the subject
    #[arg(long, value_name = "NAME")]
    pub ou: Option<String>,
    /// Sign this request: its key and its names, and nothing else in it (PEM or DER, - for standard input)
    #[arg(long, value_name = "FILE", conflicts_with = "key_type")]
    pub csr: Option<PathBuf>,
    /// One certificate for each line of this file (- for standard input): NAME… [kind=client] [file=NAME], or JSON
    #[arg(long, value_name = "FILE", conflicts_with_all = ["names", "csr", "cn", "cert_file", "key_file", "stdout"])]
    pub batch: Option<PathBuf>,
    /// Sign with an intermediate instead of the root, and write the full chain as well
    #[arg(long)]
    pub intermediate: bool,
    /// In which forms to write it
    #[arg(long, value_name = "FORMAT,…", value_delimiter = ',')]
    pub format: Vec<Format>,
    /// End chains with the root
    #[arg(long)]
    pub with_root: bool,
    /// Encrypt p12 and java with the first line of this file, not with a password that is made and shown
    #[arg(long, value_name = "FILE", conflicts_with = "password_env")]
    pub password_file: Option<PathBuf>,
    /// The same, with the value of this environment variable
    #[arg(long, value_name = "VARIABLE")]
    pub password_env: Option<String>,
    /// Encrypt p12 and java with AES-256 and SHA-256, which old Windows, macOS, Java and Android cannot open
    #[arg(long)]
    pub p12_modern: bool,
    /// Permit names that the root may not sign for yet, without asking
    #[arg(short, long)]
    pub yes: bool,
    /// Print the files instead of writing them
    #[arg(long, conflicts_with_all = ["out", "cert_file", "key_file"])]
    pub stdout: bool,
    /// Where to put the files [default: the current folder]
    #[arg(short, long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Where to put the certificate, --out or not
    #[arg(long, value_name = "FILE")]
    pub cert_file: Option<PathBuf>,
    /// Where to put the key, --out or not
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// How long it is valid [default: 397; at most 825 for a server]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub days: Option<i64>,
    /// Last moment of its validity instead, as in 2027-01-31 or 2027-01-31T12:00:00Z; may be past, for tests
    #[arg(long, value_name = "TIME", value_parser = moment, conflicts_with = "days")]
    pub not_after: Option<OffsetDateTime>,
    /// What kind of key to make
    #[arg(long, value_name = "TYPE", default_value = "ecdsa-p256")]
    pub key_type: KeyType,
    /// Replace whatever files are there
    #[arg(short, long)]
    pub force: bool,
}

/// `devca root`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca root                                        where it is (mkcert -CAROOT)
  curl --cacert \"$(devca root)\" https://localhost:8443
  devca root --pem > root.pem
  devca root --format mobileconfig,der --out ~/phone   for an iPhone, and for Android's settings")]
pub struct Root {
    /// Print the certificate itself
    #[arg(long)]
    pub pem: bool,
    /// Write it in these forms, for other machines and phones
    #[arg(long, value_name = "FORMAT,…", value_delimiter = ',', conflicts_with = "pem")]
    pub format: Vec<RootFormat>,
    /// Where to put the files [default: the current folder]
    #[arg(short, long, value_name = "DIR", requires = "format")]
    pub out: Option<PathBuf>,
}

/// `devca check`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca check https://localhost:8443
  devca check localhost:8443 --cert alice-client.pem --key alice-client-key.pem
  devca check localhost:5432 --starttls postgres
  devca check localhost.pem --key localhost-key.pem --name localhost
  devca check --expiring 14d                       for cron

Exit codes: 0 all is well, 1 something is wrong, 2 not understood, 3 no connection.")]
pub struct Check {
    /// A URL, an address with its port, or a file with a certificate or a chain
    #[arg(value_name = "ADDRESS|FILE", required_unless_present = "expiring", conflicts_with = "expiring")]
    pub what: Option<String>,
    /// Connect to this address instead
    #[arg(long, value_name = "IP:PORT")]
    pub connect: Option<String>,
    /// Name this host in the handshake, and expect it in the certificate
    #[arg(long, value_name = "NAME")]
    pub sni: Option<String>,
    /// Expect this name or address in the certificate
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Ask for TLS first, as this protocol does
    #[arg(long, value_name = "PROTOCOL")]
    pub starttls: Option<Protocol>,
    /// The client's certificate, for mutual TLS
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,
    /// Its key; or, with a file, the key that is to belong to that
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Trust the roots in this file, and no others; what --ca names, if that is a file
    #[arg(skip)]
    pub ca_file: Option<PathBuf>,
    /// The file is a client's certificate
    #[arg(long)]
    pub client: bool,
    /// Give up after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: u64,
    /// Look for certificates of the inventory that end within so many days
    #[arg(long, value_name = "DAYS", value_parser = days)]
    pub expiring: Option<i64>,
    /// Which stores, and how.
    #[command(flatten)]
    pub stores: Stores,
}

/// `devca explain`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca explain UNABLE_TO_VERIFY_LEAF_SIGNATURE
  devca explain 'curl: (60) SSL certificate problem: unable to get local issuer certificate'
  devca explain --all                              docs/troubleshooting.md")]
pub struct Explain {
    /// What the client said: an error code, or the whole line
    #[arg(value_name = "WORDS", required_unless_present = "all")]
    pub words: Vec<String>,
    /// Everything, as a page in Markdown
    #[arg(long, conflicts_with = "words")]
    pub all: bool,
}

/// `devca list`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca list
  devca list --expiring 30d --json
  devca list --prune

missing: a file is gone; replaced: another one is in its place; expired, expiring, revoked: as the words say.")]
pub struct List {
    /// Only what ends within so many days, or has ended
    #[arg(long, value_name = "DAYS", value_parser = days)]
    pub expiring: Option<i64>,
    /// First forget what is missing or replaced
    #[arg(long)]
    pub prune: bool,
}

/// `devca inspect`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca inspect localhost.pem
  devca inspect alice-client.p12 --password-file password
  devca inspect 64d7323a57d5262f3c0697f13a3f324c
  devca inspect localhost:8443
  openssl req -new … | devca inspect -")]
pub struct Inspect {
    /// A file in PEM, DER or PKCS#12, - for standard input, the serial number of a certificate of this CA, or a server
    #[arg(value_name = "FILE|SERIAL|HOST:PORT")]
    pub what: String,
    /// The password of a PKCS#12 file: the first line of this file
    #[arg(long, value_name = "FILE", conflicts_with = "password_env")]
    pub password_file: Option<PathBuf>,
    /// The same, from this environment variable
    #[arg(long, value_name = "VARIABLE")]
    pub password_env: Option<String>,
}

/// `devca renew`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca renew                                      what ends within 30 days
  devca renew localhost.pem
  devca renew --all --new-key
  devca renew --exec 'nginx -s reload'
  devca renew --install-timer --exec 'nginx -s reload'

Names, kind, formats, paths and, without --new-key, the key stay: a server that reads the pair at whatever moment sees
one that belongs together. With --new-key there is a moment in which there is none.")]
#[allow(clippy::struct_excessive_bools)]
pub struct Renew {
    /// Only these: a file or a name of each
    #[arg(value_name = "FILE|NAME", conflicts_with = "all")]
    pub what: Vec<String>,
    /// All of them
    #[arg(long)]
    pub all: bool,
    /// Only what ends within so many days [default: 30, unless some are named or --all is given]
    #[arg(long, value_name = "DAYS", value_parser = days)]
    pub within: Option<i64>,
    /// Make new keys as well
    #[arg(long)]
    pub new_key: bool,
    /// How long they are valid [default: as long as before]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub days: Option<i64>,
    /// Run this command line, once, after something has changed
    #[arg(long, value_name = "COMMAND")]
    pub exec: Option<String>,
    /// Stay, and renew in time
    #[arg(long, conflicts_with = "json")]
    pub watch: bool,
    /// Have the system renew once a day: systemd, launchd or the Windows task scheduler
    #[arg(long, conflicts_with_all = ["watch", "what", "all", "new_key", "remove_timer"])]
    pub install_timer: bool,
    /// Take that away again
    #[arg(long, conflicts_with_all = ["watch", "what", "all", "new_key"])]
    pub remove_timer: bool,
    /// The password of p12 and java files: the first line of this file
    #[arg(long, value_name = "FILE", conflicts_with = "password_env")]
    pub password_file: Option<PathBuf>,
    /// The same, from this environment variable
    #[arg(long, value_name = "VARIABLE")]
    pub password_env: Option<String>,
}

/// `devca permit`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca permit corp.example.dev 203.0.113.0/24
  devca permit --list
  devca permit --remove corp.example.dev

The root is signed anew with the same key, and replaces the old one in the stores that hold it: what was issued
before stays good. A sealed root has no key any more: another one takes its place, and its certificates are issued
again.")]
pub struct Permit {
    /// Domains, with all below them, and addresses or ranges of them
    #[arg(value_name = "NAME", value_parser = Subtree::parse, required_unless_present = "list")]
    pub names: Vec<Subtree>,
    /// Print what is permitted
    #[arg(long, conflicts_with_all = ["names", "remove"])]
    pub list: bool,
    /// Take the names off the list
    #[arg(long)]
    pub remove: bool,
    /// The password of p12 and java files that a sealed CA issues again: the first line of this file
    #[arg(long, value_name = "FILE", conflicts_with = "password_env")]
    pub password_file: Option<PathBuf>,
    /// The same, from this environment variable
    #[arg(long, value_name = "VARIABLE")]
    pub password_env: Option<String>,
    /// Which stores, and how.
    #[command(flatten)]
    pub stores: Stores,
}

/// `devca passphrase`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca passphrase                                 set or change it: typed, twice
  devca passphrase --remove
  DEVCA_PASSPHRASE_FILE=old devca passphrase --new-file new

The key becomes encrypted PKCS#8, which `openssl pkey` opens as well. A passphrase that is lost cannot be
recovered; `devca rotate` makes a new root.")]
pub struct Passphrase {
    /// Take it off
    #[arg(long, conflicts_with = "new_file")]
    pub remove: bool,
    /// The new passphrase is the first line of this file
    #[arg(long, value_name = "FILE")]
    pub new_file: Option<PathBuf>,
}

/// `devca rotate`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca rotate                                     after a key was lost, stolen or is about to expire
  devca rotate --sealed

The new root permits what the old one did, and replaces it in the stores that hold it. Every certificate that is
still valid is issued again where it lies, with the same key.")]
pub struct Rotate {
    /// Keep no key of the new root, but an intermediate's, as devca install --sealed does
    #[arg(long)]
    pub sealed: bool,
    /// The password of p12 and java files that are issued again: the first line of this file
    #[arg(long, value_name = "FILE", conflicts_with = "password_env")]
    pub password_file: Option<PathBuf>,
    /// The same, from this environment variable
    #[arg(long, value_name = "VARIABLE")]
    pub password_env: Option<String>,
    /// Which stores, and how.
    #[command(flatten)]
    pub stores: Stores,
}

/// `devca revoke`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca revoke alice-client.pem
  devca revoke 64d7323a57d5262f3c0697f13a3f324c
  devca crl                                         the list that servers read")]
pub struct Revoke {
    /// The certificate: its file, or its serial number in hexadecimal
    #[arg(value_name = "FILE|SERIAL")]
    pub certificate: String,
}

/// `devca crl`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca crl                                         ./crl.pem
  devca --ca clients crl --out /etc/nginx/clients-crl.pem
  openssl verify -crl_check -CAfile \"$(devca root)\" -CRLfile crl.pem alice-client.pem

The list names the certificates that devca revoke was told of. An older list is replaced, no other file.")]
pub struct Crl {
    /// Where to put it [default: crl.pem]
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// How long it is good: servers refuse every client once it is older [default: 30]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub days: Option<i64>,
    /// Print it instead of writing it
    #[arg(long, conflicts_with = "out")]
    pub stdout: bool,
}

/// `devca export`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca export --for cert-manager --out ca && kubectl apply -f ca
  devca export --for vault
  devca export --for step-ca --days 365

What is handed over is an intermediate CA with the root's name constraints and an end of its own; whoever trusts
the root trusts what it issues. The root's own key stays here. docs/scale-out.md walks through each system.")]
pub struct Export {
    /// The system that is to issue certificates
    #[arg(long = "for", value_name = "SYSTEM")]
    pub system: System,
    /// Where to put the files [default: ./devca-SYSTEM]
    #[arg(short, long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// The common name of the intermediate [default: devca SYSTEM intermediate]
    #[arg(long, value_name = "NAME")]
    pub cn: Option<String>,
    /// How long it is valid [default: 1825]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub days: Option<i64>,
}

/// Who takes an intermediate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum System {
    /// Kubernetes: a Secret, and an Issuer that uses it
    CertManager,
    /// HashiCorp Vault or OpenBao: the bundle that its PKI engine imports
    Vault,
    /// Smallstep's step-ca: the files of its folder
    StepCa,
}

/// `devca ca`
#[derive(Debug, Subcommand)]
pub enum Ca {
    /// List them: name, root, expiry
    #[command(after_help = "Example:\n  devca --ca clients issue --client bob && devca ca list")]
    List,
}

/// `30d` or `30`.
fn days(word: &str) -> Result<i64, Fault> {
    let digits = word.strip_suffix('d').unwrap_or(word);
    digits
        .parse()
        .ok()
        .filter(|days| (0..=36_500).contains(days))
        .ok_or_else(|| Fault::usage(format!("{word:?} is no number of days"), "as in: --expiring 30d"))
}

fn moment(word: &str) -> Result<OffsetDateTime, Fault> {
    let day = || Date::parse(word, format_description!("[year]-[month]-[day]")).ok();
    OffsetDateTime::parse(word, &Rfc3339)
        .ok()
        .or_else(|| day().map(|date| date.with_time(Time::MIDNIGHT).assume_utc()))
        // X.509 has no years before 1950 or after 9999 (RFC 5280 §4.1.2.5).
        .filter(|moment| (1951..=9990).contains(&moment.year()))
        .ok_or_else(|| {
            Fault::usage(
                format!("{word:?} is no moment in time"),
                "as in: --not-after 2027-01-31 or 2027-01-31T12:00:00Z",
            )
        })
}

/// What clap has to say, as an error and a hint.
pub fn in_two_lines(error: &clap::Error) -> (String, String) {
    if let Some(fault) = error.source().and_then(|source| source.downcast_ref::<Fault>()) {
        return (fault.to_string(), fault.hint().to_owned());
    }
    if error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return ("a subcommand is missing".into(), "see --help".into());
    }
    let text = error.to_string();
    let mut paragraphs = text.split("\n\n").map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    let what = paragraphs.next().unwrap_or_default();
    let what = what.strip_prefix("error: ").unwrap_or(&what).trim_end_matches("...").to_owned();
    let rest: Vec<String> = paragraphs.collect();
    let hint = rest
        .iter()
        .find_map(|part| part.strip_prefix("tip: ").map(ToOwned::to_owned))
        .or_else(|| {
            rest.iter()
                .find_map(|part| part.strip_prefix("Usage: ").map(|usage| format!("{usage} (see --help)")))
        })
        .unwrap_or_else(|| "see devca --help".into());
    (what, hint)
}
