//! Safe functions for NSS' library: the only file with `unsafe` code.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_ulong, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::{fmt, ptr, slice};

use devca_platform::nss_protocol::FailureReason;
use libloading::os::unix::{Library as Shared, RTLD_GLOBAL, RTLD_NOW, Symbol};

use crate::headers::{
    Certificate, INIT_NOMODDB, INIT_NOROOTINIT, INIT_READONLY, Item, Links, Node, TRUSTED_CA, TrustFlags,
    VALID_CA,
};
use crate::places;
use crate::session::Failure;

/// Declares NSS functions with the types from NSS' headers.
macro_rules! functions {
    ($($field:ident = $name:literal: fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        struct Functions { $($field: Symbol<unsafe extern "C" fn($($argument),*) $(-> $result)?>,)* }

        impl Functions {
            fn of(library: &Shared) -> Result<Self, libloading::Error> {
                // SAFETY: the types are those of NSS' headers, and the library outlives the symbols: see `Library`.
                unsafe { Ok(Self { $($field: library.get($name)?,)* }) }
            }
        }
    };
}

functions! {
    init = c"NSS_InitContext": fn(*const c_char, *const c_char, *const c_char, *const c_char, *mut c_void, c_uint) -> *mut c_void;
    shutdown = c"NSS_ShutdownContext": fn(*mut c_void) -> c_int;
    internal_slot = c"PK11_GetInternalKeySlot": fn() -> *mut c_void;
    free_slot = c"PK11_FreeSlot": fn(*mut c_void);
    needs_user_init = c"PK11_NeedUserInit": fn(*mut c_void) -> c_int;
    init_pin = c"PK11_InitPin": fn(*mut c_void, *const c_char, *const c_char) -> c_int;
    needs_login = c"PK11_NeedLogin": fn(*mut c_void) -> c_int;
    default_database = c"CERT_GetDefaultCertDB": fn() -> *mut c_void;
    new_certificate = c"CERT_NewTempCertificate": fn(*mut c_void, *mut Item, *const c_char, c_int, c_int) -> *mut Certificate;
    import = c"PK11_ImportCert": fn(*mut c_void, *mut Certificate, c_ulong, *const c_char, c_int) -> c_int;
    change_trust = c"CERT_ChangeCertTrust": fn(*mut c_void, *mut Certificate, *mut TrustFlags) -> c_int;
    trust = c"CERT_GetCertTrust": fn(*const Certificate, *mut TrustFlags) -> c_int;
    delete = c"SEC_DeletePermCertificate": fn(*mut Certificate) -> c_int;
    certificates = c"PK11_ListCertsInSlot": fn(*mut c_void) -> *mut Links;
    duplicate = c"CERT_DupCertificate": fn(*mut Certificate) -> *mut Certificate;
    destroy_list = c"CERT_DestroyCertList": fn(*mut Links);
    destroy = c"CERT_DestroyCertificate": fn(*mut Certificate);
    private_keys = c"PK11_ListPrivateKeysInSlot": fn(*mut c_void) -> *mut Links;
    destroy_keys = c"SECKEY_DestroyPrivateKeyList": fn(*mut Links);
    error = c"PR_GetError": fn() -> c_int;
    error_name = c"PR_ErrorToName": fn(c_int) -> *const c_char;
}

/// NSS' library after it was loaded.
pub struct Library {
    path: PathBuf,
    functions: Functions,
    /// Never unloaded: NSS keeps its own threads and handlers. The libraries that a browser's needs come before it.
    _loaded: Vec<std::mem::ManuallyDrop<Shared>>,
}

/// How a database is going to be used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Read,
    Change,
    Create,
}

/// The trust of a certificate.
#[derive(Clone, Copy)]
pub enum Trust {
    TlsServers,
    None,
}

