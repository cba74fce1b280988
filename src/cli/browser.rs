//! What browsers are given: client certificates.

use clap::{Args, Subcommand};

use crate::error::Fault;

/// Have browsers send a client certificate, for testing mutual TLS
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  devca --ca clients issue --client alice
  devca --ca clients browser add alice --url https://localhost:8443
  devca --ca clients browser remove alice")]
pub enum Browser {
    /// Import a client certificate and its key into Firefox's and Chromium's databases
    #[command(after_help = "\
Example:
  devca --ca clients browser add alice --url https://localhost:8443

Imports into every profile of Firefox that has been used, and into the database that Chromium, Chrome, Brave, Edge, \
Vivaldi and Opera share. Prints the settings that make them send it without asking.")]
    Add(BrowserAdd),
    /// Delete it from these databases
    Remove(BrowserRemove),
}

/// `devca browser add`
#[derive(Debug, Args)]
pub struct BrowserAdd {
    /// The common name of the certificate
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The site that is to get it without asking, in the printed policy
    #[arg(long, value_name = "URL", default_value = "https://localhost", value_parser = site)]
    pub url: String,
}

/// `devca browser remove`
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
            format!("{word:?} is not the address of a site"),
            "as in: --url https://localhost:8443",
        )),
    }
}
