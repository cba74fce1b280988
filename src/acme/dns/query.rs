//! Queries to a name server (RFC 1035), over UDP or, if the answer is too long for that, TCP.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use aws_lc_rs::rand;
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

const ATTEMPTS: usize = 2;
const PATIENCE: Duration = Duration::from_secs(3);
/// A packet size that works everywhere (DNS flag day 2020).
const LARGEST: u16 = 1232;

/// The records of a name, including those of a CNAME's target if the server followed it. A name that does not exist has
/// no records.
pub(in crate::acme) async fn ask(
    server: SocketAddr,
    name: &str,
    kind: RecordType,
) -> io::Result<Vec<Record>> {
    let question = question(name, kind)?;
    let mut answer = over_udp(server, &question).await?;
    if answer.truncation {
        answer = timeout(PATIENCE, over_tcp(server, &question)).await.map_err(|_| no_answer())??;
    }
    match answer.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain => {}
        code => return Err(io::Error::other(format!("it answered {}", code.to_str()))),
    }
    Ok(answer.answers.into_iter().filter(|record| record.record_type() == kind).collect())
}

fn question(name: &str, kind: RecordType) -> io::Result<Message> {
    let mut id = [0; 2];
    rand::fill(&mut id).map_err(|_| io::Error::other("the system has no randomness"))?;
    let mut message = Message::new(u16::from_be_bytes(id), MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    let mut name = Name::from_ascii(name).map_err(io::Error::other)?;
    name.set_fqdn(true);
    message.add_query(Query::query(name, kind));
    let mut edns = Edns::new();
    edns.set_max_payload(LARGEST);
    message.set_edns(edns);
    Ok(message)
}

fn no_answer() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "it did not answer")
}

async fn over_udp(server: SocketAddr, question: &Message) -> io::Result<Message> {
    let any = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let bytes = question.to_vec().map_err(io::Error::other)?;
    for _ in 0..ATTEMPTS {
        let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await?;
        // Receive only packets from this server.
        socket.connect(server).await?;
        socket.send(&bytes).await?;
        let mut buffer = [0; LARGEST as usize];
        let answered = timeout(PATIENCE, async {
            loop {
                let length = socket.recv(&mut buffer).await?;
                if let Some(answer) = read(&buffer[..length], question) {
                    return Ok::<_, io::Error>(answer);
                }
            }
        });
        if let Ok(answer) = answered.await {
            return answer;
        }
    }
    Err(no_answer())
}

async fn over_tcp(server: SocketAddr, question: &Message) -> io::Result<Message> {
    let bytes = question.to_vec().map_err(io::Error::other)?;
    let length = u16::try_from(bytes.len()).map_err(io::Error::other)?;
    let mut stream = TcpStream::connect(server).await?;
    stream.write_all(&[&length.to_be_bytes()[..], &bytes].concat()).await?;
    let mut answer = vec![0; stream.read_u16().await?.into()];
    stream.read_exact(&mut answer).await?;
    read(&answer, question).ok_or_else(|| io::Error::other("its answer cannot be read"))
}

/// Parses an answer if it belongs to this query.
fn read(bytes: &[u8], question: &Message) -> Option<Message> {
    let answer = Message::from_vec(bytes).ok()?;
    let is_to_it = answer.id == question.id
        && answer.message_type == MessageType::Response
        && answer.queries == question.queries;
    is_to_it.then_some(answer)
}
