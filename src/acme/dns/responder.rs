//! The built-in name server, on UDP and TCP: it answers queries from its records, and accepts updates.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{NS, SOA};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::tsig::{self, Signature};
use super::update;
use super::zone::Zone;

/// Clients must not cache the answers.
const TTL: u32 = 0;
const LARGEST: usize = 4096;
/// The maximum size without EDNS (RFC 1035 §4.2.1).
const SMALLEST: usize = 512;
const MOST_CONNECTIONS: usize = 64;
const IDLE: Duration = Duration::from_secs(10);

/// A name server that is listening.
pub(in crate::acme) struct Responder {
    udp: UdpSocket,
    tcp: TcpListener,
}

impl Responder {
    /// Listens on UDP and TCP with the same port; 0 selects a free one.
    pub(in crate::acme) async fn bind(address: IpAddr, port: u16) -> io::Result<Self> {
        let tcp = TcpListener::bind(SocketAddr::new(address, port)).await?;
        let udp = UdpSocket::bind(tcp.local_addr()?).await?;
        Ok(Self { udp, tcp })
    }

    /// The address that it listens on.
    pub(in crate::acme) fn address(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Answers for as long as it is polled.
    pub(in crate::acme) async fn run(self, zone: Arc<Zone>) {
        let permits = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        let mut buffer = [0; LARGEST];
        loop {
            tokio::select! {
                received = self.udp.recv_from(&mut buffer) => {
                    let Ok((length, client)) = received else { continue };
                    if let Some(answer) = answer(&zone, &buffer[..length], true) {
                        let _ = self.udp.send_to(&answer, client).await;
                    }
                }
                accepted = self.tcp.accept() => {
                    let (Ok((stream, _)), Ok(permit)) = (accepted, permits.clone().try_acquire_owned()) else {
                        continue;
                    };
                    let zone = zone.clone();
                    tokio::spawn(async move {
                        let _ = converse(stream, &zone).await;
                        drop(permit);
                    });
                }
            }
        }
    }
}

async fn converse(mut stream: TcpStream, zone: &Zone) -> io::Result<()> {
    loop {
        let read = timeout(IDLE, async {
            let mut message = vec![0; stream.read_u16().await?.into()];
            stream.read_exact(&mut message).await?;
            Ok::<_, io::Error>(message)
        });
        let Ok(message) = read.await else { return Ok(()) };
        let Some(answer) = answer(zone, &message?, false) else { return Ok(()) };
        let length = u16::try_from(answer.len()).map_err(io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes()[..], &answer].concat()).await?;
    }
}

/// Answers a message; `None` if it is not a query.
pub(in crate::acme) fn answer(zone: &Zone, bytes: &[u8], is_udp: bool) -> Option<Vec<u8>> {
    let Ok(message) = Message::from_vec(bytes) else {
        let id = u16::from_be_bytes(*bytes.first_chunk()?);
        return Message::error_msg(id, OpCode::Query, ResponseCode::FormErr).to_vec().ok();
    };
    if message.message_type != MessageType::Query {
        return None;
    }
    let mut reply = Message::response(message.id, message.op_code);
    reply.metadata.recursion_desired = message.recursion_desired;
    reply.queries.clone_from(&message.queries);
    let now = OffsetDateTime::now_utc().unix_timestamp().unsigned_abs();
    let (signing, is_signed, is_refused) = match tsig::check(zone.key.as_ref(), bytes, &message, now) {
        Signature::Absent => (None, false, false),
        Signature::Good(response) => (Some(response), true, false),
        Signature::Refused(response) => (Some(response), false, true),
    };
    let code = &mut reply.metadata.response_code;
    match (message.op_code, message.queries.as_slice()) {
        _ if is_refused => *code = ResponseCode::NotAuth,
        (OpCode::Query, [query]) => look_up(zone, query, &mut reply),
        (OpCode::Update, _) if zone.key.is_some() && !is_signed => *code = ResponseCode::Refused,
        (OpCode::Update, [_]) => *code = update::apply(zone, &message),
        _ => *code = ResponseCode::NotImp,
    }
    if message.edns.is_some() {
        reply.edns = Some(hickory_proto::op::Edns::new());
    }
    let mut written = reply.to_vec().ok()?;
    let most = usize::from(message.max_payload()).clamp(SMALLEST, LARGEST);
    if is_udp && written.len() > most {
        reply = reply.truncate();
        written = reply.to_vec().ok()?;
    }
    let Some(signing) = signing else { return Some(written) };
    reply.set_signature(signing.sign(&written).ok()?);
    reply.to_vec().ok()
}

fn look_up(zone: &Zone, query: &Query, reply: &mut Message) {
    reply.metadata.authoritative = true;
    let (name, kind) = (query.name(), query.query_type());
    let apex = apex(name);
    let record = |name: &Name, data| Record::from_rdata(name.clone(), TTL, data);
    // Clients that look for a record's zone (nsupdate, lego) ask for these.
    let own = match kind {
        RecordType::SOA if *name == apex => Some(soa()),
        RecordType::NS if *name == apex => Some(RData::NS(NS(host()))),
        _ => None,
    };
    if let Some(own) = own {
        reply.add_answer(record(&apex, own));
        return;
    }
    for (name, data) in zone.find(name, kind) {
        reply.add_answer(record(&name, data));
    }
    if reply.answers.is_empty() {
        reply.add_authority(record(&apex, soa()));
        if zone.at(name).is_none() && *name != apex {
            reply.metadata.response_code = ResponseCode::NXDomain;
        }
    }
}

/// The zone of a name: its last two labels.
fn apex(name: &Name) -> Name {
    name.to_lowercase().trim_to(2)
}

fn host() -> Name {
    Name::from_ascii("localhost.").unwrap_or_else(|_| Name::root())
}

fn soa() -> RData {
    RData::SOA(SOA::new(host(), host(), 1, 60, 60, 60, 0))
}
