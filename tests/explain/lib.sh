# shellcheck shell=sh
# Functions for the cases in rare.rs. Each runs in a folder of its own.

# Creates certificates that devca would not: NAME [WORD=VALUE]... writes NAME.pem and NAME-key.pem.
forge() {
    name=$1
    shift
    # Debian's Python, for which the package `python3-cryptography` is installed.
    /usr/bin/python3 "$CLIENTS/forge.py" "$name.pem" "$name-key.pem" "$@"
}

# The same, signed by the home's root.
forge_below_root() {
    forge "$@" ca="$ROOT" ca-key="$ROOT_KEY"
}

# Ends what was started last together with the script.
end_with_script() {
    SERVERS="${SERVERS:-} $!"
    # shellcheck disable=SC2086 # several numbers
    trap 'kill $SERVERS' EXIT
}

# Starts a program that prints `ACCEPT …:PORT` once it listens, sets $PORT, and ends the program with the script.
start() {
    "$@" >server.log 2>&1 </dev/null &
    end_with_script
    for _ in $(seq 200); do
        PORT=$(sed -n 's/^ACCEPT .*:\([0-9]*\)$/\1/p' server.log)
        [ -z "$PORT" ] || return 0
        sleep 0.1
    done
    cat server.log
    exit 1
}

# Serves NAME.pem with openssl, which serves even what it would not accept.
serve() {
    name=$1
    shift
    start openssl s_server -accept 127.0.0.1:0 -no-CAfile -no-CApath -no-CAstore -www -cipher DEFAULT@SECLEVEL=0 \
        -cert "$name.pem" -key "$name-key.pem" "$@"
}

# Serves the home's own certificate.
serve_own() {
    serve "${CERT%.pem}" "$@"
}

# Loads pages with Chromium, which trusts the home's root: URLS.
chromium_at() {
    # shellcheck disable=SC2086 # several URLs
    "$NODE" "$CLIENTS/chromium.cjs" "$MODULES" $1
}

# Loads pages with Firefox and a new profile, which trusts the home's root: URLS [SETTINGS [PKCS12]].
firefox_at() {
    mkdir firefox
    printf '%s\n' "${2:-}" >firefox/user.js
    certutil -N -d sql:firefox --empty-password
    certutil -A -d sql:firefox -n root -t C,, -i "$ROOT"
    [ -z "${3:-}" ] || pk12util -i "$3" -d sql:firefox -W '' -K ''
    # shellcheck disable=SC2086 # several URLs
    python3 "$CLIENTS/firefox.py" firefox $1
}

# Runs a program in a network where nothing answers at 192.0.2.2.
unanswered() {
    unshare --net sh -c 'ip link set lo up && ip addr add 192.0.2.1/32 dev lo && ip route add 192.0.2.2/32 dev lo src 192.0.2.1 &&
        sysctl -qw net.ipv4.tcp_syn_retries=1 && exec "$@"' sh "$@"
}

# Serves what gnutls-serv serves, at $FREE, with these priorities.
serve_gnutls() {
    gnutls-serv --http --port "$FREE" --x509certfile "$CERT" --x509keyfile "$KEY" --priority "$1" >server.log 2>&1 </dev/null &
    end_with_script
    PORT=$FREE
    until grep -q 'listening on' server.log; do sleep 0.1; done
}

# Node's client, with these options of tls.connect as JavaScript.
node_with() {
    "$NODE" -e "const fs = require('fs'); require('tls').connect({ host: 'localhost', servername: 'localhost', port: $PORT, ${1:-} })"
}

# Python's client; the statements set up the context c.
python_with() {
    python3 -c "import socket, ssl
c = ssl.create_default_context(cafile='$ROOT')
$1
c.wrap_socket(socket.create_connection(('127.0.0.1', $PORT)), server_hostname='localhost').recv(1)"
}

# A list of revoked certificates of the home's root, valid for these times: FIRST LAST, each YYMMDDHHMMSSZ.
revocation_list() {
    : >index
    echo 01 >number
    printf '[ca]\ndefault_ca=c\n[c]\ndatabase=index\ncrlnumber=number\ndefault_md=sha256\n' >ca.cnf
    openssl ca -gencrl -config ca.cnf -cert "$ROOT" -keyfile "$ROOT_KEY" -crl_lastupdate "$1" -crl_nextupdate "$2" -out list.pem
}

# A server that closes each connection when it gets a request.
hanging_up() {
    start "$NODE" -e "const [key, cert] = [fs.readFileSync('$KEY'), fs.readFileSync('$CERT')];
        const server = require('tls').createServer({ key, cert }, (c) => c.once('data', () => c.destroy()));
        server.listen(0, '127.0.0.1', () => console.log('ACCEPT 127.0.0.1:' + server.address().port))"
}

# Go's server, which requires a client certificate.
serve_go() {
    GOCACHE=$GO_CACHE GO111MODULE=off go build -o server "$MUTUAL/server.go"
    start ./server "$CERT" "$KEY" "$CLIENT_CA"
}

# Requires a client certificate that is not on the list.
serve_revoking() {
    serve_own -tls1_2 -Verify 2 -verify_return_error -CAfile "$CLIENT_CA" -crl_check -CRL "$CRL"
}

# Serves a certificate that the home has revoked.
serve_revoked() {
    serve "$REVOKED_SERVER"
}

# The same, with an OCSP response that says so.
serve_stapled() {
    serial=$(openssl x509 -noout -serial -in "$REVOKED_SERVER.pem")
    printf 'R\t351231235959Z\t260101000000Z\t%s\tunknown\t/CN=localhost\n' "${serial#serial=}" >index
    openssl ocsp -issuer "$ROOT" -cert "$REVOKED_SERVER.pem" -no_nonce -reqout request >/dev/null
    openssl ocsp -index index -CA "$ROOT" -rsigner "$ROOT" -rkey "$ROOT_KEY" -ndays 5 -reqin request -respout response >/dev/null
    serve "$REVOKED_SERVER" -status_file response
}

