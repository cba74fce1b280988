//! The real programs of the tables in docs/stores.md.

/// A program, started by a shell in a throwaway folder. The shell has the variables `$URL`, `$PORT`, `$NODE`,
/// `$PYTHON` (a virtual environment), `$MODULES` (what npm installed), `$CLIENTS` (tests/clients),
/// `$JAVA_CLASSES`, `$GO_CLIENT`, `$RUST_CLIENT`, `$CARGO`, `$ROOT` (a file), and the ports `$TLS_PORT`,
/// `$MYSQL_PORT` and `$POSTGRES_PORT` of servers that close the connection after the handshake.
pub(super) struct Program {
    pub(super) name: &'static str,
    pub(super) script: &'static str,
    /// Whether it uses the system's store, and so trusts the root after `install`; `None` if this depends on
    /// a setting of the machine.
    pub(super) reads_system: Option<bool>,
    /// The variables that make it use the system's store.
    pub(super) switches: &'static [&'static str],
    /// The variables of `devca env` that are sufficient, each on its own, by the row of the table that names
    /// this program. An entry with spaces stands for several variables together.
    pub(super) variables: &'static [&'static str],
    /// Whether it trusts the root with `devca run`.
    pub(super) runs: bool,
    /// What it prints if it reaches the server but then fails for another reason.
    pub(super) reached: Option<&'static str>,
}

const fn program(name: &'static str, script: &'static str) -> Program {
    Program {
        name,
        script,
        reads_system: Some(true),
        switches: &[],
        variables: &[],
        runs: true,
        reached: None,
    }
}

/// A program that uses OpenSSL's settings.
const fn openssl(name: &'static str, script: &'static str) -> Program {
    Program { variables: &["SSL_CERT_FILE"], ..program(name, script) }
}

/// A program that runs in Node, or uses Node's settings.
const fn node(name: &'static str, script: &'static str) -> Program {
    Program { variables: &["NODE_EXTRA_CA_CERTS"], reads_system: Some(false), ..program(name, script) }
}

/// A program that needs an option.
const fn out_of_reach(name: &'static str, script: &'static str, reads_system: bool) -> Program {
    Program { runs: false, reads_system: Some(reads_system), ..program(name, script) }
}

/// Variables in the table whose programs are not in any registry that the tests can use; docs/stores.md says
/// so.
pub(super) const NOT_SEEN: &[&str] = &["CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", "HEX_CACERTS_PATH"];

