//! Where passwords come from: never from argv, which everybody on the machine can read.

use std::path::PathBuf;

use clap::Args;

use crate::disk::secret::Secret;
use crate::format::password;

// The password of PKCS#12 and Java files.
#[derive(Debug, Default, Args)]
pub struct PasswordSource {
    /// Read the password of p12 and java files from the first line of this file
    #[arg(long, value_name = "FILE", conflicts_with = "password_env")]
    pub password_file: Option<PathBuf>,
    /// Read it from this environment variable
    #[arg(long, value_name = "VARIABLE")]
    pub password_env: Option<String>,
    /// A well-known password.
    #[arg(skip)]
    pub known: Option<Secret>,
}

impl PasswordSource {
    /// Whether one is given at all.
    pub fn is_given(&self) -> bool {
        self.known.is_some() || self.password_file.is_some() || self.password_env.is_some()
    }

    /// Reads it; None where none is given.
    pub fn read(&self) -> anyhow::Result<Option<Secret>> {
        if self.known.is_some() {
            return Ok(self.known.clone());
        }
        password::given(self.password_file.as_deref(), self.password_env.as_deref())
    }
}