impl Library {
    /// Loads the library; for a browser's, first loads the libraries next to it that it needs.
    pub fn load(path: &Path, is_browsers: bool) -> Result<Self, String> {
        let mut loaded = Vec::new();
        let needed: &[&str] = if is_browsers {
            &[
                "libnspr4.so",
                "libplc4.so",
                "libplds4.so",
                "libgkcodecs.so",
                "libmozsqlite3.so",
                "libnssutil3.so",
            ]
        } else {
            &[]
        };
        let beside = needed.iter().map(|name| path.with_file_name(name)).filter(|path| path.exists());
        for file in beside.chain([path.to_owned()]) {
            if !places::is_safe(&file) {
                return Err(format!("other users can change {}", file.display()));
            }
            // SAFETY: these are the system's own libraries, whose start-up code expects to be run by any program.
            let shared = unsafe { Shared::open(Some(&file), RTLD_NOW | RTLD_GLOBAL) };
            loaded.push(std::mem::ManuallyDrop::new(shared.map_err(|error| error.to_string())?));
        }
        let last = loaded.last().ok_or("nothing is to be loaded")?;
        let functions = Functions::of(last).map_err(|error| error.to_string())?;
        Ok(Self { path: path.to_owned(), functions, _loaded: loaded })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the database in a folder. Fails if a primary password protects its trust settings.
    pub fn open(&self, folder: &Path, access: Access) -> Result<OpenDatabase<'_>, Failure> {
        let name = [b"sql:", folder.as_os_str().as_bytes()].concat();
        let name =
            CString::new(name).map_err(|error| Failure::new(FailureReason::Other, error.to_string()))?;
        let flags = match access {
            Access::Read => INIT_READONLY | INIT_NOMODDB,
            // A new database gets no pkcs11.txt, because the browser adds it: an existing one may name any library.
            Access::Change | Access::Create => INIT_NOMODDB,
        };
        let f = &self.functions;
        let (none, modules) = (c"".as_ptr(), c"secmod.db".as_ptr());
        // SAFETY: the strings live longer than the call, which keeps copies.
        let context =
            unsafe { (f.init)(name.as_ptr(), none, none, modules, ptr::null_mut(), flags | INIT_NOROOTINIT) };
        if context.is_null() {
            return Err(self.failure("cannot open it"));
        }
        // SAFETY: NSS is initialized.
        let slot = unsafe { (f.internal_slot)() };
        let database = OpenDatabase { library: self, context, slot };
        if slot.is_null() {
            return Err(self.failure("cannot open it"));
        }
        database.prepare(access)?;
        Ok(database)
    }

    /// NSS' error message for the call that just failed.
    fn failure(&self, what: &str) -> Failure {
        let f = &self.functions;
        // SAFETY: these only read; the name is a constant of the library's, or null.
        let name = unsafe {
            let name = (f.error_name)((f.error)());
            if name.is_null() { "an unknown error".into() } else { CStr::from_ptr(name).to_string_lossy() }
        };
        let (reason, why) = match &*name {
            "SEC_ERROR_BAD_DATABASE" | "SEC_ERROR_LEGACY_DATABASE" | "SEC_ERROR_PKCS11_DEVICE_ERROR" => {
                (FailureReason::Damaged, "the database is damaged")
            }
            "SEC_ERROR_BUSY" | "SEC_ERROR_LOCKED_DATABASE" => {
                (FailureReason::Locked, "another program has the database locked")
            }
            "SEC_ERROR_BAD_PASSWORD" | "SEC_ERROR_TOKEN_NOT_LOGGED_IN" => {
                (FailureReason::Password, "it has a primary password")
            }
            _ => (FailureReason::Other, what),
        };
        Failure::new(reason, format!("{why} ({name})"))
    }
}

/// An open database, closed when dropped.
pub struct OpenDatabase<'a> {
    library: &'a Library,
    context: *mut c_void,
    slot: *mut c_void,
}

