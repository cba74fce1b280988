//! What makes, changes and hands over a CA.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::{PasswordSource, Stores};
use crate::bundle::RootFormat;
use crate::constraints::Subtree;
use crate::error::Fault;

/// `devca install`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca install
  devca install --permit corp.example.dev --permit 203.0.113.0/24
  devca --ca work install --permit work.example.dev    another CA

The root's certificate limits it to development names (localhost, *.test, *.internal and the like); --permit adds \
to the list when the root is made. If its key is stolen, Chromium, Firefox, Go, rustls and GnuTLS hold the thief to \
that list. Others can be fooled by a forged certificate without a host name among its SANs: OpenSSL (curl, Python, \
Node, Ruby, PHP), Java, Bun and gRPC. So keep the key safe, for example with --passphrase. Which client does what: \
docs/clients.md.

Addresses are not limited by default: BoringSSL (Bun, gRPC, Electron, Envoy, Dart, workerd) refuses certificates with \
addresses under a root that limits them. devca itself asks before it issues for a public address.")]
#[allow(clippy::struct_excessive_bools)]
pub struct Install {
    /// Let the new root sign for this domain, too; a range of addresses implies --constrain-addresses
    #[arg(long, value_name = "NAME", value_parser = Subtree::parse, conflicts_with = "unconstrained")]
    pub permit: Vec<Subtree>,
    /// Limit the new root to private addresses as well: BoringSSL (Bun, gRPC, Electron, Envoy) then refuses certificates with addresses
    #[arg(long, conflicts_with = "unconstrained")]
    pub constrain_addresses: bool,
    /// Let the new root sign for any name, like mkcert's: whoever gets its key can impersonate every site to you
    #[arg(long)]
    pub unconstrained: bool,
    /// Lock the new root's key with a passphrase: typed, or the first line of the file in `$DEVCA_PASSPHRASE_FILE`
    #[arg(long, conflicts_with = "keyring")]
    pub passphrase: bool,
    /// Encrypt the new root's key with a random passphrase that the system's keyring keeps: Secret Service (Linux),
    /// Keychain (macOS), Credential Manager (Windows)
    #[arg(long)]
    pub keyring: bool,
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

/// `devca uninstall`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca uninstall            the root stays on disk, for the next `devca install`
  devca uninstall --purge    root, key and inventory are deleted, too

Only this CA's root and those it had before are removed. Roots of other CA folders are listed, each with the \
command that removes it.")]
pub struct Uninstall {
    /// Remove the devca or mkcert root with this SHA-256 fingerprint instead: of a folder that is lost, say
    #[arg(long, value_name = "FINGERPRINT", value_parser = sha256, conflicts_with = "purge")]
    pub sha256: Vec<String>,
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

/// 64 hexadecimal digits; OpenSSL puts colons between them.
fn sha256(word: &str) -> Result<String, Fault> {
    let digits: String = word.chars().filter(|c| *c != ':').map(|c| c.to_ascii_lowercase()).collect();
    if digits.len() == 64 && digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return Ok(digits);
    }
    let what = format!("{word:?} is not a SHA-256 fingerprint");
    Err(Fault::usage(what, "it has 64 hexadecimal digits: devca uninstall lists those of other roots"))
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

/// `devca root`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca root                                        where it is (mkcert -CAROOT)
  curl --cacert \"$(devca root)\" https://localhost:8443
  devca root --pem > root.pem
  devca root --format mobileconfig,der --out ~/phone   for iPhone and Android")]
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

/// `devca permit`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca permit corp.example.dev 203.0.113.0/24
  devca permit --list
  devca permit --remove corp.example.dev
  devca permit --no-constrain-addresses    for BoringSSL: Bun, gRPC, Electron, Envoy

The root is signed again with the same key, and replaces the old one in the stores that hold it: what was issued \
before stays valid. A sealed root has no key to sign with: a new root takes its place, and its certificates are issued \
again. The first range of addresses makes the root limit addresses, to that range and to all private ones.")]
#[allow(clippy::struct_excessive_bools)]
pub struct Permit {
    /// Domains, with all below them, and addresses or ranges of them
    #[arg(value_name = "NAME", value_parser = Subtree::parse_any, required_unless_present_any = ["list", "constrain_addresses", "no_constrain_addresses"])]
    pub names: Vec<Subtree>,
    /// Print what is permitted
    #[arg(long, conflicts_with_all = ["names", "remove"])]
    pub list: bool,
    /// Take the names off the list
    #[arg(long)]
    pub remove: bool,
    /// Limit the root to private addresses and the ranges named, as `devca install --constrain-addresses` does
    #[arg(long, conflicts_with_all = ["list", "remove"])]
    pub constrain_addresses: bool,
    /// Remove all limits on addresses, so that BoringSSL accepts certificates with addresses again
    #[arg(long, conflicts_with_all = ["list", "remove", "names", "constrain_addresses"])]
    pub no_constrain_addresses: bool,
    /// What encrypted files are opened and closed with.
    #[command(flatten)]
    pub password: PasswordSource,
    /// Which stores, and how.
    #[command(flatten)]
    pub stores: Stores,
}

/// `devca passphrase`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca passphrase                                 set or change it: typed, twice
  devca passphrase --keyring                       a random one, kept in the system's keyring
  devca passphrase --remember 8h                   type it once, as with ssh-add (Linux)
  devca passphrase --remove
  DEVCA_PASSPHRASE_FILE=old devca passphrase --new-file new

The key becomes encrypted PKCS#8, which `openssl pkey` opens as well. A passphrase that is lost cannot be \
recovered; `devca rotate` makes a new root.")]
pub struct Passphrase {
    /// Remove it: the key is stored unencrypted
    #[arg(long, group = "what")]
    pub remove: bool,
    /// The new passphrase is the first line of this file
    #[arg(long, value_name = "FILE", group = "what")]
    pub new_file: Option<PathBuf>,
    /// The new passphrase is random, and the system's keyring keeps it
    #[arg(long, group = "what")]
    pub keyring: bool,
    /// Remember the passphrase for this time (30m, 8h, 2d), or until you log out: Linux' kernel keeps it in memory, for
    /// this login session only
    #[arg(long, value_name = "TIME", num_args = 0..=1, value_parser = time, group = "what")]
    #[allow(clippy::option_option)] // clap's type for an option whose value may be absent
    pub remember: Option<Option<Duration>>,
    /// Forget the remembered passphrase
    #[arg(long, group = "what")]
    pub forget: bool,
}

/// `90s`, `30m`, `8h`, `2d`.
fn time(text: &str) -> Result<Duration, Fault> {
    let units = [('s', 1), ('m', 60), ('h', 60 * 60), ('d', 24 * 60 * 60)];
    let seconds = units.iter().find_map(|(unit, seconds)| {
        let count: u64 = text.strip_suffix(*unit)?.parse().ok()?;
        count.checked_mul(*seconds).filter(|total| (1..=u64::from(u32::MAX)).contains(total))
    });
    seconds.map(Duration::from_secs).ok_or_else(|| {
        Fault::usage(format!("{text:?} is not a time"), "as in: devca passphrase --remember 8h")
    })
}

/// `devca rotate`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca rotate                                     after a key was lost or stolen
  devca rotate --sealed
  devca rotate --constrained                       in place of mkcert's root, which devca import took over

The new root permits what the old one did, and replaces it in the stores that hold it. Every certificate that is \
still valid is issued again where it lies, with the same key.")]
pub struct Rotate {
    /// Keep no key of the new root, but an intermediate's, as devca install --sealed does
    #[arg(long)]
    pub sealed: bool,
    /// If the old root may sign for any name, limit the new one to development names, as devca install does
    #[arg(long)]
    pub constrained: bool,
    /// Let the constrained root sign for this domain or range of addresses, too
    #[arg(long, value_name = "NAME", value_parser = Subtree::parse, requires = "constrained")]
    pub permit: Vec<Subtree>,
    /// What encrypted files are opened and closed with.
    #[command(flatten)]
    pub password: PasswordSource,
    /// Which stores, and how.
    #[command(flatten)]
    pub stores: Stores,
}

/// `devca export`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca export --for cert-manager --out ca && kubectl apply -f ca
  devca export --for vault
  devca export --for step-ca --days 365

What is handed over is an intermediate CA with the root's name constraints and an end of its own; whoever trusts \
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
    #[arg(long, value_name = "N", value_parser = super::inventory::any_days, allow_negative_numbers = true)]
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
