//! Clients, and what of a faulty certificate each refuses.

/// A client, started by a shell in a folder of its own. The shell has the variables `$URL`, `$HOST`, `$PORT`, `$ROOT`
/// (a file), `$NODE`, `$PYTHON` (a virtual environment), `$MODULES` (what npm installed), `$CLIENTS` (tests/clients),
/// `$JAVA_CLASSES` and `$GO_CLIENT`.
pub(super) struct Client {
    pub(super) name: &'static str,
    pub(super) script: &'static str,
    /// The sites of `devca serve --bad` that it connects to.
    pub(super) sites: &'static [&'static str],
    /// It accepts some of these sites, and its exit code tells.
    pub(super) accepts_some: bool,
    /// It never says what is wrong with a certificate.
    pub(super) gives_no_reason: bool,
}

/// What every client refuses.
const REFUSED_BY_ALL: &[&str] = &[
    "expired",
    "not-yet-valid",
    "wrong-host",
    "self-signed",
    "untrusted-root",
    "replaced-root",
    "missing-intermediate",
    "expired-intermediate",
    "name-constraints",
    "unknown-critical-extension",
    "a.b.wildcard-depth",
];

/// What some clients accept as well.
const ALL: &[&str] = &[
    "expired",
    "not-yet-valid",
    "wrong-host",
    "self-signed",
    "untrusted-root",
    "replaced-root",
    "missing-intermediate",
    "expired-intermediate",
    "name-constraints",
    "unknown-critical-extension",
    "a.b.wildcard-depth",
    "client-only",
    "ca-as-leaf",
    "common-name-only",
    "no-key-usage",
];

/// What wget gives a reason for.
const NAMED_BY_WGET: &[&str] = &[
    "expired",
    "not-yet-valid",
    "wrong-host",
    "self-signed",
    "untrusted-root",
    "replaced-root",
    "missing-intermediate",
    "expired-intermediate",
];

/// For clients that take a second or more to start.
const FEW: &[&str] = &["expired", "wrong-host", "untrusted-root", "missing-intermediate"];

/// For clients that compare no names, or give no reason.
const TWO: &[&str] = &["expired", "untrusted-root"];

const fn client(name: &'static str, script: &'static str) -> Client {
    Client { name, script, sites: ALL, accepts_some: true, gives_no_reason: false }
}

/// A client whose exit code does not tell whether it accepted the certificate.
const fn of(sites: &'static [&'static str], name: &'static str, script: &'static str) -> Client {
    Client { sites, accepts_some: false, ..client(name, script) }
}

const fn terse(sites: &'static [&'static str], name: &'static str, script: &'static str) -> Client {
    Client { gives_no_reason: true, ..of(sites, name, script) }
}

