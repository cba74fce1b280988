//! Arguments of `devca snippet`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::error::Fault;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca snippet nginx > /etc/nginx/conf.d/app.conf
  devca snippet node --cert certs/app.test.pem
  devca snippet --ca work postgres
  devca snippet certbot

Without --cert, the files are those of the server certificate that was issued last. The lines for mutual TLS are commented \
out; they name the root of the CA called clients, if there is one.

Clients of devca acme: certbot, caddy-acme, traefik, lego, acme.sh, nginx-acme, apache-md, cert-manager, autocert. Their lines \
name the ACME server and the root. With --directory, caddy, nginx and apache are clients, too.")]
pub struct Snippet {
    /// The server (nginx, apache, haproxy, caddy, postgres, redis, node, vite, next, python, go, rust or java), or the client
    /// of devca acme
    #[arg(value_name = "SERVER", ignore_case = true, hide_possible_values = true)]
    pub server: ServerKind,
    /// The certificate to fill in
    #[arg(long, value_name = "FILE")]
    pub cert: Option<PathBuf>,
    /// Its key [default: the file beside it whose name ends in -key.pem]
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
    /// The ACME server that a client should use [default: https://localhost:14000/directory]
    #[arg(long, value_name = "URL", conflicts_with = "cert", value_parser = directory)]
    pub directory: Option<String>,
}

/// A server's directory (RFC 8555 §7.1.1), in characters that no configuration file treats as special.
fn directory(word: &str) -> Result<String, Fault> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~/:[]%".contains(c);
    if word.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && rest.chars().all(is_plain)) {
        return Ok(word.to_owned());
    }
    let what = format!("{word:?} is not the URL of an ACME server");
    Err(Fault::usage(what, "for example: --directory https://localhost:14000/directory"))
}

/// A server whose configuration `docs/servers.md` has, or a client of `devca acme` from `docs/acme-clients.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ServerKind {
    Nginx,
    #[value(aliases = ["httpd", "apache2"])]
    Apache,
    Haproxy,
    Caddy,
    #[value(aliases = ["postgresql", "pg"])]
    Postgres,
    Redis,
    #[value(aliases = ["nodejs", "express"])]
    Node,
    Vite,
    #[value(aliases = ["nextjs", "next.js"])]
    Next,
    Python,
    Go,
    #[value(alias = "axum")]
    Rust,
    #[value(aliases = ["spring", "spring-boot"])]
    Java,
    Certbot,
    CaddyAcme,
    Traefik,
    Lego,
    #[value(name = "acme.sh", alias = "acme-sh")]
    AcmeSh,
    NginxAcme,
    #[value(aliases = ["mod_md", "mod-md"])]
    ApacheMd,
    CertManager,
    Autocert,
}

impl ServerKind {
    /// The title of its section.
    pub fn title(self) -> &'static str {
        match self {
            Self::Nginx | Self::NginxAcme => "nginx",
            Self::Apache => "Apache",
            Self::Haproxy => "HAProxy",
            Self::Caddy | Self::CaddyAcme => "Caddy",
            Self::Postgres => "PostgreSQL",
            Self::Redis => "Redis",
            Self::Node => "Node",
            Self::Vite => "Vite",
            Self::Next => "Next.js",
            Self::Python => "Python",
            Self::Go => "Go",
            Self::Rust => "axum",
            Self::Java => "Spring Boot",
            Self::Certbot => "certbot",
            Self::Traefik => "Traefik",
            Self::Lego => "lego",
            Self::AcmeSh => "acme.sh",
            Self::ApacheMd => "Apache's mod_md",
            Self::CertManager => "cert-manager",
            Self::Autocert => "autocert",
        }
    }

    /// The client of `devca acme` that is this server, or part of it.
    pub fn acme_client(self) -> Option<Self> {
        match self {
            Self::Caddy | Self::CaddyAcme => Some(Self::CaddyAcme),
            Self::Nginx | Self::NginxAcme => Some(Self::NginxAcme),
            Self::Apache | Self::ApacheMd => Some(Self::ApacheMd),
            Self::Certbot
            | Self::Traefik
            | Self::Lego
            | Self::AcmeSh
            | Self::CertManager
            | Self::Autocert => Some(self),
            _ => None,
        }
    }
}