pub(super) const PROGRAMS: &[Program] = &[
    Program {
        switches: &["NODE_OPTIONS=--use-openssl-ca SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"],
        ..node("Node", "exec \"$NODE\" $CLIENTS/client.mjs - $PORT localhost")
    },
    Program {
        switches: &["NODE_USE_SYSTEM_CA=1"],
        ..node("Node 22", "exec $MODULES/node-22/bin/node $CLIENTS/client.mjs - $PORT localhost")
    },
    Program {
        switches: &["NODE_USE_SYSTEM_CA=1"],
        ..node("Node 24", "exec $MODULES/node-24/bin/node $CLIENTS/client.mjs - $PORT localhost")
    },
    Program {
        // The machine may have an npmrc that names a file, which these two programs read.
        reads_system: None,
        variables: &["NPM_CONFIG_CAFILE"],
        ..node("npm", "exec npm ping --registry $URL --fetch-retries 0")
    },
    Program {
        reads_system: None,
        variables: &["NPM_CONFIG_CAFILE"],
        reached: Some("Received malformed response"),
        ..node(
            "yarn",
            "mkdir -p yarn && cd yarn && echo {} >package.json
             exec \"$NODE\" $MODULES/yarn/bin/yarn.js add none --registry $URL --non-interactive",
        )
    },
    // Since version 12 it no longer runs in Node, but still uses Node's variable.
    Program {
        reads_system: Some(true),
        variables: &["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"],
        reached: Some("Failed to decode metadata"),
        ..node(
            "pnpm",
            "mkdir -p pnpm && cd pnpm && echo {} >package.json && echo 'fetchRetries: 0' >pnpm-workspace.yaml
             exec $MODULES/.bin/pnpm add none --registry $URL",
        )
    },
    node(
        "Playwright",
        "cd $MODULES && exec \"$NODE\" -e \"require('playwright-core').request.newContext()
             .then((context) => context.get('$URL')).then((answer) => process.exit(answer.ok() ? 0 : 1))\"",
    ),
    Program {
        reads_system: Some(true),
        ..node("miniflare", "exec \"$NODE\" $CLIENTS/miniflare.mjs $MODULES - $PORT localhost")
    },
    Program {
        reads_system: Some(true),
        ..node("Bun's fetch", "exec $MODULES/.bin/bun $CLIENTS/fetch.mjs - $PORT localhost")
    },
    Program {
        reads_system: Some(true),
        ..node("Bun's node:https", "exec $MODULES/.bin/bun $CLIENTS/client.mjs - $PORT localhost")
    },
    Program {
        switches: &["DENO_TLS_CA_STORE=system"],
        variables: &["NODE_EXTRA_CA_CERTS", "DENO_CERT"],
        ..node(
            "Deno",
            "exec $MODULES/.bin/deno run --quiet --no-config --allow-net --allow-read $CLIENTS/fetch.mjs - $PORT localhost",
        )
    },
    openssl("workerd", "exec $CLIENTS/workerd $MODULES/.bin/workerd - $PORT localhost"),
    Program {
        reads_system: Some(false),
        switches: &["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=/etc/ssl/certs/ca-certificates.crt"],
        variables: &["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"],
        // Its server is in the same process.
        ..program(
            "gRPC",
            "exec $MODULES/../grpc/bin/python $CLIENTS/grpc_pair.py - localhost localhost.pem localhost-key.pem",
        )
    },
    openssl("Python's ssl", "exec python3 $CLIENTS/client.py - $PORT localhost"),
    openssl(
        "Python's urllib",
        "exec python3 -c \"import urllib.request; urllib.request.urlopen('$URL').read()\"",
    ),
    openssl("aiohttp", "exec $PYTHON $CLIENTS/aiohttp_client.py $URL"),
    Program {
        reads_system: Some(false),
        variables: &["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"],
        ..program("requests", "exec $PYTHON -c \"import requests; requests.get('$URL').raise_for_status()\"")
    },
    Program {
        reads_system: Some(false),
        ..openssl("httpx", "exec $PYTHON -c \"import httpx; httpx.get('$URL').raise_for_status()\"")
    },
    Program {
        reads_system: Some(false),
        variables: &["HTTPLIB2_CA_CERTS"],
        ..program("httplib2", "exec $PYTHON -c \"import httplib2; httplib2.Http().request('$URL')\"")
    },
    Program {
        reads_system: Some(false),
        variables: &["AWS_CA_BUNDLE"],
        reached: Some("Internal Server Error"),
        ..program("AWS CLI", "exec $PYTHON ${PYTHON%python}aws --endpoint-url $URL s3api list-buckets")
    },
    Program {
        reads_system: Some(false),
        variables: &["AWS_CA_BUNDLE"],
        reached: Some("Internal Server Error"),
        ..program(
            "boto3",
            "exec $PYTHON -c \"import boto3; boto3.client('s3', endpoint_url='$URL').list_buckets()\"",
        )
    },
    // The server has no packages, so what pip prints about the connection decides.
    Program {
        variables: &["PIP_CERT"],
        ..program(
            "pip",
            "! $PYTHON -m pip --no-cache-dir download --retries 0 --no-deps --index-url $URL none 2>&1 | \
             tee /dev/stderr | grep -q SSLError",
        )
    },
    Program {
        reads_system: Some(false),
        switches: &["UV_SYSTEM_CERTS=1", "UV_NATIVE_TLS=1"],
        reached: Some("there are no versions of none"),
        ..openssl(
            "uv",
            "exec ${PYTHON%python}uv --no-cache pip install --dry-run --target none --index-url $URL none",
        )
    },
    Program { variables: &["CURL_CA_BUNDLE", "SSL_CERT_FILE"], ..program("curl", "exec curl -sSf $URL") },
    openssl("openssl s_client", "exec openssl s_client -verify_return_error -brief -connect localhost:$PORT"),
    openssl("Ruby", "exec ruby -rnet/http -e \"Net::HTTP.get(URI('$URL'))\""),
    openssl("PHP's streams", "exec php -r \"exit(file_get_contents('$URL') === false ? 1 : 0);\""),
    Program {
        variables: &["PHP_INI_SCAN_DIR SSL_CERT_FILE"],
        ..program(
            "PHP's curl",
            "exec php -r \"\\$c = curl_init('$URL'); curl_exec(\\$c); echo curl_error(\\$c); exit(curl_errno(\\$c));\"",
        )
    },
    Program {
        variables: &["COMPOSER_CAFILE"],
        reached: Some("Expected one of: 'STRING'"),
        ..program(
            "Composer",
            "mkdir -p composer && cd composer
             echo '{\"repositories\":[{\"type\":\"composer\",\"url\":\"'$URL'\"},{\"packagist.org\":false}]}' >composer.json
             COMPOSER_ALLOW_SUPERUSER=1 exec composer --no-interaction show --available none/none",
        )
    },
    openssl(
        "Perl's HTTP::Tiny",
        "exec perl -MHTTP::Tiny -e 'exit !HTTP::Tiny->new(verify_SSL => 1)->get($ENV{URL})->{success}'",
    ),
    Program {
        variables: &["PERL_LWP_SSL_CA_FILE"],
        ..program("Perl's LWP", "exec perl -MLWP::UserAgent -e 'exit !LWP::UserAgent->new->get($ENV{URL})->is_success'")
    },
    openssl("Go", "exec $GO_CLIENT - $PORT localhost"),
    Program {
        variables: &["GIT_SSL_CAINFO"],
        reached: Some("not found"),
        ..program("git", "exec git -c http.proxy= ls-remote $URL")
    },
    Program {
        variables: &["CARGO_HTTP_CAINFO"],
        reached: Some("expected value at line 1 column 1"),
        ..program(
            "cargo",
            "mkdir -p cargo/src && cd cargo && echo >src/lib.rs
             printf '[package]\\nname = \"p\"\\nedition = \"2024\"\\n[dependencies]\\nnone = { version = \"1\", registry = \"here\" }\\n' \
                 >Cargo.toml
             CARGO_NET_RETRY=0 CARGO_HOME=$PWD CARGO_REGISTRIES_HERE_INDEX=sparse+$URL exec $CARGO fetch",
        )
    },
    Program {
        variables: &["NIX_SSL_CERT_FILE"],
        ..program(
            "Nix",
            "export NIX_STORE_DIR=$HOME/nix/store NIX_STATE_DIR=$HOME/nix/var NIX_LOG_DIR=$HOME/nix/log
             exec nix-prefetch-url --option build-users-group '' --option download-attempts 1 --name none $URL",
        )
    },
    openssl("rustls-native-certs", "exec $RUST_CLIENT rustls-native-certs $PORT localhost"),
    openssl("rustls-platform-verifier", "exec $RUST_CLIENT rustls-platform-verifier $PORT localhost"),
    openssl("native-tls", "exec $RUST_CLIENT native-tls $PORT localhost"),
    out_of_reach("webpki-roots", "exec $RUST_CLIENT webpki-roots $PORT localhost", false),
    java("Java", "exec java -cp $JAVA_CLASSES Client - $PORT localhost"),
    Program {
        reached: Some("ModelParseException"),
        ..java(
            "Maven",
            "mkdir -p maven && cd maven
             echo \"<project><modelVersion>4.0.0</modelVersion><parent><groupId>a</groupId><artifactId>b</artifactId>
                 <version>1</version><relativePath/></parent><artifactId>c</artifactId>
                 <repositories><repository><id>here</id><url>$URL</url></repository></repositories></project>\" >pom.xml
             exec mvn -B -ntp -Dmaven.repo.local=repository-$$ validate",
        )
    },
    Program {
        reached: Some("Could not parse POM"),
        ..java(
            "Gradle",
            "mkdir -p gradle && cd gradle
             echo \"repositories { maven { url '$URL' } }; configurations { c }; dependencies { c 'a:b:1' }
                 task r { doLast { configurations.c.files } }\" >build.gradle
             exec gradle --no-daemon --quiet -g cache-$$ r",
        )
    },
    // These also use OpenSSL's settings. Their output distinguishes the handshake from what follows.
    Program {
        reached: Some("Protocol error, got"),
        ..openssl("redis-cli", "exec redis-cli --tls -h localhost -p $PORT ping")
    },
    Program {
        reached: Some("TLS/SSL error: unexpected eof"),
        ..openssl(
            "mariadb",
            "exec mariadb -h localhost --protocol tcp -P $MYSQL_PORT -u a --ssl-verify-server-cert -e ''",
        )
    },
    Program {
        reached: Some("The connection was lost"),
        ..openssl(
            "mosquitto_pub",
            "exec mosquitto_pub --tls-use-os-certs -h localhost -p $TLS_PORT -t topic -m message",
        )
    },
    Program {
        reached: Some("The connection was lost"),
        ..openssl("mosquitto_sub", "exec mosquitto_sub --tls-use-os-certs -h localhost -p $TLS_PORT -t topic")
    },
    out_of_reach("psql", "exec psql 'sslmode=verify-full host=localhost user=a port='$POSTGRES_PORT", false),
    out_of_reach("wget", "exec wget -q -O - $URL", true),
    out_of_reach("gnutls-cli", "exec gnutls-cli localhost -p $PORT", true),
];

/// A program that runs in a JVM.
const fn java(name: &'static str, script: &'static str) -> Program {
    Program { variables: &["JAVA_TOOL_OPTIONS"], ..program(name, script) }
}

/// Programs that do not read any variable, with the option in docs/stores.md and their output; `None` means
/// success.
pub(super) const OPTIONS: &[(&str, Option<&str>)] = &[
    ("exec wget -q -O - --ca-certificate=$ROOT $URL", None),
    ("echo ca_certificate = $ROOT >.wgetrc; WGETRC=.wgetrc exec wget -q -O - $URL", None),
    ("exec gnutls-cli --x509cafile $ROOT localhost -p $PORT", None),
    (
        "exec psql \"sslmode=verify-full host=localhost user=a port=$POSTGRES_PORT sslrootcert=$ROOT\"",
        Some("EOF detected"),
    ),
    (
        "exec mosquitto_pub --cafile $ROOT -h localhost -p $TLS_PORT -t topic -m message",
        Some("The connection was lost"),
    ),
];
