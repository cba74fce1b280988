//! What has to be said before TLS, in the protocols that begin without it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use clap::ValueEnum;

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
pub fn ask(protocol: Protocol, stream: &mut TcpStream) -> Result<(), String> {
    match protocol {
        Protocol::Smtp => smtp(stream),
        Protocol::Imap => imap(stream),
        Protocol::Postgres => postgres(stream),
        Protocol::Mysql => mysql(stream),
        Protocol::Ldap => ldap(stream),
    }
}

fn said(e: impl std::fmt::Display) -> String {
    e.to_string()
}

/// Lines are read one octet at a time: what follows them is TLS.
fn line(stream: &mut TcpStream) -> Result<String, String> {
    let mut reader = BufReader::with_capacity(1, stream).take(4096);
    let mut bytes = Vec::new();
    reader.read_until(b'\n', &mut bytes).map_err(said)?;
    let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
    if text.is_empty() { Err("it said nothing".into()) } else { Ok(text) }
}

fn smtp(stream: &mut TcpStream) -> Result<(), String> {
    smtp_answer(stream, "220")?;
    stream.write_all(b"EHLO devca\r\n").map_err(said)?;
    smtp_answer(stream, "250")?;
    stream.write_all(b"STARTTLS\r\n").map_err(said)?;
    smtp_answer(stream, "220")
}

/// "250-…" goes on, "250 …" is the last of an answer.
fn smtp_answer(stream: &mut TcpStream, code: &str) -> Result<(), String> {
    loop {
        let text = line(stream)?;
        match text.strip_prefix(code) {
            Some(rest) if rest.starts_with('-') => {}
            Some(_) => return Ok(()),
            None => return Err(format!("it answered: {text}")),
        }
    }
}

fn imap(stream: &mut TcpStream) -> Result<(), String> {
    let greeting = line(stream)?;
    if !greeting.starts_with("* ") {
        return Err(format!("it answered: {greeting}"));
    }
    stream.write_all(b"a1 STARTTLS\r\n").map_err(said)?;
    loop {
        let text = line(stream)?;
        match text.strip_prefix("a1 ") {
            Some(rest) if rest.to_ascii_uppercase().starts_with("OK") => return Ok(()),
            None if text.starts_with("* ") => {}
            _ => return Err(format!("it answered: {text}")),
        }
    }
}

/// PostgreSQL's documentation, "Message Formats", `SSLRequest`.
fn postgres(stream: &mut TcpStream) -> Result<(), String> {
    stream.write_all(&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]).map_err(said)?;
    let mut answer = [0];
    stream.read_exact(&mut answer).map_err(said)?;
    match answer[0] {
        b'S' => Ok(()),
        b'N' => Err("PostgreSQL has TLS switched off: ssl = on".into()),
        other => Err(format!("it answered with {:?}", char::from(other))),
    }
}

/// MySQL's `Protocol::SSLRequest`: after the greeting, a packet of 32 octets with `CLIENT_SSL` among the capabilities.
fn mysql(stream: &mut TcpStream) -> Result<(), String> {
    let mut header = [0; 4];
    stream.read_exact(&mut header).map_err(said)?;
    let length = usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16;
    if length > 4096 {
        return Err("its greeting is none of MySQL's".into());
    }
    let mut greeting = vec![0; length];
    stream.read_exact(&mut greeting).map_err(said)?;
    if greeting.first() != Some(&10) {
        return Err("its greeting is none of MySQL's".into());
    }
    // CLIENT_PROTOCOL_41, CLIENT_SSL and CLIENT_SECURE_CONNECTION; packets of 16 MiB; UTF-8.
    let mut request = vec![32, 0, 0, 1];
    request.extend(0x0000_8a00_u32.to_le_bytes());
    request.extend(0x0100_0000_u32.to_le_bytes());
    request.push(33);
    request.extend([0; 23]);
    stream.write_all(&request).map_err(said)
}

/// An extended request with the name 1.3.6.1.4.1.1466.20037; the answer's result code must be success.
fn ldap(stream: &mut TcpStream) -> Result<(), String> {
    let name = b"1.3.6.1.4.1.1466.20037";
    let mut request = vec![0x30, 29, 0x02, 1, 1, 0x77, 24, 0x80, 22];
    request.extend(name);
    stream.write_all(&request).map_err(said)?;
    let mut header = [0; 2];
    stream.read_exact(&mut header).map_err(said)?;
    if header[0] != 0x30 || header[1] > 127 {
        return Err("it answers in something that is not LDAP".into());
    }
    let mut answer = vec![0; usize::from(header[1])];
    stream.read_exact(&mut answer).map_err(said)?;
    // messageID, then [APPLICATION 24] with resultCode ENUMERATED first.
    let result = answer.windows(3).position(|window| window[0] == 0x78).and_then(|at| answer.get(at + 4));
    match result {
        Some(0) => Ok(()),
        Some(code) => Err(format!("LDAP refuses TLS with the result code {code}")),
        None => Err("it answers in something that is not LDAP".into()),
    }
}
