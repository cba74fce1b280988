//! What servers log of clients that do something wrong.

/// A server and its client in one process. The shell has `$MODE`, the variables of the clients, and `$CERT` and `$KEY`.
pub(super) struct Handshake {
    pub(super) name: &'static str,
    pub(super) script: &'static str,
    pub(super) modes: &'static [Mode],
}

/// What the client does wrong, and what that is.
pub(super) type Mode = (&'static str, &'static [&'static str]);

const ANONYMOUS: Mode = ("anonymous", &["client-certificate-required"]);

/// The client's certificate is self-signed, which the server says as a client would.
const STRANGER: Mode = ("stranger", &["self-signed"]);
const DOUBTFUL: Mode = ("doubtful", &["rejected-by-client"]);
const PLAIN: Mode = ("plain", &["plain-client"]);

/// Node's client sends no alert when it refuses a certificate, and its server only closes the connection.
const OF_NODE: &[Mode] = &[ANONYMOUS, PLAIN];
const ALL: &[Mode] = &[ANONYMOUS, STRANGER, DOUBTFUL, PLAIN];

const fn handshake(name: &'static str, script: &'static str, modes: &'static [Mode]) -> Handshake {
    Handshake { name, script, modes }
}

pub(super) const HANDSHAKES: &[Handshake] = &[
    handshake("Node", "exec \"$NODE\" $CLIENTS/handshake.cjs $MODE $CERT $KEY $ROOT", OF_NODE),
    handshake(
        "Node 22",
        "exec $MODULES/node-22/bin/node $CLIENTS/handshake.cjs $MODE $CERT $KEY $ROOT",
        OF_NODE,
    ),
    handshake(
        "Node 24",
        "exec $MODULES/node-24/bin/node $CLIENTS/handshake.cjs $MODE $CERT $KEY $ROOT",
        OF_NODE,
    ),
    handshake("Python", "exec python3 $CLIENTS/handshake.py $MODE $CERT $KEY $ROOT", ALL),
    handshake("Ruby", "exec ruby $CLIENTS/handshake.rb $MODE $CERT $KEY $ROOT", ALL),
];
