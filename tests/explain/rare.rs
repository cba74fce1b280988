//! Messages that need a server, a certificate or a network of their own. Each script first reads lib.sh, and runs in a folder
//! of its own.

use super::connections::{Connection, to};

/// A page that a browser cannot load.
pub(super) struct Page {
    pub(super) name: &'static str,
    pub(super) fault: &'static str,
    pub(super) url: &'static str,
    pub(super) script: &'static str,
}

const fn page(fault: &'static str, name: &'static str, url: &'static str, script: &'static str) -> Page {
    Page { name, fault, url, script }
}

/// What clients print.
pub(super) const CLIENTS: &[Connection] = &[
    // Connections.
    to("unresolved-name", "Node without a name server", "exec unshare --net \"$NODE\" $CLIENTS/reason.cjs fetch https://nowhere.test/"),
    to(
        "unresolved-name",
        "Python without a name server",
        "exec unshare --net python3 -c \"import urllib.request; urllib.request.urlopen('https://nowhere.test/')\"",
    ),
    to("unresolved-name", "Java", "exec java $CLIENTS/Fetch.java https://nowhere.test/"),
    to("unresolved-name", "Java's HttpClient", "exec java $CLIENTS/Fetch.java https://nowhere.test/ h2"),
    to("unresolved-name", "Go", "exec $GO_FETCH https://nowhere.test/"),
    to("no-answer", "Node and nothing", "unanswered \"$NODE\" $CLIENTS/reason.cjs fetch https://192.0.2.2/"),
    to("no-answer", "Go and nothing", "unanswered $GO_FETCH https://192.0.2.2/ 1s"),
    to("no-answer", "Go and a silent server", "exec $GO_FETCH https://localhost:$SILENT/ 1s"),
    to(
        "no-answer",
        "Python and a silent server",
        "exec python3 -c \"import urllib.request; urllib.request.urlopen('https://localhost:$SILENT/', timeout=1)\"",
    ),
    to("no-answer", "Python and a server that resets", "exec python3 $CLIENTS/client.py $ROOT $RESETTING localhost"),
    to("no-answer", "Java and a server that resets", "exec java $CLIENTS/Fetch.java https://localhost:$RESETTING/"),
    to("no-answer", "Node and a server that hangs up", "hanging_up; exec \"$NODE\" $CLIENTS/client.mjs $ROOT $PORT localhost"),
    to(
        "no-answer",
        "Node's fetch and a server that hangs up",
        "hanging_up; \"$NODE\" $CLIENTS/reason.cjs fetch https://localhost:$PORT/",
    ),
    to("plain-http", "Go's net/http", "exec $GO_FETCH https://localhost:$PLAIN/"),
    to("plain-client", "curl and openssl", "serve_own; curl -sS http://localhost:$PORT/"),
    to("plain-client", "curl and gnutls-serv", "serve_gnutls NORMAL; curl -sS http://localhost:$PORT/"),
    to("not-tls", "openssl", "exec openssl s_client -connect localhost:$ENDING"),
    to(
        "not-tls",
        "psql",
        "start python3 $CLIENTS/starttls.py $CERT $KEY postgres refuse
         exec psql \"host=localhost port=$PORT user=a sslmode=require\"",
    ),
    // Versions and ciphers.
    to("protocol-too-old", "curl without TLS 1.3", "serve_own -tls1_1; curl -sS --tlsv1.2 --tls-max 1.2 --ciphers DEFAULT@SECLEVEL=0 https://localhost:$PORT/"),
    to("protocol-too-old", "curl and TLS 1.3 alone", "serve_own -tls1_3; curl -sS --tls-max 1.2 https://localhost:$PORT/"),
    to("protocol-too-old", "Node without TLS 1.3", "serve_own -tls1_1; node_with \"maxVersion: 'TLSv1.2'\""),
    to("protocol-too-old", "Node and TLS 1.1", "serve_own -tls1_1; node_with"),
    to(
        "protocol-too-old",
        "Python without TLS 1.3",
        "serve_own -tls1_1; python_with 'c.maximum_version = ssl.TLSVersion.TLSv1_2; c.set_ciphers(\"DEFAULT@SECLEVEL=0\")'",
    ),
    to(
        "protocol-too-old",
        "Python without any version",
        "serve_own; python_with 'c.minimum_version, c.maximum_version = ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2'",
    ),
    to("protocol-too-old", "openssl without any version", "serve_own; openssl s_client -tls1_1 -connect localhost:$PORT"),
    to(
        "protocol-too-old",
        "openssl and a server without RFC 5746",
        "serve_gnutls NORMAL:-VERS-TLS1.3:%DISABLE_SAFE_RENEGOTIATION; openssl s_client -connect localhost:$PORT",
    ),
    to(
        "protocol-too-old",
        "Java with TLS 1.1",
        "exec java -Djdk.tls.client.protocols=TLSv1.1 $CLIENTS/Fetch.java https://localhost:$PLAIN/",
    ),
    to(
        "protocol-too-old",
        "Firefox without TLS 1.3",
        "serve_own -tls1_1; firefox_at https://localhost:$PORT/ 'user_pref(\"security.tls.version.max\", 3);'",
    ),
    to("no-common-protocol", "Python and others", "serve_own -alpn other; python_with \"c.set_alpn_protocols(['h2'])\""),
    to("no-common-protocol", "Java's HttpClient", "serve_own -alpn other; java $CLIENTS/Fetch.java https://localhost:$PORT/ h2"),
    to("no-common-protocol", "Go's net/http", "serve_own -alpn other; $GO_FETCH https://localhost:$PORT/"),
    to(
        "no-common-protocol",
        "gRPC and a server without ALPN",
        "serve_own; GRPC_VERBOSITY=INFO $MODULES/../grpc/bin/python $CLIENTS/grpc_client.py $ROOT localhost:$PORT",
    ),
    to(
        "client-certificate-required",
        "Firefox",
        "serve_own -Verify 2 -verify_return_error -CAfile $CLIENT_CA; firefox_at https://localhost:$PORT/",
    ),
    to("client-certificate-required", "gnutls-cli", "exec gnutls-cli --x509cafile $ROOT mtls-required.localhost -p $SITES_PORT"),
    to(
        "client-certificate-required",
        "Deno",
        "DENO_CERT=$ROOT exec $MODULES/.bin/deno run --quiet --no-config --allow-net $CLIENTS/fetch.mjs - $SITES_PORT mtls-required.localhost",
    ),
    to("client-certificate-refused", "curl and Go", "serve_go; curl -sS --tls-max 1.2 --cert $IDENTITY.pem --key $IDENTITY-key.pem https://localhost:$PORT/"),
    to(
        "client-certificate-refused",
        "Node and Go",
        "serve_go; \"$NODE\" --tls-max-v1.2 $CLIENTS/client.mjs $ROOT $PORT localhost $IDENTITY.pem $IDENTITY-key.pem",
    ),
    to(
        "client-certificate-refused",
        "Python and Go",
        "serve_go; TLS_MAX=1.2 python3 $CLIENTS/client.py $ROOT $PORT localhost $IDENTITY.pem $IDENTITY-key.pem",
    ),
    to("client-certificate-refused", "Go and Go", "serve_go; TLS_MAX=1.2 $GO_CLIENT $ROOT $PORT localhost $IDENTITY.pem $IDENTITY-key.pem"),
    to(
        "client-certificate-refused",
        "Java before the certificate is valid",
        "forge_below_root client kind=client in=3; serve_own -tls1_2 -Verify 2 -verify_return_error -CAfile $ROOT
         java -cp $JAVA_CLASSES Client $ROOT $PORT localhost client.pem client-key.pem",
    ),
    to("client-certificate-refused", "curl, revoked", "serve_revoking; curl -sS --cert $REVOKED.pem --key $REVOKED-key.pem https://localhost:$PORT/"),
    to(
        "client-certificate-refused",
        "Node, revoked",
        "serve_revoking; \"$NODE\" $CLIENTS/client.mjs $ROOT $PORT localhost $REVOKED.pem $REVOKED-key.pem",
    ),
    to(
        "client-certificate-refused",
        "Python, revoked",
        "serve_revoking; python3 $CLIENTS/client.py $ROOT $PORT localhost $REVOKED.pem $REVOKED-key.pem",
    ),
    to("client-certificate-refused", "Go, revoked", "serve_revoking; $GO_CLIENT $ROOT $PORT localhost $REVOKED.pem $REVOKED-key.pem"),
    to(
        "client-certificate-refused",
        "Java, revoked",
        "serve_revoking; java -cp $JAVA_CLASSES Client $ROOT $PORT localhost $REVOKED.pem $REVOKED-key.pem",
    ),
    to(
        "client-certificate-refused",
        "Firefox",
        "start openssl s_server -accept 127.0.0.1:0 -www -Verify 2 -verify_return_error -no-CAfile -no-CApath -no-CAstore \
             -cert $CERT -key $KEY
         openssl pkcs12 -export -in $IDENTITY.pem -inkey $IDENTITY-key.pem -passout pass: -out identity.p12
         firefox_at https://localhost:$PORT/ 'user_pref(\"security.default_personal_cert\", \"Select Automatically\");' identity.p12",
    ),
    // Files.
    to("unreadable-file", "openssl rsa and another password", "openssl genrsa -aes128 -passout pass:one -out key.pem; openssl rsa -in key.pem -passin pass:two"),
    to("unreadable-file", "openssl pkcs12 and another password", "exec openssl pkcs12 -in $STORES-keystore.p12 -passin pass:wrong"),
    to("unreadable-file", "openssl x509", "exec openssl x509 -in $GARBAGE"),
    to(
        "unreadable-file",
        "Node and another password",
        "exec \"$NODE\" -e \"require('tls').createSecureContext({ pfx: fs.readFileSync('$STORES-keystore.p12'), passphrase: 'wrong' })\"",
    ),
    to("unreadable-file", "Java's keytool", "exec keytool -list -keystore $GARBAGE -storepass changeit -storetype JKS"),
    to("unreadable-file", "Java's keytool and another password", "exec keytool -list -keystore $STORES-keystore.p12 -storepass wrong1"),
    to("unreadable-file", "Node without a certificate", "exec \"$NODE\" -e \"fs.readFileSync('localhost.crt')\""),
    to("unreadable-file", "Node without a key", "exec \"$NODE\" -e \"fs.readFileSync('localhost.key')\""),
    to("unreadable-file", "mosquitto_pub without roots", "exec mosquitto_pub --cafile missing.pem -h localhost -p $PORT -t a -m b"),
    to("key-readable", "psql", "cp $KEY key.pem; chmod 644 key.pem; exec psql \"host=localhost port=$POSTGRES_PORT user=a sslmode=require sslcert=$CERT sslkey=$PWD/key.pem\""),
    // Certificates.
    to("untrusted-root", "psql without a root", "exec psql \"host=localhost port=$POSTGRES_PORT user=a sslmode=verify-full sslrootcert=$PWD/missing.pem\""),
    to("name-mismatch", "psql", "exec psql \"host=app.dev port=$POSTGRES_PORT user=a sslmode=verify-full sslrootcert=$ROOT\""),
    to(
        "replaced-root",
        "Firefox and a serial number that was used before",
        "for name in one two; do forge_below_root $name serial=7; done
         serve one; first=$PORT; serve two; firefox_at \"https://localhost:$first/ https://localhost:$PORT/\"",
    ),
    to("bad-signature", "curl", "forge_below_root leaf; damage leaf; serve leaf; curl -sS https://localhost:$PORT/"),
    to("name-mismatch", "openssl and unknown SNI", "serve_sni; openssl s_client -connect localhost:$PORT -servername localhost"),
    to("name-mismatch", "Node and unknown SNI", "serve_sni; node_with"),
    to("expired", "Java", "forge_below_root leaf in=-30 days=20; serve leaf; java $CLIENTS/Fetch.java https://localhost:$PORT/"),
    to("not-yet-valid", "Java", "forge_below_root leaf in=3; serve leaf; java $CLIENTS/Fetch.java https://localhost:$PORT/"),
    to("revoked", "curl", "serve_revoked; curl -sS --crlfile $SERVERS_CRL https://localhost:$PORT/"),
    to("revoked", "openssl verify", "exec openssl verify -CAfile $ROOT -crl_check -CRLfile $SERVERS_CRL $REVOKED_SERVER.pem"),
    to("revoked", "Node", "serve_revoked; node_with \"ca: fs.readFileSync('$ROOT'), crl: fs.readFileSync('$SERVERS_CRL')\""),
    to(
        "revoked",
        "Python",
        "serve_revoked
         python_with \"c.load_verify_locations('$SERVERS_CRL'); c.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF\"",
    ),
    to(
        "revoked",
        "Java and a stapled response",
        "serve_stapled; java -Dcom.sun.net.ssl.checkRevocation=true -Djdk.tls.client.enableStatusRequestExtension=true \
             $CLIENTS/Fetch.java https://localhost:$PORT/",
    ),
    to(
        "crl-unusable",
        "openssl and an old list",
        "revocation_list 260101000000Z 260102000000Z; openssl verify -CAfile $ROOT -crl_check -CRLfile list.pem $CERT",
    ),
    to(
        "crl-unusable",
        "openssl and an early list",
        "revocation_list 400101000000Z 410101000000Z; openssl verify -CAfile $ROOT -crl_check -CRLfile list.pem $CERT",
    ),
    to("crl-unusable", "openssl without a list", "exec openssl verify -CAfile $ROOT -crl_check $CERT"),
    to(
        "crl-unusable",
        "Node and an old list",
        "revocation_list 260101000000Z 260102000000Z; serve_own
         node_with \"ca: fs.readFileSync('$ROOT'), crl: fs.readFileSync('list.pem')\"",
    ),
    to(
        "crl-unusable",
        "Node and another list",
        "serve_own; node_with \"ca: fs.readFileSync('$ROOT'), crl: fs.readFileSync('$CRL')\"",
    ),
    to(
        "crl-unusable",
        "Java without a list",
        "serve_own; java -Dcom.sun.net.ssl.checkRevocation=true $CLIENTS/Fetch.java https://localhost:$PORT/",
    ),
    to("explicit-curve", "curl", "explicit_curve; curl -sS https://localhost:$PORT/"),
    to("explicit-curve", "openssl", "explicit_curve; openssl s_client -verify_return_error -CAfile $ROOT -connect localhost:$PORT"),
    to("explicit-curve", "Node", "explicit_curve; node_with \"ca: fs.readFileSync('$ROOT')\""),
    to("explicit-curve", "Python", "explicit_curve; python_with pass"),
    to("not-a-ca", "Node", "below version=1; node_with \"ca: fs.readFileSync('$ROOT')\""),
    to(
        "wrong-key-usage",
        "Bun",
        "forge_below_root leaf usage=key_cert_sign; serve leaf
         $MODULES/.bin/bun $CLIENTS/client.mjs $ROOT $PORT localhost",
    ),
    to("too-many-names", "curl", "too_many; curl -sS https://localhost:$PORT/"),
    to("weak", "curl and a weak CA", "below kind=ca rsa=1024; curl -sS https://localhost:$PORT/"),
    to(
        "weak",
        "curl and a weak key of its own",
        "forge_below_root weak rsa=1024; curl -sS --cert weak.pem --key weak-key.pem https://localhost:$PLAIN/",
    ),
    to(
        "weak",
        "curl and a weak key exchange",
        "forge_below_root leaf rsa=2048; weak_group >dh.pem
         serve leaf -tls1_2 -cipher DHE-RSA-AES128-GCM-SHA256@SECLEVEL=0 -dhparam dh.pem; curl -sS https://localhost:$PORT/",
    ),
    to(
        "weak",
        "Node 24",
        "forge_below_root leaf rsa=1024; serve leaf
         NODE=$MODULES/node-24/bin/node; node_with \"ca: fs.readFileSync('$ROOT'), ciphers: 'DEFAULT@SECLEVEL=2'\"",
    ),
    to(
        "weak",
        "Node and SHA-1",
        "below kind=ca sha1=1; node_with \"ca: fs.readFileSync('$ROOT'), ciphers: 'DEFAULT@SECLEVEL=2'\"",
    ),
    to("weak", "Java", "forge_below_root leaf rsa=768; serve leaf; java $CLIENTS/Fetch.java https://localhost:$PORT/"),
    to("proxy", "Chromium", "PROXY=http://localhost:$FORBIDDEN chromium_at https://nowhere.test/"),
    to(
        "constrained-addresses",
        "Bun",
        "serve_constrained; NODE_EXTRA_CA_CERTS=$CONSTRAINED $MODULES/.bin/bun $CLIENTS/client.mjs $CONSTRAINED $PORT localhost",
    ),
    to(
        "constrained-addresses",
        "gRPC",
        "$MODULES/../grpc/bin/python $CLIENTS/grpc_pair.py $CONSTRAINED localhost $CONSTRAINED_SERVER.pem $CONSTRAINED_SERVER-key.pem",
    ),
    to(
        "constrained-addresses",
        "workerd",
        "serve_constrained; $CLIENTS/workerd $MODULES/.bin/workerd $CONSTRAINED $PORT localhost",
    ),
    to(
        "client-without-san",
        "gRPC",
        "forge_below_root client kind=client names=
         $MODULES/../grpc/bin/python $CLIENTS/grpc_pair.py $ROOT localhost $CERT $KEY $ROOT client.pem client-key.pem",
    ),
    to(
        "client-certificate-refused",
        "Node's tls and Go",
        "serve_go
         node_with \"maxVersion: 'TLSv1.2', cert: fs.readFileSync('$IDENTITY.pem'), key: fs.readFileSync('$IDENTITY-key.pem')\"",
    ),
    to(
        "client-certificate-refused",
        "Node's tls, revoked",
        "serve_revoking; node_with \"cert: fs.readFileSync('$REVOKED.pem'), key: fs.readFileSync('$REVOKED-key.pem')\"",
    ),
    to(
        "constrained-addresses",
        "Bun's fetch",
        "serve_constrained; NODE_EXTRA_CA_CERTS=$CONSTRAINED $MODULES/.bin/bun $CLIENTS/fetch.mjs - $PORT localhost",
    ),
    to("unreadable-file", "openssl pkcs7", "exec openssl pkcs7 -in $GARBAGE"),
    to(
        "untrusted-root",
        "Python and an intermediate as root",
        "forge upper kind=ca names= cn=upper
         forge middle kind=ca names= cn=middle ca=upper.pem ca-key=upper-key.pem
         forge leaf ca=middle.pem ca-key=middle-key.pem; serve leaf; ROOT=middle.pem; python_with pass",
    ),
    to("malformed", "Go", "malformed; $GO_CLIENT $ROOT $PORT localhost"),
    to("malformed", "openssl", "malformed; openssl s_client -verify_return_error -CAfile $ROOT -connect localhost:$PORT"),
    to(
        "malformed",
        "Deno",
        "malformed; DENO_CERT=$ROOT $MODULES/.bin/deno run --quiet --no-config --allow-net $CLIENTS/fetch.mjs - $PORT localhost",
    ),
    to("expired", "uv 0.4", "forge_below_root leaf in=-30 days=20; serve leaf; old_uv"),
    to("expired", "rustls", "forge_below_root leaf in=-30 days=20; serve leaf; SSL_CERT_FILE=$ROOT $RUST_CLIENT rustls-native-certs $PORT localhost"),
    to("wrong-usage", "uv 0.4", "forge_below_root leaf kind=client; serve leaf; old_uv"),
    // Messages that do not say why.
    to(
        "self-signed",
        "cargo",
        "forge self; serve self
         mkdir .cargo src; touch src/lib.rs
         printf '[registries.r]\\nindex = \"sparse+https://localhost:%s/\"\\n[net]\\nretry = 0\\n' $PORT >.cargo/config.toml
         CARGO_HTTP_CAINFO=$ROOT CARGO_HOME=$PWD/cargo $CARGO search --registry r none",
    ),
    to("self-signed", "Go's net/http", "forge self; serve self; $GO_FETCH https://localhost:$PORT/"),
    to("untrusted-root", "Java", "forge self; serve self; java $CLIENTS/Fetch.java https://localhost:$PORT/"),
    to("refused", "socket.io and polling", "forge self; serve self; \"$NODE\" $CLIENTS/reason.cjs polling https://localhost:$PORT/ $MODULES"),
    to("refused", "socket.io and WebSocket", "forge self; serve self; \"$NODE\" $CLIENTS/reason.cjs websocket https://localhost:$PORT/ $MODULES"),
];

