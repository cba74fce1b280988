//! Negotiates TLS in protocols that begin in plain text (STARTTLS).

use std::io::{self, BufRead, BufReader, Read, Write};

use clap::ValueEnum;
use x509_parser::asn1_rs::{Any, Class, FromBer, Header, Tag};

use crate::report::printable;

/// A protocol that begins in plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Protocol {
    /// RFC 3207
    Smtp,
    /// RFC 9051 §6.2.1
    Imap,
    /// PostgreSQL's SSL request
    Postgres,
    /// MySQL's and MariaDB's SSL request packet
    Mysql,
    /// RFC 4511 §4.14
    Ldap,
}

/// Asks the server to switch to TLS. The error says what it answered instead.
pub fn ask(protocol: Protocol, stream: &mut (impl Read + Write)) -> io::Result<()> {
    match protocol {
        Protocol::Smtp => smtp(stream),
        Protocol::Imap => imap(stream),
        Protocol::Postgres => postgres(stream),
        Protocol::Mysql => mysql(stream),
        Protocol::Ldap => ldap(stream),
    }
}

fn other(what: impl Into<String>) -> io::Error {
    io::Error::other(what.into())
}

/// Reads a line one octet at a time, because everything after it is TLS.
fn line(stream: &mut (impl Read + Write)) -> io::Result<String> {
    let mut reader = BufReader::with_capacity(1, stream).take(4096);
    let mut bytes = Vec::new();
    reader.read_until(b'\n', &mut bytes)?;
    let text = printable(String::from_utf8_lossy(&bytes).trim_end());
    if bytes.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(text)
}

fn smtp(stream: &mut (impl Read + Write)) -> io::Result<()> {
    smtp_answer(stream, "220")?;
    stream.write_all(b"EHLO devca\r\n")?;
    smtp_answer(stream, "250")?;
    stream.write_all(b"STARTTLS\r\n")?;
    smtp_answer(stream, "220")
}

/// Reads an SMTP response: "250-…" lines continue it, "250 …" is the last one.
fn smtp_answer(stream: &mut (impl Read + Write), code: &str) -> io::Result<()> {
    loop {
        let text = line(stream)?;
        match text.strip_prefix(code) {
            Some(rest) if rest.starts_with('-') => {}
            Some(_) => return Ok(()),
            None => return Err(other(format!("it answered: {text}"))),
        }
    }
}

fn imap(stream: &mut (impl Read + Write)) -> io::Result<()> {
    let greeting = line(stream)?;
    if !greeting.starts_with("* ") {
        return Err(other(format!("it answered: {greeting}")));
    }
    stream.write_all(b"a1 STARTTLS\r\n")?;
    loop {
        let text = line(stream)?;
        match text.strip_prefix("a1 ") {
            Some(rest) if rest.to_ascii_uppercase().starts_with("OK") => return Ok(()),
            None if text.starts_with("* ") => {}
            _ => return Err(other(format!("it answered: {text}"))),
        }
    }
}

/// Sends an `SSLRequest`, as described in PostgreSQL's documentation under "Message Formats".
fn postgres(stream: &mut (impl Read + Write)) -> io::Result<()> {
    stream.write_all(&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])?;
    let mut answer = [0];
    stream.read_exact(&mut answer)?;
    match answer[0] {
        b'S' => Ok(()),
        b'N' => Err(other("TLS is off in PostgreSQL: set ssl = on")),
        letter => Err(other(format!("it answered with {:?}", char::from(letter)))),
    }
}

/// Sends MySQL's `Protocol::SSLRequest`: after the greeting, a packet of 32 octets with `CLIENT_SSL` among
/// the capabilities.
fn mysql(stream: &mut (impl Read + Write)) -> io::Result<()> {
    let mut header = [0; 4];
    stream.read_exact(&mut header)?;
    let length = usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16;
    if length > 4096 {
        return Err(other("its greeting is not MySQL's"));
    }
    let mut greeting = vec![0; length];
    stream.read_exact(&mut greeting)?;
    if greeting.first() != Some(&10) {
        return Err(other("its greeting is not MySQL's"));
    }
    // CLIENT_PROTOCOL_41, CLIENT_SSL and CLIENT_SECURE_CONNECTION; packets of up to 16 MiB; UTF-8.
    let mut request = vec![32, 0, 0, 1];
    request.extend(0x0000_8a00_u32.to_le_bytes());
    request.extend(0x0100_0000_u32.to_le_bytes());
    request.push(33);
    request.extend([0; 23]);
    stream.write_all(&request)
}

