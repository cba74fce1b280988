//! What has to be said before TLS, in the protocols that begin without it.

use std::io::{self, BufRead, BufReader, Read, Write};

use clap::ValueEnum;

use crate::report::printable;

/// A protocol that begins without TLS.
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

/// Asks for TLS; the error says what came instead.
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

/// Lines are read one octet at a time: what follows them is TLS.
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

/// "250-…" goes on, "250 …" is the last of an answer.
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

/// PostgreSQL's documentation, "Message Formats", `SSLRequest`.
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

/// MySQL's `Protocol::SSLRequest`: after the greeting, a packet of 32 octets with `CLIENT_SSL` among the capabilities.
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
    // CLIENT_PROTOCOL_41, CLIENT_SSL and CLIENT_SECURE_CONNECTION; packets of 16 MiB; UTF-8.
    let mut request = vec![32, 0, 0, 1];
    request.extend(0x0000_8a00_u32.to_le_bytes());
    request.extend(0x0100_0000_u32.to_le_bytes());
    request.push(33);
    request.extend([0; 23]);
    stream.write_all(&request)
}

/// An extended request with the name 1.3.6.1.4.1.1466.20037; the answer's result code must be success.
fn ldap(stream: &mut (impl Read + Write)) -> io::Result<()> {
    let name = b"1.3.6.1.4.1.1466.20037";
    let mut request = vec![0x30, 29, 0x02, 1, 1, 0x77, 24, 0x80, 22];
    request.extend(name);
    stream.write_all(&request)?;
    let mut header = [0; 2];
    stream.read_exact(&mut header)?;
    if header[0] != 0x30 || header[1] > 127 {
        return Err(other("it does not speak LDAP"));
    }
    let mut answer = vec![0; usize::from(header[1])];
    stream.read_exact(&mut answer)?;
    // messageID, then [APPLICATION 24] with resultCode ENUMERATED first.
    let result = answer.windows(3).position(|window| window[0] == 0x78).and_then(|at| answer.get(at + 4));
    match result {
        Some(0) => Ok(()),
        Some(code) => Err(other(format!("LDAP refused TLS with the result code {code}"))),
        None => Err(other("it does not speak LDAP")),
    }
}