pub(super) const CLIENTS: &[Client] = &[
    client("curl", "exec curl -sS $URL"),
    of(NAMED_BY_WGET, "wget", "exec wget -nv -O /dev/null --ca-certificate=$ROOT $URL"),
    client(
        "openssl s_client",
        "exec openssl s_client -verify_return_error -brief -verify_hostname $HOST -servername $HOST -connect localhost:$PORT",
    ),
    client("gnutls-cli", "exec gnutls-cli --x509cafile $ROOT $HOST -p $PORT"),
    terse(TWO, "git", "exec git -c http.proxy= ls-remote $URL"),
    of(&["wrong-host"], "git and a name", "exec git -c http.proxy= ls-remote $URL"),
    client("Node's https", "exec \"$NODE\" $CLIENTS/client.mjs $ROOT $PORT $HOST"),
    client("Node's fetch", "exec \"$NODE\" $CLIENTS/reason.cjs fetch $URL"),
    client("Node 22's fetch", "exec $MODULES/node-22/bin/node $CLIENTS/reason.cjs fetch $URL"),
    client("Node 24's fetch", "exec $MODULES/node-24/bin/node $CLIENTS/reason.cjs fetch $URL"),
    client("axios", "exec \"$NODE\" $CLIENTS/reason.cjs axios $URL $MODULES"),
    client("node-fetch", "exec \"$NODE\" $CLIENTS/reason.cjs node-fetch $URL $MODULES"),
    client("undici", "exec \"$NODE\" $CLIENTS/reason.cjs undici $URL $MODULES"),
    of(REFUSED_BY_ALL, "ws", "exec \"$NODE\" $CLIENTS/reason.cjs ws $URL $MODULES"),
    of(REFUSED_BY_ALL, "Node's http2", "exec \"$NODE\" $CLIENTS/reason.cjs http2 $URL"),
    of(REFUSED_BY_ALL, "gRPC for Node", "exec \"$NODE\" $CLIENTS/reason.cjs grpc $URL $MODULES"),
    of(FEW, "gRPC for Python", "exec $MODULES/../grpc/bin/python $CLIENTS/grpc_client.py $ROOT $HOST:$PORT"),
    of(FEW, "Playwright", "exec \"$NODE\" $CLIENTS/reason.cjs playwright $URL $MODULES"),
    of(FEW, "npm", "exec npm ping --registry $URL --fetch-retries 0"),
    of(
        FEW,
        "yarn",
        "echo {} >package.json
         exec \"$NODE\" $MODULES/yarn/bin/yarn.js add none --registry $URL --non-interactive",
    ),
    of(
        REFUSED_BY_ALL,
        "pnpm",
        "echo {} >package.json && echo 'fetchRetries: 0' >pnpm-workspace.yaml
         exec $MODULES/.bin/pnpm add none --registry $URL",
    ),
    of(REFUSED_BY_ALL, "Bun's fetch", "exec $MODULES/.bin/bun $CLIENTS/fetch.mjs - $PORT $HOST"),
    of(REFUSED_BY_ALL, "Bun's node:https", "exec $MODULES/.bin/bun $CLIENTS/client.mjs $ROOT $PORT $HOST"),
    client(
        "Deno",
        "exec $MODULES/.bin/deno run --quiet --no-config --allow-net --allow-read $CLIENTS/fetch.mjs - $PORT $HOST",
    ),
    of(FEW, "workerd", "exec $CLIENTS/workerd $MODULES/.bin/workerd $ROOT $PORT $HOST"),
    of(FEW, "miniflare", "exec \"$NODE\" $CLIENTS/miniflare.mjs $MODULES $ROOT $PORT $HOST"),
    client("Python's ssl", "exec python3 $CLIENTS/client.py $ROOT $PORT $HOST"),
    client(
        "Python's urllib",
        "exec python3 -c \"import urllib.request; urllib.request.urlopen('$URL').read()\"",
    ),
    of(FEW, "aiohttp", "exec $PYTHON $CLIENTS/aiohttp_client.py $URL"),
    of(FEW, "requests", "exec $PYTHON -c \"import requests; requests.get('$URL')\""),
    of(
        FEW,
        "urllib3",
        "exec $PYTHON -c \"import urllib3; urllib3.PoolManager(ca_certs='$ROOT', retries=False).request('GET', '$URL')\"",
    ),
    of(FEW, "httpx", "exec $PYTHON -c \"import httpx; httpx.get('$URL')\""),
    of(FEW, "httplib2", "exec $PYTHON -c \"import httplib2; httplib2.Http().request('$URL')\""),
    of(
        FEW,
        "boto3",
        "exec $PYTHON -c \"import boto3; boto3.client('s3', endpoint_url='$URL').list_buckets()\"",
    ),
    of(
        FEW,
        "pip",
        "exec $PYTHON -m pip --no-cache-dir download --retries 0 --no-deps --index-url $URL none",
    ),
    of(
        FEW,
        "uv",
        "SSL_CERT_FILE=$ROOT exec ${PYTHON%python}uv --no-cache pip install --dry-run --target none --index-url $URL none",
    ),
    client("Ruby's Net::HTTP", "exec ruby -rnet/http -e \"Net::HTTP.get(URI('$URL'))\""),
    of(FEW, "Ruby's open-uri", "exec ruby -ropen-uri -e \"URI.open('$URL')\""),
    terse(TWO, "PHP's streams", "exec php -r \"file_get_contents('$URL');\""),
    of(&["wrong-host"], "PHP's streams and a name", "exec php -r \"file_get_contents('$URL');\""),
    of(
        REFUSED_BY_ALL,
        "PHP's curl",
        "exec php -r \"\\$c = curl_init('$URL'); curl_exec(\\$c); echo curl_error(\\$c);\"",
    ),
    of(
        FEW,
        "Composer",
        "echo '{\"repositories\":[{\"type\":\"composer\",\"url\":\"'$URL'\"},{\"packagist.org\":false}]}' >composer.json
         COLUMNS=240 COMPOSER_ALLOW_SUPERUSER=1 exec composer --no-interaction show --available none/none",
    ),
    terse(
        TWO,
        "Perl's HTTP::Tiny",
        "exec perl -MHTTP::Tiny -e 'print HTTP::Tiny->new(verify_SSL => 1)->get($ENV{URL})->{content}'",
    ),
    terse(
        TWO,
        "Perl's LWP",
        "exec perl -MLWP::UserAgent -e 'print LWP::UserAgent->new->get($ENV{URL})->status_line'",
    ),
    of(
        &["wrong-host", "a.b.wildcard-depth"],
        "Perl's LWP and a name",
        "exec perl -MLWP::UserAgent -e 'print LWP::UserAgent->new->get($ENV{URL})->status_line'",
    ),
    client("Go", "exec $GO_CLIENT $ROOT $PORT $HOST"),
    client("Java", "exec java -cp $JAVA_CLASSES Client $ROOT $PORT $HOST"),
    terse(TWO, "redis-cli", "exec redis-cli --tls --sni $HOST -h $HOST -p $PORT ping"),
    terse(TWO, "mosquitto_pub", "exec mosquitto_pub --cafile $ROOT -h $HOST -p $PORT -t topic -m message"),
    of(
        FEW,
        "certbot",
        "exec certbot register --non-interactive --agree-tos --register-unsafely-without-email --server $URL \
             --config-dir c --work-dir w --logs-dir l",
    ),
    of(FEW, "lego", "exec lego --server $URL --accept-tos --email a@app.test --domains app.test --http run"),
    terse(
        TWO,
        "dehydrated",
        "printf 'CA=%s\\nBASEDIR=%s\\n' $URL $PWD >config
         exec dehydrated --config config --register --accept-terms",
    ),
];