/// Sends an extended request with the OID 1.3.6.1.4.1.1466.20037; the result code of the response must be
/// success.
fn ldap(stream: &mut (impl Read + Write)) -> io::Result<()> {
    let name = b"1.3.6.1.4.1.1466.20037";
    let mut request = vec![0x30, 29, 0x02, 1, 1, 0x77, 24, 0x80, 22];
    request.extend(name);
    stream.write_all(&request)?;
    let not_ldap = || other("it does not speak LDAP");
    let mut header = [0; 6];
    stream.read_exact(&mut header[..2])?;
    // In the long form, the first octet has the number of length octets that follow. Active Directory always
    // uses it.
    let more = if header[1] > 0x80 { usize::from(header[1] & 0x7f) } else { 0 };
    if more > 4 {
        return Err(not_ldap());
    }
    stream.read_exact(&mut header[2..2 + more])?;
    let length = match Header::from_ber(&header[..2 + more]) {
        Ok((_, header)) if header.tag() == Tag::Sequence => header.length().definite().ok(),
        _ => None,
    };
    let length = length.filter(|length| *length <= 4096).ok_or_else(not_ldap)?;
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer)?;
    match result_code(&answer) {
        Some(0) => Ok(()),
        Some(code) => Err(other(format!("LDAP refused TLS with the result code {code}"))),
        None => Err(not_ldap()),
    }
}

/// The result code of a response (RFC 4511 §4.1.1, §4.12): the message ID comes first, then the response,
/// which begins with the result code.
fn result_code(answer: &[u8]) -> Option<u8> {
    const EXTENDED_RESPONSE: Tag = Tag(24);
    let (rest, _number) = Any::from_ber(answer).ok()?;
    let (_, response) = Any::from_ber(rest).ok()?;
    if (response.class(), response.tag()) != (Class::Application, EXTENDED_RESPONSE) {
        return None;
    }
    let (_, code) = Any::from_ber(response.data).ok()?;
    match code.data {
        [code_octet] if code.tag() == Tag::Enumerated => Some(*code_octet),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A peer that sends canned data and ignores what it receives.
    struct Says(io::Cursor<Vec<u8>>);

    impl Read for Says {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer)
        }
    }

    impl Write for Says {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn ldap_answers_in_short_and_in_long_form_are_read() {
        let response = |code| [vec![0x0a, 1, code], vec![0x04, 0], vec![0x04, 0]].concat();
        let short = |code| [vec![0x30, 12, 2, 1, 1, 0x78, 7], response(code)].concat();
        // The encoding that Active Directory uses.
        let long = |code| {
            let inner = [vec![2, 1, 1, 0x78, 0x84, 0, 0, 0, 7], response(code)].concat();
            [vec![0x30, 0x84, 0, 0, 0, u8::try_from(inner.len()).unwrap()], inner].concat()
        };
        let ask = |bytes: Vec<u8>| ask(Protocol::Ldap, &mut Says(io::Cursor::new(bytes)));
        for answer in [&short as &dyn Fn(u8) -> Vec<u8>, &long] {
            assert!(ask(answer(0)).is_ok());
            assert!(ask(answer(52)).unwrap_err().to_string().contains("result code 52"));
        }
        for bad in
            [vec![], vec![0x30], vec![0x30, 0x80], vec![0x30, 0x85, 0, 0, 0, 0, 1], vec![0x15, 3, 1, 0, 2]]
        {
            assert!(ask(bad.clone()).is_err(), "{bad:?}");
        }
    }
}
