//! The environment variables of programs that do not use the system's store.

/// How a variable affects the roots that a program trusts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Names a PEM file that is read in addition to the program's own roots.
    Adds,
    /// Names a PEM file that is read instead of them, and so must also contain the system's roots.
    Replaces,
    /// Makes the program read the system's store if it has this value. It is only set if it was unset.
    ReadsSystem(&'static str),
    /// Options for every JVM, including a PKCS#12 trust store that replaces the JDK's own.
    JvmOptions,
    /// Folders in which PHP looks for settings.
    PhpFolders,
}

#[derive(Debug, Clone, Copy)]
pub struct Variable {
    pub name: &'static str,
    /// How it affects trust.
    pub effect: Effect,
    /// The programs that read it.
    pub readers: &'static str,
}

const fn variable(name: &'static str, effect: Effect, readers: &'static str) -> Variable {
    Variable { name, effect, readers }
}

const fn adds(name: &'static str, readers: &'static str) -> Variable {
    variable(name, Effect::Adds, readers)
}

const fn replaces(name: &'static str, readers: &'static str) -> Variable {
    variable(name, Effect::Replaces, readers)
}

/// All variables except `SSL_CERT_DIR`, which would need a folder of hash links, and `PGSSLROOTCERT`, which
/// changes what libpq verifies.
pub const VARIABLES: &[Variable] = &[
    adds("NODE_EXTRA_CA_CERTS", "Node, npm, pnpm, yarn, Playwright, miniflare, Bun, Deno from 2.8"),
    variable("NODE_USE_SYSTEM_CA", Effect::ReadsSystem("1"), "Node from 22.19 and 24.6"),
    adds("DENO_CERT", "Deno"),
    variable("DENO_TLS_CA_STORE", Effect::ReadsSystem("system,mozilla"), "Deno"),
    replaces(
        "SSL_CERT_FILE",
        "OpenSSL: Python's ssl, urllib, aiohttp and httpx, Ruby, PHP's streams, Perl's HTTP::Tiny, redis-cli, mariadb, mosquitto_pub, native-tls, .NET, s_client; Go on Linux; rustls-native-certs, rustls-platform-verifier, uv",
    ),
    replaces("REQUESTS_CA_BUNDLE", "Python's requests"),
    replaces("HTTPLIB2_CA_CERTS", "Python's httplib2"),
    replaces("PIP_CERT", "pip"),
    variable("UV_SYSTEM_CERTS", Effect::ReadsSystem("1"), "uv"),
    variable("UV_NATIVE_TLS", Effect::ReadsSystem("1"), "uv before it had UV_SYSTEM_CERTS"),
    replaces("CURL_CA_BUNDLE", "curl"),
    replaces("GIT_SSL_CAINFO", "git"),
    replaces("CARGO_HTTP_CAINFO", "cargo"),
    replaces("AWS_CA_BUNDLE", "AWS CLI, boto3"),
    replaces("CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", "gcloud"),
    replaces("NPM_CONFIG_CAFILE", "npm's and yarn's own requests"),
    replaces("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "gRPC"),
    replaces("COMPOSER_CAFILE", "Composer"),
    replaces("HEX_CACERTS_PATH", "Hex"),
    replaces("NIX_SSL_CERT_FILE", "Nix"),
    replaces("PERL_LWP_SSL_CA_FILE", "Perl's LWP"),
    variable("JAVA_TOOL_OPTIONS", Effect::JvmOptions, "every JVM: Java, Maven, Gradle, sbt"),
    variable("PHP_INI_SCAN_DIR", Effect::PhpFolders, "PHP's curl: Guzzle, Laravel, Symfony"),
];
