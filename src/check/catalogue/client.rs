//! The programs whose messages are in the catalogue, and the libraries that verify certificates for them.

use std::fmt;

use serde::{Serialize, Serializer};

/// A program, or a library that many programs use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    Curl,
    /// Its messages are from reports: no package registry has it.
    CurlOnWindows,
    /// curl and other programs of macOS. Its messages, some of which were OpenSSL's before version 3, are from reports: no package
    /// registry has it.
    LibreSsl,
    Node,
    NodeServer,
    Python,
    PythonServer,
    OpenSsl,
    OpenSslServer,
    GnuTls,
    Go,
    GoServer,
    /// Its messages are from reports: no package registry has it.
    GoOnMacOs,
    Rustls,
    RustlsServer,
    Java,
    JavaServer,
    Chrome,
    Firefox,
    /// Its messages are from reports: no package registry has it.
    Safari,
    /// Its messages are from reports: no package registry has it.
    Apple,
    /// Its messages are from reports: no package registry has it.
    Android,
    /// Its messages are from reports: no package registry has it.
    DotNet,
    Bun,
    Grpc,
    Workerd,
    SocketIo,
    /// Its messages are from reports: no package registry has it.
    Electron,
    Wget,
    /// Other systems build wget with OpenSSL. Its messages are from reports: no package registry has it.
    WgetWithOpenSsl,
    Git,
    /// Its messages are from reports: no package registry has it.
    GitOnWindows,
    Nginx,
    PostgreSql,
    Php,
    Pip,
    Boto,
    Perl,
    Mosquitto,
    Ruby,
    HaProxy,
    Apache,
    Redis,
    MariaDb,
    Dehydrated,
}

impl Client {
    /// The name that people use for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Curl => "curl",
            Self::CurlOnWindows => "curl (Windows)",
            Self::LibreSsl => "LibreSSL (macOS)",
            Self::Node => "Node",
            Self::NodeServer => "Node (server)",
            Self::Python => "Python",
            Self::PythonServer => "Python (server)",
            Self::OpenSsl => "OpenSSL",
            Self::OpenSslServer => "OpenSSL (server)",
            Self::GnuTls => "GnuTLS",
            Self::Go => "Go",
            Self::GoServer => "Go (server)",
            Self::GoOnMacOs => "Go (macOS)",
            Self::Rustls => "rustls",
            Self::RustlsServer => "rustls (server)",
            Self::Java => "Java",
            Self::JavaServer => "Java (server)",
            Self::Chrome => "Chrome",
            Self::Firefox => "Firefox",
            Self::Safari => "Safari",
            Self::Apple => "iOS, macOS",
            Self::Android => "Android",
            Self::DotNet => ".NET",
            Self::Bun => "Bun",
            Self::Grpc => "gRPC",
            Self::Workerd => "workerd",
            Self::SocketIo => "socket.io",
            Self::Electron => "Electron",
            Self::Wget => "wget",
            Self::WgetWithOpenSsl => "wget (OpenSSL)",
            Self::Git => "git",
            Self::GitOnWindows => "git (Windows)",
            Self::Nginx => "nginx",
            Self::PostgreSql => "PostgreSQL",
            Self::Dehydrated => "dehydrated",
            Self::MariaDb => "MariaDB",
            Self::Redis => "Redis",
            Self::Apache => "Apache",
            Self::HaProxy => "HAProxy",
            Self::Ruby => "Ruby",
            Self::Mosquitto => "Mosquitto",
            Self::Perl => "Perl",
            Self::Boto => "boto3",
            Self::Pip => "pip",
            Self::Php => "PHP",
        }
    }

    /// Whether these messages are from a server's log.
    pub fn is_server(self) -> bool {
        use Client::{GoServer, HaProxy, JavaServer, NodeServer, OpenSslServer, PythonServer, RustlsServer};
        matches!(
            self,
            GoServer | HaProxy | JavaServer | NodeServer | OpenSslServer | PythonServer | RustlsServer
        )
    }

    /// The library that verifies certificates for it, if the messages are known to come from one.
    pub fn library(self) -> Option<Library> {
        Some(match self {
            Self::Curl | Self::OpenSsl | Self::Node | Self::Python => Library::OpenSsl,
            Self::GnuTls => Library::GnuTls,
            Self::Go => Library::Go,
            Self::Rustls => Library::Webpki,
            Self::Java => Library::Java,
            Self::Chrome => Library::Chrome,
            Self::Firefox => Library::Firefox,
            _ => return None,
        })
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Client {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A library that verifies certificates. Clients that share one reject the same certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Library {
    OpenSsl,
    GnuTls,
    Go,
    /// The verifier of rustls.
    Webpki,
    Java,
    Chrome,
    Firefox,
}

impl fmt::Display for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OpenSsl => "OpenSSL",
            Self::GnuTls => "GnuTLS",
            Self::Go => "Go",
            Self::Webpki => "rustls",
            Self::Java => "Java",
            Self::Chrome => "Chrome",
            Self::Firefox => "Firefox",
        })
    }
}
