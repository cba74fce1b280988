//! Dynamic updates (RFC 2136), as sent by nsupdate, certbot and lego.

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{DNSClass, RData, Record, RecordType};

use super::zone::Zone;

/// Applies an update. Its prerequisites are in the answer section, its changes in the authority section.
pub(super) fn apply(zone: &Zone, message: &Message) -> ResponseCode {
    for record in &message.answers {
        let refusal = prerequisite(zone, record);
        if refusal != ResponseCode::NoError {
            return refusal;
        }
    }
    for record in &message.authorities {
        if !change(zone, record) {
            return ResponseCode::Refused;
        }
    }
    ResponseCode::NoError
}

/// §3.2: whether a name, or one of its record types, is in use, or is not.
fn prerequisite(zone: &Zone, record: &Record) -> ResponseCode {
    let own = zone.at(&record.name);
    let kind = record.record_type();
    let has_type = own.iter().flatten().any(|data| data.record_type() == kind);
    match (record.dns_class, kind) {
        (DNSClass::ANY, RecordType::ANY) if own.is_none() => ResponseCode::NXDomain,
        (DNSClass::NONE, RecordType::ANY) if own.is_some() => ResponseCode::YXDomain,
        (DNSClass::ANY, kind) if kind != RecordType::ANY && !has_type => ResponseCode::NXRRSet,
        (DNSClass::NONE, kind) if kind != RecordType::ANY && has_type => ResponseCode::YXRRSet,
        (DNSClass::IN, _) if !own.iter().flatten().any(|data| *data == record.data) => ResponseCode::NXRRSet,
        _ => ResponseCode::NoError,
    }
}

/// §3.4.2: adds a record, or removes one record, all of one type, or all.
fn change(zone: &Zone, record: &Record) -> bool {
    let (name, kind) = (&record.name, record.record_type());
    match record.dns_class {
        DNSClass::IN if matches!(record.data, RData::Update0(_)) => false,
        DNSClass::IN => zone.add(name, record.data.clone()),
        DNSClass::ANY => {
            zone.remove(name, |data| kind == RecordType::ANY || data.record_type() == kind);
            true
        }
        DNSClass::NONE => {
            zone.remove(name, |data| *data == record.data);
            true
        }
        _ => false,
    }
}
