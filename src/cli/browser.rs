//! Arguments of `devca browser`.

use clap::{Args, Subcommand};

use super::password::PasswordSource;
use crate::error::Fault;

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  devca --ca clients issue --client alice
  devca --ca clients browser add alice --url https://localhost:8443
  devca --ca clients browser remove alice")]
pub enum Browser {
    /// Import a client certificate and its key into Firefox and Chromium
    #[command(after_help = "\
Example:
  devca --ca clients browser add alice --url https://localhost:8443

Imports into every Firefox profile that has been used, and into the database that Chromium, Chrome, Brave, Edge, \
Vivaldi and Opera share. Prints the settings that make them send it without asking.")]
    Add(BrowserAdd),
    /// Remove a client certificate from Firefox and Chromium
    Remove(BrowserRemove),
}

#[derive(Debug, Args)]
pub struct BrowserAdd {
    /// The common name of the certificate
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The site that gets it without asking, in the printed policy
    #[arg(long, value_name = "URL", default_value = "https://localhost", value_parser = site)]
    pub url: String,
    #[command(flatten)]
    pub password: PasswordSource,
}

#[derive(Debug, Args)]
pub struct BrowserRemove {
    /// The common name of the certificate
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// Scheme, host and port: what a pattern of Chromium's takes.
fn site(word: &str) -> Result<String, Fault> {
    let fits = |rest: &str| {
        !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric() || "-._:[]*".contains(c))
    };
    let site = word.trim_end_matches('/');
    match site.strip_prefix("https://") {
        Some(rest) if fits(rest) => Ok(site.to_owned()),
        _ => Err(Fault::usage(
            format!("{word:?} is not an HTTPS address"),
            "for example: --url https://localhost:8443",
        )),
    }
}