# Knows only the name app.test, and refuses others with an alert.
serve_sni() {
    serve_own -servername app.test -servername_fatal -cert2 "$CERT" -key2 "$KEY"
}

# Serves a leaf below an intermediate with these words of forge.py.
below() {
    forge_below_root middle cn=middle names= "$@"
    forge leaf ca=middle.pem ca-key=middle-key.pem
    serve leaf -cert_chain middle.pem
}

# Serves a leaf below two CAs, of which the upper one may only sign leaves.
too_long() {
    forge_below_root upper kind=ca names= cn=upper path=0
    forge lower kind=ca names= cn=lower ca=upper.pem ca-key=upper-key.pem
    forge leaf ca=lower.pem ca-key=lower-key.pem
    cat lower.pem upper.pem >rest.pem
    serve leaf -cert_chain rest.pem
}

# Serves a leaf below a CA whose key has the parameters of its curve.
explicit_curve() {
    openssl ecparam -name prime256v1 -param_enc explicit -genkey -noout -out middle-key.pem
    openssl req -new -key middle-key.pem -subj /CN=middle -out middle.csr
    printf 'basicConstraints=critical,CA:true\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n' >extensions
    openssl x509 -req -in middle.csr -CA "$ROOT" -CAkey "$ROOT_KEY" -days 9 -extfile extensions -out middle.pem
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout leaf-key.pem -subj /CN=localhost -out leaf.csr
    printf 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\nauthorityKeyIdentifier=keyid\n' >extensions
    openssl x509 -req -in leaf.csr -CA middle.pem -CAkey middle-key.pem -days 9 -extfile extensions -out leaf.pem
    serve leaf -cert_chain middle.pem
}

# Serves a leaf with more names than clients compare with the constraints of its issuer.
too_many() {
    names=localhost
    for number in $(seq 1100); do names=$names,$number.localhost; done
    forge_below_root middle kind=ca names= cn=middle not-for="$(seq -s, -f %g.test 1000)"
    forge leaf ca=middle.pem ca-key=middle-key.pem names="$names"
    serve leaf -cert_chain middle.pem
}

# Changes the signature of NAME.pem.
damage() {
    openssl x509 -in "$1.pem" -outform der -out damaged.der
    python3 -c "
der = bytearray(open('damaged.der', 'rb').read())
der[-1] ^= 1
open('damaged.der', 'wb').write(der)"
    openssl x509 -in damaged.der -inform der -out "$1.pem"
}

# Serves a certificate of a CA that constrains addresses.
serve_constrained() {
    serve "$CONSTRAINED_SERVER"
}

serve_nginx() {
    printf 'user root; daemon off; master_process off; pid pid; error_log stderr info; events {}
        http { access_log off; client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t; uwsgi_temp_path t;
        scgi_temp_path t; server { listen 127.0.0.1:%s ssl; ssl_certificate %s; ssl_certificate_key %s; return 200; } }' \
        "$FREE" "$CERT" "$KEY" >nginx.conf
    /usr/sbin/nginx -p "$PWD" -c nginx.conf >server.log 2>&1 &
    end_with_script
    PORT=$FREE
    until curl -s "http://localhost:$PORT/" >/dev/null; do
        kill -0 $! || { cat server.log; exit 1; }
        sleep 0.1
    done
}

# Prints the server's log, once it has a line with this.
wait_for_line() {
    until grep -q "$1" server.log; do sleep 0.1; done
    cat server.log
}

# Serves a certificate with an extension that no parser accepts.
malformed() {
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout leaf-key.pem -subj /CN=localhost -out leaf.csr
    printf 'subjectAltName=DNS:localhost\n2.5.29.19=critical,DER:0400\n' >extensions
    openssl x509 -req -in leaf.csr -CA "$ROOT" -CAkey "$ROOT_KEY" -days 9 -extfile extensions -out leaf.pem
    serve leaf
}

# A version of uv whose rustls still names errors as its source code does.
old_uv() {
    SSL_CERT_FILE=$ROOT "$MODULES/../uv-0.4/bin/uv" --no-cache pip install --system --dry-run --target none \
        --index-url "https://localhost:$PORT/" none
}

# Node's server, which requires a client certificate.
serve_node() {
    start "$NODE" "$MUTUAL/server.mjs" "$CERT" "$KEY" "$CLIENT_CA" "$CRL"
}

# Parameters for a key exchange that is too short.
weak_group() {
    echo '-----BEGIN DH PARAMETERS-----
MEYCQQCkykamytGLjpmPCjIaMzw7tOZkqyqGALV22XL0TLcvZ+DOFfFh4vSgHDEg
2+0Wh0nkVEyjM5/kdmbXTeasxTyfAgEC
-----END DH PARAMETERS-----'
}

# Clients of another CA, and some that close the connection, with and without a pause before that.
mosquitto_clients() {
    python3 -c "import socket, ssl, time
c = ssl.create_default_context(cafile='$ROOT')
c.load_cert_chain('$IDENTITY.pem', '$IDENTITY-key.pem')
for pause in 0, 0.2:
    for is_tls in True, False:
        s = socket.create_connection(('127.0.0.1', $FREE))
        time.sleep(pause)
        try:
            if is_tls:
                c.wrap_socket(s, server_hostname='localhost').recv(1)
        except OSError:
            pass
        s.close()" 2>/dev/null || sleep 0.1
}