impl OpenDatabase<'_> {
    fn prepare(&self, access: Access) -> Result<(), Failure> {
        let f = &self.library.functions;
        // SAFETY: the slot is open.
        unsafe {
            if access != Access::Read && (f.needs_user_init)(self.slot) != 0 {
                return self.check((f.init_pin)(self.slot, c"".as_ptr(), c"".as_ptr()), "cannot create it");
            }
            if (f.needs_login)(self.slot) != 0 {
                return Err(Failure::new(FailureReason::Password, "it has a primary password"));
            }
        }
        Ok(())
    }

    /// All certificates that are stored in the database.
    pub fn entries(&self) -> Result<Vec<Entry<'_>>, Failure> {
        let f = &self.library.functions;
        let mut entries = Vec::new();
        // SAFETY: the list is a circle of nodes with the list's own head in it; each certificate that is kept is counted.
        unsafe {
            let list = (f.certificates)(self.slot);
            if list.is_null() {
                return Err(self.library.failure("cannot list its certificates"));
            }
            let mut at = (*list).next;
            while at != list {
                let node = at.cast::<Node>();
                entries
                    .push(Entry { library: self.library, certificate: (f.duplicate)((*node).certificate) });
                at = (*at).next;
            }
            (f.destroy_list)(list);
        }
        Ok(entries)
    }

    /// Whether the database contains private keys.
    pub fn has_keys(&self) -> bool {
        let f = &self.library.functions;
        // SAFETY: as with the certificates.
        unsafe {
            let list = (f.private_keys)(self.slot);
            if list.is_null() {
                return false;
            }
            let has_keys = (*list).next != list;
            (f.destroy_keys)(list);
            has_keys
        }
    }

    /// Stores a certificate, trusted for TLS servers.
    pub fn add(&self, der: &[u8], nickname: &str) -> Result<(), Failure> {
        let f = &self.library.functions;
        let other = |error: &dyn fmt::Display| Failure::new(FailureReason::Other, error.to_string());
        let nickname = CString::new(nickname).map_err(|error| other(&error))?;
        let length = c_uint::try_from(der.len()).map_err(|error| other(&error))?;
        let mut item = Item { kind: 0, data: der.as_ptr().cast_mut(), length };
        // SAFETY: NSS copies the bytes (the last argument says so) and does not write to them.
        let certificate =
            unsafe { (f.new_certificate)((f.default_database)(), &raw mut item, ptr::null(), 0, 1) };
        if certificate.is_null() {
            return Err(self.library.failure("this is not a certificate"));
        }
        let entry = Entry { library: self.library, certificate };
        // SAFETY: slot and certificate are alive.
        let imported = unsafe { (f.import)(self.slot, certificate, 0, nickname.as_ptr(), 0) };
        self.check(imported, "cannot add the certificate")?;
        self.set_trust(&entry, Trust::TlsServers)
    }

    pub fn set_trust(&self, entry: &Entry, trust: Trust) -> Result<(), Failure> {
        let f = &self.library.functions;
        let mut flags = match trust {
            Trust::TlsServers => TrustFlags { tls: TRUSTED_CA | VALID_CA, ..TrustFlags::default() },
            Trust::None => TrustFlags::default(),
        };
        // SAFETY: the certificate is alive, and the flags are copied.
        let changed = unsafe { (f.change_trust)((f.default_database)(), entry.certificate, &raw mut flags) };
        self.check(changed, "cannot change what the certificate is trusted for")
    }

    pub fn remove(&self, entry: &Entry) -> Result<(), Failure> {
        // SAFETY: the certificate is alive; the reference of `entry` stays with it.
        let removed = unsafe { (self.library.functions.delete)(entry.certificate) };
        self.check(removed, "cannot remove the certificate")
    }

    fn check(&self, status: c_int, what: &str) -> Result<(), Failure> {
        if status == 0 { Ok(()) } else { Err(self.library.failure(what)) }
    }
}

impl Drop for OpenDatabase<'_> {
    fn drop(&mut self) {
        let f = &self.library.functions;
        // SAFETY: nothing uses them from here on. A context that others still use stays open, which ends with the process.
        unsafe {
            if !self.slot.is_null() {
                (f.free_slot)(self.slot);
            }
            (f.shutdown)(self.context);
        }
    }
}

/// A certificate in a database.
pub struct Entry<'a> {
    library: &'a Library,
    certificate: *mut Certificate,
}

impl Entry<'_> {
    pub fn der(&self) -> &[u8] {
        // SAFETY: NSS keeps the bytes as long as the certificate.
        unsafe {
            let item = (*self.certificate).der;
            if item.data.is_null() { &[] } else { slice::from_raw_parts(item.data, item.length as usize) }
        }
    }

    pub fn nickname(&self) -> String {
        // SAFETY: a string that ends with NUL, or null.
        unsafe {
            let name = (*self.certificate).nickname;
            if name.is_null() { String::new() } else { CStr::from_ptr(name).to_string_lossy().into_owned() }
        }
    }

    /// Whether it is trusted as a CA for TLS servers.
    pub fn is_trusted(&self) -> bool {
        let mut flags = TrustFlags::default();
        // SAFETY: the certificate is alive.
        let found = unsafe { (self.library.functions.trust)(self.certificate, &raw mut flags) };
        found == 0 && flags.tls & TRUSTED_CA != 0
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        // SAFETY: this is the reference that `entries` or `add` has taken.
        unsafe { (self.library.functions.destroy)(self.certificate) }
    }
}