/// The pages that browsers show: the script sets up what is at the page's address.
pub(super) const PAGES: &[(&str, &[Page])] = &[
    (
        "chromium_at",
        &[
            page("unresolved-name", "Chromium", "https://nowhere.test/", ""),
            page("connection-refused", "Chromium", "https://localhost:$CLOSED/", ""),
            page("no-answer", "Chromium and a silent server", "https://localhost:$SILENT/", ""),
            page("no-answer", "Chromium and a server that resets", "https://localhost:$RESETTING/", ""),
            page("no-answer", "Chromium and a server that ends", "https://localhost:$ENDING/", ""),
            page("plain-http", "Chromium", "https://localhost:$PLAIN/", ""),
            page("plain-client", "Chromium", "http://localhost:$PORT/", "serve_own"),
            page("protocol-too-old", "Chromium", "https://localhost:$PORT/", "serve_own -tls1_1"),
            page(
                "client-certificate-required",
                "Chromium",
                "https://mtls-required.localhost:$SITES_PORT/",
                "",
            ),
            page("name-mismatch", "Chromium and unknown SNI", "https://localhost:$PORT/", "serve_sni"),
            page("revoked", "Chromium", "chrome://network-error/-206", ""),
            page(
                "weak",
                "Chromium",
                "https://localhost:$PORT/",
                "forge_below_root leaf rsa=1016; serve leaf",
            ),
            page(
                "weak",
                "Chromium and SHA-1",
                "https://localhost:$PORT/",
                "forge_below_root leaf sha1=1; serve leaf",
            ),
            page("too-long", "Chromium", "chrome://network-error/-213", ""),
            page(
                "client-certificate-required",
                "Chromium without a store of certificates",
                "chrome://network-error/-110",
                "",
            ),
            page(
                "untrusted-root",
                "Chromium and HSTS",
                "https://app.dev:$PORT/",
                "forge self names=app.dev; serve self",
            ),
        ],
    ),
    (
        "firefox_at",
        &[
            page("unresolved-name", "Firefox", "https://nowhere.test/", ""),
            page("connection-refused", "Firefox", "https://localhost:$CLOSED/", ""),
            page("no-answer", "Firefox and a server that resets", "https://localhost:$RESETTING/", ""),
            page("no-answer", "Firefox and a server that ends", "https://localhost:$ENDING/", ""),
            page("plain-http", "Firefox", "https://localhost:$PLAIN/", ""),
            page("protocol-too-old", "Firefox", "https://localhost:$PORT/", "serve_own -tls1_1"),
            page(
                "protocol-too-old",
                "Firefox and another cipher",
                "https://localhost:$PORT/",
                "serve_own -tls1_2 -cipher ECDHE-ECDSA-CAMELLIA128-SHA256",
            ),
            page("no-common-protocol", "Firefox", "https://localhost:$PORT/", "serve_own -alpn other"),
            page("self-signed", "Firefox", "https://localhost:$PORT/", "forge self; serve self"),
            page(
                "bad-signature",
                "Firefox",
                "https://localhost:$PORT/",
                "forge_below_root leaf; damage leaf; serve leaf",
            ),
            page("name-mismatch", "Firefox and unknown SNI", "https://localhost:$PORT/", "serve_sni"),
            page(
                "not-yet-valid",
                "Firefox",
                "https://localhost:$PORT/",
                "forge_below_root leaf in=3; serve leaf",
            ),
            page(
                "expired",
                "Firefox",
                "https://localhost:$PORT/",
                "forge_below_root leaf in=-30 days=20; serve leaf",
            ),
            page("revoked", "Firefox and a stapled response", "https://localhost:$PORT/", "serve_stapled"),
            page("not-a-ca", "Firefox", "https://localhost:$PORT/", "below kind=none"),
            page("path-too-long", "Firefox", "https://localhost:$PORT/", "too_long"),
            page(
                "outside-constraints",
                "Firefox",
                "https://localhost:$PORT/",
                "forge_below_root leaf names=localhost,www.example-bank.com; serve leaf",
            ),
            page("weak", "Firefox", "https://localhost:$PORT/", "forge_below_root leaf rsa=1016; serve leaf"),
            page(
                "weak",
                "Firefox and SHA-1",
                "https://localhost:$PORT/",
                "forge_below_root leaf sha1=1; serve leaf",
            ),
            page(
                "self-signed",
                "Firefox and HSTS",
                "https://app.dev:$PORT/",
                "forge self names=app.dev; serve self",
            ),
        ],
    ),
];

