//! Programs that look elsewhere than in the system's store: the one table of environment variables.

/// What a variable does to the roots that a program trusts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Its file is read besides the program's own roots.
    Adds,
    /// Its file is read instead of them, and so must hold the system's roots as well.
    Replaces,
}

/// One variable.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub effect: Effect,
    /// Whose it is.
    pub readers: &'static str,
}

const fn adds(name: &'static str, readers: &'static str) -> Variable {
    Variable { name, effect: Effect::Adds, readers }
}

const fn replaces(name: &'static str, readers: &'static str) -> Variable {
    Variable { name, effect: Effect::Replaces, readers }
}

/// All of them. Not among them: `SSL_CERT_DIR`, which would need a folder of hash links, and `PGSSLROOTCERT`,
/// which changes what libpq verifies.
pub const VARIABLES: &[Variable] = &[
    adds("NODE_EXTRA_CA_CERTS", "Node, npm, pnpm, yarn, Bun, Deno from 2.8"),
    adds("DENO_CERT", "Deno"),
    replaces(
        "SSL_CERT_FILE",
        "OpenSSL: Python's ssl, urllib and httpx, Ruby, PHP, .NET; Go on Linux; rustls-native-certs, uv",
    ),
    replaces("REQUESTS_CA_BUNDLE", "Python's requests"),
    replaces("PIP_CERT", "pip"),
    replaces("CURL_CA_BUNDLE", "curl"),
    replaces("GIT_SSL_CAINFO", "git"),
    replaces("CARGO_HTTP_CAINFO", "cargo"),
    replaces("AWS_CA_BUNDLE", "AWS CLI, boto3"),
    replaces("NPM_CONFIG_CAFILE", "npm's own requests"),
    replaces("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "gRPC"),
    replaces("HEX_CACERTS_PATH", "Hex"),
    replaces("NIX_SSL_CERT_FILE", "Nix"),
];
