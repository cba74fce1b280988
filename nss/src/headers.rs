//! Types and constants from NSS' public headers (`nss.h`, `pk11pub.h`, `certdb.h`, `certt.h`). Their layouts have been
//! the same since NSS 3.12.

use std::ffi::{c_char, c_int, c_uint, c_void};

/// nss.h: the database is opened read-only.
pub const INIT_READONLY: c_uint = 0x1;
/// nss.h: do not load the modules that `pkcs11.txt` names (such as smart card readers).
pub const INIT_NOMODDB: c_uint = 0x4;
/// nss.h: do not load Mozilla's roots.
pub const INIT_NOROOTINIT: c_uint = 0x10;
/// certdb.h
pub const VALID_CA: c_uint = 1 << 3;
pub const TRUSTED_CA: c_uint = 1 << 4;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Item {
    pub kind: c_uint,
    pub data: *mut u8,
    pub length: c_uint,
}

/// `CERTCertTrust`
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct TrustFlags {
    pub tls: c_uint,
    pub mail: c_uint,
    pub code: c_uint,
}

/// `PRCList`
#[repr(C)]
pub struct Links {
    pub next: *mut Links,
    pub previous: *mut Links,
}

/// `CERTCertListNode`
#[repr(C)]
pub struct Node {
    pub links: Links,
    pub certificate: *mut Certificate,
    pub data: *mut c_void,
}

/// `CERTCertificate`, up to its nickname.
#[repr(C)]
pub struct Certificate {
    arena: *mut c_void,
    subject_name: *mut c_char,
    issuer_name: *mut c_char,
    signature_wrap: [Item; 4],
    pub der: Item,
    /// derIssuer, derSubject, derPublicKey, certKey, version, serialNumber, and the signature's algorithm.
    fields: [Item; 8],
    issuer: [*mut c_void; 2],
    validity: (*mut c_void, [Item; 2]),
    subject: [*mut c_void; 2],
    public_key: (*mut c_void, [Item; 3]),
    issuer_and_subject_id: [Item; 2],
    extensions: *mut c_void,
    mail_address: *mut c_char,
    database: *mut c_void,
    subject_key_id: Item,
    key_id_generated: c_int,
    key_usages: [c_uint; 2],
    key_usage_present: c_int,
    type_of_netscape: u32,
    keep_session: c_int,
    time_ok: c_int,
    domain_ok: *mut c_void,
    is_permanent: c_int,
    is_temporary: c_int,
    pub nickname: *const c_char,
}
