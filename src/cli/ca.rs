//! Arguments of the commands that create, change and export a CA.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{PasswordSource, Stores};
use crate::error::Fault;
use crate::format::{ExportTarget, RootFormat};
use crate::x509::subtree::Subtree;

#[derive(Debug, Default, Args)]
#[command(after_help = "\
Examples:
  devca install
  devca install --permit corp.example.dev --permit 203.0.113.0/24
  devca --ca work install --permit work.example.dev    another CA

The root certificate limits the root to development names (localhost, *.test, *.internal and the like); --permit adds \
to that list when the root is created. If the key is stolen, Chromium, Firefox, Go, rustls and GnuTLS hold the thief to \
the list. OpenSSL (curl, Python, Node, Ruby, PHP), Bun, gRPC and NSS's own verifier can be fooled by a forged certificate \
that has no host name among its SANs, and Java does not apply the list at all. So protect the key: see --keyring and \
--passphrase. docs/clients.md lists what each client does.

Addresses are not limited by default, because BoringSSL (Bun, gRPC, Electron, Envoy, Dart, workerd) rejects certificates \
with addresses under a root that limits them. devca asks before it issues for a public address.")]
#[allow(clippy::struct_excessive_bools)]
pub struct Install {
    /// Let the new root also sign for this domain or address range (a range implies --constrain-addresses)
    #[arg(long, value_name = "NAME", value_parser = Subtree::parse, conflicts_with = "unconstrained")]
    pub permit: Vec<Subtree>,
    /// Also limit the new root to private addresses; BoringSSL (Bun, gRPC, Electron) then rejects certificates with addresses
    #[arg(long, conflicts_with = "unconstrained")]
    pub constrain_addresses: bool,
    /// Let the new root sign for any name, like mkcert's: anyone who gets its key can impersonate every site to you
    #[arg(long)]
    pub unconstrained: bool,
    /// Encrypt the new root's key with a passphrase: typed, or the first line of the file in $DEVCA_PASSPHRASE_FILE
    #[arg(long, conflicts_with = "keyring")]
    pub passphrase: bool,
    /// Encrypt the new root's key with a random passphrase kept in the system's keyring: Secret Service (Linux),
    /// Keychain (macOS), Credential Manager (Windows)
    #[arg(long)]
    pub keyring: bool,
    /// Sign one intermediate with the new root and delete the root's key, for clients that ignore a root's constraints
    #[arg(long)]
    pub sealed: bool,
    /// Which stores, and how.
    #[command(flatten)]
    pub stores: Stores,
    /// Show the commands and files that would change, without changing anything
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Default, Args)]
#[command(after_help = "\
Examples:
  devca uninstall            the root stays on disk for the next `devca install`
  devca uninstall --purge    also deletes the root, its key and the inventory

Only this CA's root and its earlier roots are removed. Roots from other CA folders are listed, each with the command \
that removes it.")]
pub struct Uninstall {
    /// Remove the devca or mkcert root with this SHA-256 fingerprint instead, for example one whose folder is lost
    #[arg(long, value_name = "FINGERPRINT", value_parser = sha256, conflicts_with = "purge")]
    pub sha256: Vec<String>,
    /// Also delete the root, its key and the inventory
    #[arg(long)]
    pub purge: bool,
    /// Delete without asking
    #[arg(short, long)]
    pub yes: bool,
    /// Which stores, and how.
    #[command(flatten)]
    pub stores: Stores,
    /// Show the commands and files that would change, without changing anything
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
    Err(Fault::usage(what, "it has 64 hexadecimal digits; devca uninstall lists those of other roots"))
}

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

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca root                                        print its path (like mkcert -CAROOT)
  curl --cacert \"$(devca root)\" https://localhost:8443
  devca root --pem > root.pem
  devca root --format mobileconfig,der --out ~/phone   for iPhone and Android")]
pub struct Root {
    /// Print the certificate
    #[arg(long)]
    pub pem: bool,
    /// Write it in these formats, for other machines and phones: pem, der (Windows, Android), mobileconfig (iPhone,
    /// iPad, Mac), android (Android's system store)
    #[arg(
        long,
        value_name = "FORMAT,…",
        value_delimiter = ',',
        conflicts_with = "pem",
        hide_possible_values = true
    )]
    pub format: Vec<RootFormat>,
    /// The folder for the files [default: the current folder]
    #[arg(short, long, value_name = "DIR", requires = "format")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca permit corp.example.dev 203.0.113.0/24
  devca permit --list
  devca permit --remove corp.example.dev
  devca permit --no-constrain-addresses    for BoringSSL: Bun, gRPC, Electron

