//! Where it happens: the machine, its files, its environment.

use super::{Fault, says};

pub static KEY_READABLE: Fault = Fault {
    id: "key-readable",
    title: "others on this machine can read the private key",
    meaning: "Whoever can read the key can be this server, or this client. Some programs (PostgreSQL, ssh) refuse such a file.",
    causes: &["the file was copied or unpacked with a wide umask"],
    mend: &["chmod 600 KEY"],
    words: &[says("PostgreSQL", "has group or world access")],
};

pub static CLOCK_SKEW: Fault = Fault {
    id: "clock-skew",
    title: "the clocks differ",
    meaning: "The server's clock and this machine's are minutes apart: certificates begin or end too early for one of them.",
    causes: &["a virtual machine or container was suspended", "no time service runs"],
    mend: &["compare the clocks: date -u", "timedatectl set-ntp true"],
    words: &[says("Chrome", "NET::ERR_CERT_DATE_INVALID")],
};

pub static PROXY: Fault = Fault {
    id: "proxy",
    title: "clients reach it through a proxy",
    meaning: "A proxy is set in the environment: programs that honour it do not reach this server as devca has, and a proxy that inspects TLS shows a certificate of its own.",
    causes: &["HTTPS_PROXY or https_proxy is set, and NO_PROXY does not name this host"],
    mend: &["export NO_PROXY=localhost,127.0.0.1,::1,.test"],
    words: &[
        says("curl", "CONNECT tunnel failed"),
        says("Chrome", "ERR_TUNNEL_CONNECTION_FAILED"),
        says("Python", "Tunnel connection failed"),
    ],
};

pub static VERIFICATION_OFF: Fault = Fault {
    id: "verification-off",
    title: "verification is switched off",
    meaning: "A setting in this environment makes a client accept every certificate: it hides faults here that are met elsewhere, and lets anybody listen.",
    causes: &["it was set to get past an error once, and stayed"],
    mend: &["unset it, and start the program with: devca run -- PROGRAM"],
    words: &[says("Node", "NODE_TLS_REJECT_UNAUTHORIZED"), says("Python", "InsecureRequestWarning")],
};
