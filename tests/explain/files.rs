//! What programs print when they load a key of another certificate, or a file that is not there or not PEM.

/// A program that loads the certificate `$CERT` and the key `$KEY`. The shell also has the variables of the clients, and
/// `$FREE` (a port), `$MYSQL_PORT` and `$POSTGRES_PORT`.
pub(super) struct Loader {
    pub(super) name: &'static str,
    pub(super) script: &'static str,
    /// Of the problems, those that it does not notice or does not report.
    pub(super) silent_about: &'static [Problem],
}

/// What is wrong with the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Problem {
    KeyMismatch,
    NoCertificate,
    NoKey,
    BadCertificate,
    BadKey,
}

use Problem::{BadKey, KeyMismatch, NoCertificate};

pub(super) const PROBLEMS: [Problem; 5] =
    [KeyMismatch, NoCertificate, Problem::NoKey, Problem::BadCertificate, BadKey];

const fn loader(name: &'static str, script: &'static str) -> Loader {
    Loader { name, script, silent_about: &[] }
}

pub(super) const LOADERS: &[Loader] = &[
    loader("curl", "exec curl -sS --cert $CERT --key $KEY https://localhost:$PORT/"),
    loader("openssl s_server", "exec openssl s_server -accept 127.0.0.1:0 -cert $CERT -key $KEY"),
    loader("openssl s_client", "exec openssl s_client -brief -connect localhost:$PORT -cert $CERT -key $KEY"),
    loader("gnutls-serv", "exec gnutls-serv --port $FREE --x509certfile $CERT --x509keyfile $KEY"),
    Loader {
        // It sends no certificate then.
        silent_about: &[KeyMismatch],
        ..loader(
            "gnutls-cli",
            "exec gnutls-cli --x509cafile $ROOT --x509certfile $CERT --x509keyfile $KEY localhost -p $PORT",
        )
    },
    loader("Node", "exec \"$NODE\" $CLIENTS/load.cjs $CERT $KEY"),
    loader("Node 24", "exec $MODULES/node-24/bin/node $CLIENTS/load.cjs $CERT $KEY"),
    loader("Bun", "exec $MODULES/.bin/bun $CLIENTS/load.cjs $CERT $KEY"),
    loader(
        "Deno",
        "exec $MODULES/.bin/deno eval --quiet \
         \"Deno.serve({ port: 0, cert: Deno.readTextFileSync('$CERT'), key: Deno.readTextFileSync('$KEY') }, () => new Response())\"",
    ),
    loader(
        "Python",
        "exec python3 -c \"import ssl; ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain('$CERT', '$KEY')\"",
    ),
    loader(
        "requests",
        "exec $PYTHON -c \"import requests; requests.get('https://localhost:$PORT/', cert=('$CERT', '$KEY'))\"",
    ),
    loader(
        "Ruby",
        "exec ruby -ropenssl -e \"OpenSSL::SSL::SSLContext.new.add_certificate(
             OpenSSL::X509::Certificate.new(File.read('$CERT')), OpenSSL::PKey.read(File.read('$KEY')))\"",
    ),
    loader(
        "PHP's streams",
        "exec php -r \"stream_socket_client('ssl://localhost:$PORT', \\$n, \\$w, 5, STREAM_CLIENT_CONNECT,
             stream_context_create(['ssl' => ['local_cert' => '$CERT', 'local_pk' => '$KEY']]));\"",
    ),
    loader(
        "PHP's curl",
        "exec php -r \"\\$c = curl_init('https://localhost:$PORT/');
             curl_setopt_array(\\$c, [CURLOPT_SSLCERT => '$CERT', CURLOPT_SSLKEY => '$KEY']);
             curl_exec(\\$c); echo curl_error(\\$c);\"",
    ),
    loader(
        "Perl",
        "exec perl -MIO::Socket::SSL -e 'IO::Socket::SSL->new(PeerAddr => \"localhost:$ENV{PORT}\",
             SSL_ca_file => $ENV{ROOT}, SSL_cert_file => $ENV{CERT}, SSL_key_file => $ENV{KEY}) or die $SSL_ERROR'",
    ),
    loader(
        "nginx",
        "printf 'pid pid; error_log stderr; events {} http { access_log off; server { listen 127.0.0.1:%s ssl;
             ssl_certificate %s; ssl_certificate_key %s; } }' $FREE $CERT $KEY >nginx.conf
         exec /usr/sbin/nginx -t -p $PWD -c nginx.conf",
    ),
    loader(
        "Apache",
        "m=/usr/lib/apache2/modules
         printf 'ServerName localhost\\nListen 127.0.0.1:%s\\nLoadModule mpm_event_module %s\\nLoadModule ssl_module %s
             ErrorLog /dev/stderr\\nPidFile %s/pid\\nSSLEngine on\\nSSLCertificateFile %s\\nSSLCertificateKeyFile %s\\n' \
             $FREE $m/mod_mpm_event.so $m/mod_ssl.so $PWD $CERT $KEY >apache.conf
         exec /usr/sbin/apache2 -f $PWD/apache.conf -X",
    ),
    loader(
        "HAProxy",
        "cat $CERT $KEY >pair.pem
         printf 'defaults\\n mode http\\n timeout client 1s\\n timeout server 1s\\n timeout connect 1s\\nfrontend f
             \\n bind 127.0.0.1:%s ssl crt %s/pair.pem\\n' $FREE $PWD >haproxy.cfg
         exec /usr/sbin/haproxy -c -f haproxy.cfg",
    ),
    loader(
        "Caddy",
        "printf '{\\n admin off\\n}\\nlocalhost:%s {\\n tls %s %s\\n}\\n' $FREE $CERT $KEY >Caddyfile
         exec caddy validate --adapter caddyfile --config Caddyfile",
    ),
    loader(
        "Redis",
        "exec redis-server --port 0 --tls-port $FREE --tls-cert-file $CERT --tls-key-file $KEY --tls-ca-cert-file $ROOT",
    ),
    loader("redis-cli", "exec redis-cli --tls -h localhost -p $PORT --cert $CERT --key $KEY ping"),
    loader(
        "Mosquitto",
        "printf 'user root\\nlistener %s 127.0.0.1\\ncertfile %s\\nkeyfile %s\\n' $FREE $CERT $KEY >mosquitto.conf
         exec mosquitto -c mosquitto.conf",
    ),
    Loader {
        // It connects without a certificate then.
        silent_about: &[NoCertificate],
        ..loader(
            "psql",
            "exec psql \"host=localhost port=$POSTGRES_PORT user=a sslmode=verify-full sslrootcert=$ROOT sslcert=$CERT sslkey=$KEY\"",
        )
    },
    loader(
        "mariadb",
        "exec mariadb -h localhost --protocol tcp -P $MYSQL_PORT -u a --ssl-cert $CERT --ssl-key $KEY -e ''",
    ),
    loader(
        "git",
        "exec git -c http.proxy= -c http.sslCert=$CERT -c http.sslKey=$KEY ls-remote https://localhost:$PORT/",
    ),
    Loader {
        // The server fails in the handshake then.
        silent_about: &[KeyMismatch],
        ..loader("Java", "exec java -cp $JAVA_CLASSES Client $ROOT $PORT localhost $CERT $KEY")
    },
];