The root is signed again with the same key and replaces the old one in the stores that trust it, so existing \
certificates stay valid. A sealed root has no key to sign with: it is replaced by a new root, and its certificates are \
reissued. The first address range also limits the root to that range and private addresses.")]
#[allow(clippy::struct_excessive_bools)]
pub struct Permit {
    /// Domains (with all their subdomains), addresses and address ranges
    #[arg(value_name = "NAME", value_parser = Subtree::parse_any, required_unless_present_any = ["list", "constrain_addresses", "no_constrain_addresses"])]
    pub names: Vec<Subtree>,
    /// Print what the root may sign for
    #[arg(long, conflicts_with_all = ["names", "remove"])]
    pub list: bool,
    /// Remove the names from the list
    #[arg(long)]
    pub remove: bool,
    /// Limit the root to private addresses and the given ranges, like devca install --constrain-addresses
    #[arg(long, conflicts_with_all = ["list", "remove"])]
    pub constrain_addresses: bool,
    /// Remove all limits on addresses, so that BoringSSL accepts certificates with addresses
    #[arg(long, conflicts_with_all = ["list", "remove", "names", "constrain_addresses"])]
    pub no_constrain_addresses: bool,
    /// The password of encrypted files.
    #[command(flatten)]
    pub password: PasswordSource,
    /// Which stores, and how.
    #[command(flatten)]
    pub stores: Stores,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca passphrase                                 set or change it; asks twice
  devca passphrase --keyring                       a random one, kept in the system's keyring
  devca passphrase --remember 8h                   type it once, as with ssh-add (Linux)
  devca passphrase --remove
  DEVCA_PASSPHRASE_FILE=old devca passphrase --new-file new

The key becomes encrypted PKCS#8, which `openssl pkey` opens as well. A passphrase that is lost cannot be \
recovered; `devca rotate` creates a new root.")]
pub struct Passphrase {
    /// Remove the passphrase; the key is then stored unencrypted
    #[arg(long, group = "what")]
    pub remove: bool,
    /// Read the new passphrase from the first line of this file
    #[arg(long, value_name = "FILE", group = "what")]
    pub new_file: Option<PathBuf>,
    /// Use a random passphrase and keep it in the system's keyring
    #[arg(long, group = "what")]
    pub keyring: bool,
    /// Remember the passphrase for this long (30m, 8h, 2d), or until you log out; the Linux kernel keeps it in memory
    /// for this login session
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
        Fault::usage(format!("{text:?} is not a time"), "for example: devca passphrase --remember 8h")
    })
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca rotate                                     after a key was lost or stolen
  devca rotate --sealed
  devca rotate --constrained                       to replace mkcert's root after devca import

The new root may sign for the same names as the old one and replaces it in the stores that trust it. Every certificate \
that is still valid is reissued in place, with the same key.")]
pub struct Rotate {
    /// Sign one intermediate with the new root and delete the root's key, like devca install --sealed
    #[arg(long)]
    pub sealed: bool,
    /// Replace the root without asking
    #[arg(short, long)]
    pub yes: bool,
    /// Limit the new root to development names even if the old one may sign for any name
    #[arg(long)]
    pub constrained: bool,
    /// Let the constrained root also sign for this domain or address range
    #[arg(long, value_name = "NAME", value_parser = Subtree::parse, requires = "constrained")]
    pub permit: Vec<Subtree>,
    /// The password of encrypted files.
    #[command(flatten)]
    pub password: PasswordSource,
    /// Which stores, and how.
    #[command(flatten)]
    pub stores: Stores,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca export --for cert-manager --out ca && kubectl apply -f ca
  devca export --for vault
  devca export --for step-ca --days 365

Exports an intermediate CA with the root's name constraints and an expiry date of its own. Clients that trust the root \
trust what it issues. The root's key is not exported. docs/scale-out.md has the steps for each system.")]
pub struct Export {
    /// The system that will issue certificates: cert-manager (Kubernetes), vault (HashiCorp Vault, OpenBao), step-ca
    #[arg(long = "for", value_name = "SYSTEM", hide_possible_values = true)]
    pub system: ExportTarget,
    /// The folder for the files [default: ./devca-SYSTEM]
    #[arg(short, long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// The common name of the intermediate [default: devca SYSTEM intermediate]
    #[arg(long, value_name = "NAME")]
    pub cn: Option<String>,
    /// Days until it expires [default: 1825]
    #[arg(long, value_name = "N", value_parser = super::inventory::any_days, allow_negative_numbers = true)]
    pub days: Option<i64>,
}

#[derive(Debug, Subcommand)]
pub enum Ca {
    /// List your CAs: name, root, expiry
    #[command(after_help = "Example:\n  devca --ca clients issue --client bob && devca ca list")]
    List,
}