/// What servers print.
pub(super) const SERVERS: &[Connection] = &[
    to(
        "rejected-by-client",
        "Node and openssl",
        "serve_node; openssl s_client -tls1_2 -verify_return_error -no-CAfile -no-CApath -no-CAstore -connect localhost:$PORT
         wait_for_line ERR_SSL | grep -v Issuer",
    ),
    to("rejected-by-client", "Node and Go", "serve_node; TLS_MAX=1.2 $GO_CLIENT $CLIENT_CA $PORT localhost; wait_for_line ERR_SSL"),
    to(
        "rejected-by-client",
        "Node and Java",
        "serve_node; TLS_MAX=1.2 java -cp $JAVA_CLASSES Client $CLIENT_CA $PORT localhost; wait_for_line ERR_SSL",
    ),
    to("plain-client", "openssl", "serve_own; curl -sS http://localhost:$PORT/; cat server.log"),
    to("plain-client", "Go", "serve_go; curl -sS http://localhost:$PORT/; cat server.log"),
    to("plain-client", "nginx", "serve_nginx; curl -sS http://localhost:$PORT/"),
    to(
        "plain-client",
        "Redis",
        "redis-server --bind 127.0.0.1 --port 0 --save '' --tls-port $FREE --tls-cert-file $CERT --tls-key-file $KEY \
             --tls-ca-cert-file $CLIENT_CA --loglevel verbose >server.log 2>&1 &
         end_with_script
         until curl -s http://localhost:$FREE/ || grep -q 'http request' server.log; do sleep 0.1; done
         wait_for_line 'http request'",
    ),
    to(
        "client-certificate-refused",
        "Python and a socket that accepts TLS",
        "start python3 -uc \"import socket, ssl
c = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile='$CLIENT_CA')
c.load_cert_chain('$CERT', '$KEY')
c.verify_mode = ssl.CERT_REQUIRED
s = socket.create_server(('127.0.0.1', 0))
print('ACCEPT 127.0.0.1:%d' % s.getsockname()[1])
c.wrap_socket(s, server_side=True).accept()\"
         openssl s_client -tls1_2 -cert $IDENTITY.pem -key $IDENTITY-key.pem -connect localhost:$PORT >/dev/null 2>&1
         wait_for_line FAILED",
    ),
    to(
        "client-certificate-refused",
        "Mosquitto",
        "printf 'user root\\nlistener %s 127.0.0.1\\ncertfile %s\\nkeyfile %s\\ncafile %s\\nrequire_certificate true\\n' \
             $FREE $CERT $KEY $CLIENT_CA >mosquitto.conf
         mosquitto -c mosquitto.conf >server.log 2>&1 &
         end_with_script
         has() { grep -q \"$1\" server.log; }
         until has 'OpenSSL Error.*certificate verify' && has 'OpenSSL Error.*unexpected eof' && has 'Client connection from.*unexpected eof'; do
             mosquitto_clients
         done
         cat server.log",
    ),
    to(
        "rejected-by-client",
        "Go and an expired certificate",
        "forge_below_root leaf in=-30 days=20
         CERT=leaf.pem KEY=leaf-key.pem; serve_go
         openssl s_client -tls1_2 -verify_return_error -CAfile $ROOT -connect localhost:$PORT >/dev/null 2>&1
         wait_for_line expired",
    ),
    to(
        "protocol-too-old",
        "Node",
        "serve_node; openssl s_client -connect localhost:$PORT -tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256; wait_for_line CIPHER",
    ),
    to(
        "protocol-too-old",
        "openssl",
        "serve_own -tls1_2; openssl s_client -connect localhost:$PORT -cipher ECDHE-RSA-AES128-GCM-SHA256; wait_for_line cipher",
    ),
];
