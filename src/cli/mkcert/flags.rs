//! The options of mkcert 1.4.4, as Go's package flag reads them: one dash or two, `-x=value` or `-x value`, up to the first
//! word that is not an option.

use std::path::PathBuf;
use std::slice::Iter;

use crate::error::Fault;

/// What `mkcert -help` prints.
pub const USAGE: &str = "\
devca in the place of mkcert 1.4.4

  mkcert -install                       trust the root on this machine
  mkcert app.test                       writes app.test.pem and app.test-key.pem
  mkcert app.test localhost 127.0.0.1   writes app.test+2.pem and app.test+2-key.pem
  mkcert -uninstall                     remove the root from the trust stores

  -cert-file FILE, -key-file FILE, -p12-file FILE   where to write
  -client         a certificate for client authentication
  -ecdsa          an ECDSA key instead of RSA
  -pkcs12         a PKCS#12 file, its password is changeit
  -csr FILE       sign this request; only its key and its names are used
  -CAROOT         print the folder with rootCA.pem
  -version        print the version of mkcert that this is like
  -help           print this

  $CAROOT         the folder for rootCA.pem
  $TRUST_STORES   the stores for -install and -uninstall: system, java, nss

devca does more: devca --help. What differs from mkcert: devca mkcert --help, and docs/from-mkcert.md";

/// What was asked of mkcert.
#[derive(Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // each is an option of its own
pub struct MkcertFlags {
    pub install: bool,
    pub uninstall: bool,
    pub pkcs12: bool,
    pub ecdsa: bool,
    pub client: bool,
    pub help: bool,
    pub caroot: bool,
    pub version: bool,
    pub csr: Option<PathBuf>,
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
    pub p12_file: Option<PathBuf>,
    pub names: Vec<String>,
}

impl MkcertFlags {
    /// Reads mkcert's command line.
    pub fn parse(words: &[String]) -> Result<Self, Fault> {
        let (mut flags, mut words) = (Self::default(), words.iter());
        while let Some(word) = words.next() {
            let Some(flag) = word.strip_prefix('-').filter(|flag| !flag.is_empty()) else {
                flags.names.push(word.clone());
                break;
            };
            let flag = match flag.strip_prefix('-') {
                Some("") => break,
                Some(flag) => flag,
                None => flag,
            };
            if flag.starts_with(['-', '=']) {
                return Err(Fault::usage(format!("{word} is not an option of mkcert's"), HINT));
            }
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (flag, None),
            };
            if name == "h" {
                return Ok(Self { help: true, ..Self::default() });
            }
            flags.set(name, value, &mut words)?;
        }
        flags.names.extend(words.cloned());
        Ok(flags)
    }

    fn set(&mut self, name: &str, value: Option<&str>, rest: &mut Iter<String>) -> Result<(), Fault> {
        let switch = match name {
            "install" => &mut self.install,
            "uninstall" => &mut self.uninstall,
            "pkcs12" => &mut self.pkcs12,
            "ecdsa" => &mut self.ecdsa,
            "client" => &mut self.client,
            "help" => &mut self.help,
            "CAROOT" => &mut self.caroot,
            "version" => &mut self.version,
            _ => return self.set_file(name, value, rest),
        };
        *switch = boolean(name, value)?;
        Ok(())
    }

    fn set_file(&mut self, name: &str, value: Option<&str>, rest: &mut Iter<String>) -> Result<(), Fault> {
        let file = match name {
            "csr" => &mut self.csr,
            "cert-file" => &mut self.cert_file,
            "key-file" => &mut self.key_file,
            "p12-file" => &mut self.p12_file,
            _ => return Err(Fault::usage(format!("mkcert has no option -{name}"), HINT)),
        };
        let value = match value {
            Some(value) => value,
            None => rest.next().ok_or_else(|| {
                Fault::usage(
                    format!("-{name} needs a file"),
                    format!("for example: mkcert -{name} FILE localhost"),
                )
            })?,
        };
        // An empty one is as good as none.
        *file = Some(PathBuf::from(value)).filter(|_| !value.is_empty());
        Ok(())
    }
}

const HINT: &str =
    "mkcert -help lists mkcert's options; devca's own go before the command: devca --ca NAME mkcert …";

/// Go's strconv.ParseBool.
fn boolean(name: &str, value: Option<&str>) -> Result<bool, Fault> {
    match value {
        None | Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(true),
        Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(false),
        Some(other) => Err(Fault::usage(
            format!("{other:?} is not a value of -{name}"),
            format!("use -{name}, -{name}=true or -{name}=false"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::MkcertFlags;

    fn parse(line: &str) -> Option<MkcertFlags> {
        let words: Vec<String> = line.split(' ').filter(|word| !word.is_empty()).map(Into::into).collect();
        MkcertFlags::parse(&words).ok()
    }

    #[test]
    fn options_are_read_as_go_reads_them() {
        let named = |names: &[&str]| MkcertFlags {
            names: names.iter().map(ToString::to_string).collect(),
            ..MkcertFlags::default()
        };
        for (line, read) in [
            ("a b", named(&["a", "b"])),
            ("-install", MkcertFlags { install: true, ..named(&[]) }),
            ("--install a", MkcertFlags { install: true, ..named(&["a"]) }),
            ("-ecdsa=false a", named(&["a"])),
            ("-ecdsa=T a", MkcertFlags { ecdsa: true, ..named(&["a"]) }),
            ("-ecdsa false", MkcertFlags { ecdsa: true, ..named(&["false"]) }),
            ("-cert-file=x=y a", MkcertFlags { cert_file: Some("x=y".into()), ..named(&["a"]) }),
            ("-cert-file -install a", MkcertFlags { cert_file: Some("-install".into()), ..named(&["a"]) }),
            ("-cert-file= a", named(&["a"])),
            ("-key-file x -key-file y a", MkcertFlags { key_file: Some("y".into()), ..named(&["a"]) }),
            ("-- -install", named(&["-install"])),
            ("a -install", named(&["a", "-install"])),
            ("- -install", named(&["-", "-install"])),
            ("-install -h -nonsense", MkcertFlags { help: true, ..named(&[]) }),
        ] {
            assert_eq!(parse(line), Some(read), "{line}");
        }
        for line in ["---install", "-=x", "--=x", "-nonsense", "-ecdsa=maybe", "-csr"] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
