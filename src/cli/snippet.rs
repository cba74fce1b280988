//! Arguments of `devca snippet`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca snippet nginx > /etc/nginx/conf.d/app.conf
  devca snippet node --cert certs/app.test.pem
  devca snippet --ca work postgres

Without --cert, the files are those of the server certificate that was issued last. The lines for mutual TLS are commented \
out; they name the root of the CA called clients, if there is one.")]
pub struct Snippet {
    /// The server: nginx, apache, haproxy, caddy, postgres, redis, node, vite, next, python, go, rust or java
    #[arg(value_name = "SERVER", ignore_case = true, hide_possible_values = true)]
    pub server: ServerKind,
    /// The certificate to fill in
    #[arg(long, value_name = "FILE")]
    pub cert: Option<PathBuf>,
    /// Its key [default: the file beside it whose name ends in -key.pem]
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
}

/// A server whose configuration `docs/servers.md` has.
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
}

impl ServerKind {
    /// The title of its section.
    pub fn title(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Apache => "Apache",
            Self::Haproxy => "HAProxy",
            Self::Caddy => "Caddy",
            Self::Postgres => "PostgreSQL",
            Self::Redis => "Redis",
            Self::Node => "Node",
            Self::Vite => "Vite",
            Self::Next => "Next.js",
            Self::Python => "Python",
            Self::Go => "Go",
            Self::Rust => "axum",
            Self::Java => "Spring Boot",
        }
    }
}
