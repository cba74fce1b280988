//! What a server sends before TLS, in each of the protocols. The first octet selects the protocol.
#![no_main]

use std::io::{self, Cursor, Read, Write};

use devca::check::starttls::{self, Protocol};
use libfuzzer_sys::fuzz_target;

struct Says<'a>(Cursor<&'a [u8]>);

impl Read for Says<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Says<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fuzz_target!(|bytes: &[u8]| {
    const PROTOCOLS: [Protocol; 5] =
        [Protocol::Smtp, Protocol::Imap, Protocol::Postgres, Protocol::Mysql, Protocol::Ldap];
    let Some((first, said)) = bytes.split_first() else { return };
    let protocol = PROTOCOLS[usize::from(*first) % PROTOCOLS.len()];
    if let Err(e) = starttls::ask(protocol, &mut Says(Cursor::new(said))) {
        assert!(!e.to_string().chars().any(char::is_control), "{e}");
    }
});
