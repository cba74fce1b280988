//! The Windows root stores, through the native API (crypt32): no program, and no window except for Windows'
//! own prompt.
//!
//! Adding to and removing from CurrentUser\Root shows a security warning that only a person can answer;
//! LocalMachine\Root (`--machine`) shows none, but requires an elevated process.

use std::fmt;

use crate::{Anchor, Found, Host, Problem, Step, Store, StoreKind};

/// A change to a root store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    place: Place,
    label: String,
    verb: Verb,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Verb {
    /// Adds this certificate (DER).
    Add(Vec<u8>),
    /// Removes the certificate with this SHA-1.
    Remove([u8; 20]),
}

/// The two root stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    CurrentUser,
    LocalMachine,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::LocalMachine { r"LocalMachine\Root" } else { r"CurrentUser\Root" })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.verb {
            Verb::Add(_) => write!(f, "add {} to {}", self.label, self.place),
            Verb::Remove(_) => write!(f, "remove {} from {}", self.label, self.place),
        }
    }
}

impl Change {
    pub(crate) fn make(&self) -> Result<(), Problem> {
        match &self.verb {
            Verb::Add(der) => api::add(self.place, der),
            Verb::Remove(sha1) => api::remove(self.place, sha1),
        }
    }
}

pub(crate) fn find(host: &Host) -> Vec<Found<'_>> {
    let place = if host.machine { Place::LocalMachine } else { Place::CurrentUser };
    vec![Found::store(WindowsRoots { place })]
}

/// The current user's roots in DER, including those of the machine.
pub(crate) fn roots() -> Vec<Vec<u8>> {
    api::certificates(Place::CurrentUser).unwrap_or_default()
}

struct WindowsRoots {
    place: Place,
}

impl Store for WindowsRoots {
    fn kind(&self) -> StoreKind {
        StoreKind::System
    }

    fn place(&self) -> String {
        format!("Windows ({})", self.place)
    }

    fn add(&self, anchor: &Anchor) -> Result<Vec<Step>, Problem> {
        let verb = Verb::Add(anchor.der.clone());
        Ok(vec![Step::windows(Change { place: self.place, label: anchor.label.clone(), verb })])
    }

    fn remove(&self, anchor: &Anchor) -> Result<Vec<Step>, Problem> {
        if !self.holds(anchor)? {
            return Ok(Vec::new());
        }
        let verb = Verb::Remove(anchor.sha1);
        Ok(vec![Step::windows(Change { place: self.place, label: anchor.label.clone(), verb })])
    }

    fn certificates(&self) -> Result<Vec<Vec<u8>>, Problem> {
        api::certificates(self.place)
    }
}

/// Other systems do not have this API; the code above is type-checked and its plans are tested anyway.
#[cfg(not(windows))]
mod api {
    use super::{Place, Problem};

    fn not_here() -> Problem {
        Problem::new("this is not Windows", "run devca on Windows")
    }

    pub(super) fn add(_: Place, _: &[u8]) -> Result<(), Problem> {
        Err(not_here())
    }

    pub(super) fn remove(_: Place, _: &[u8; 20]) -> Result<(), Problem> {
        Err(not_here())
    }

    pub(super) fn certificates(_: Place) -> Result<Vec<Vec<u8>>, Problem> {
        Err(not_here())
    }
}

#[cfg(windows)]
#[allow(unsafe_code)]
mod api {
    use std::ffi::c_void;
    use std::ptr;

    use windows_sys::Win32::Foundation::{ERROR_ACCESS_DENIED, ERROR_CANCELLED, GetLastError};
    use windows_sys::Win32::Security::Cryptography as crypt;

    use super::{Place, Problem};

    /// The value of the property: a DER sequence with the extended key usages serverAuth and clientAuth.
    const TLS_ONLY: [u8; TLS_ONLY_LENGTH as usize] = [
        0x30, 0x14, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01, 0x06, 0x08, 0x2b, 0x06, 0x01,
        0x05, 0x05, 0x07, 0x03, 0x02,
    ];

    const TLS_ONLY_LENGTH: u32 = 22;

    /// An open root store.
    struct OpenStore(crypt::HCERTSTORE);

    impl OpenStore {
        fn open(place: Place, read_only: bool) -> Result<Self, Problem> {
            let location = match place {
                Place::CurrentUser => crypt::CERT_SYSTEM_STORE_CURRENT_USER,
                Place::LocalMachine => crypt::CERT_SYSTEM_STORE_LOCAL_MACHINE,
            };
            let access = if read_only { crypt::CERT_STORE_READONLY_FLAG } else { 0 };
            let name: Vec<u16> = "ROOT".encode_utf16().chain([0]).collect();
            // SAFETY: as this provider requires, the name is a NUL-terminated wide string that outlives the
            // call.
            let store = unsafe {
                crypt::CertOpenStore(
                    crypt::CERT_STORE_PROV_SYSTEM_W,
                    0,
                    0,
                    location | access,
                    name.as_ptr().cast::<c_void>(),
                )
            };
            if store.is_null() { Err(last_error("open", place)) } else { Ok(Self(store)) }
        }

        /// Writes the changes. Without this, a deletion is lost when the handle is closed (observed with
        /// wine).
        fn commit(&self, place: Place) -> Result<(), Problem> {
            // SAFETY: the handle is open; this control takes no parameter.
            let done =
                unsafe { crypt::CertControlStore(self.0, 0, crypt::CERT_STORE_CTRL_COMMIT, ptr::null()) };
            if done == 0 { Err(last_error("write", place)) } else { Ok(()) }
        }
    }

    impl Drop for OpenStore {
        fn drop(&mut self) {
            // SAFETY: the handle is open, and only closed here.
            unsafe { crypt::CertCloseStore(self.0, 0) };
        }
    }

    fn last_error(verb: &str, place: Place) -> Problem {
        // SAFETY: this only reads a number of this thread.
        let code = unsafe { GetLastError() };
        match code {
            ERROR_ACCESS_DENIED => Problem::new(
                format!("Windows does not let this process {verb} {place}"),
                "run it in a terminal that was started as administrator",
            ),
            ERROR_CANCELLED => Problem::new(
                "the question that Windows asked was answered with no",
                "run it again and answer yes",
            ),
            code => Problem::new(
                format!("Windows cannot {verb} {place} (error {code:#x})"),
                "add the root by hand: devca root --pem > root.pem, then certutil -user -addstore Root root.pem",
            ),
        }
    }

    pub(super) fn add(place: Place, der: &[u8]) -> Result<(), Problem> {
        let store = OpenStore::open(place, false)?;
        let length = u32::try_from(der.len())
            .map_err(|_| Problem::new("the certificate is too large", "report this"))?;
        // SAFETY: pointer and length are those of one slice, which the call copies.
        let context =
            unsafe { crypt::CertCreateCertificateContext(crypt::X509_ASN_ENCODING, der.as_ptr(), length) };
        if context.is_null() {
            return Err(last_error("read the certificate for", place));
        }
        let usage =
            crypt::CRYPT_INTEGER_BLOB { cbData: TLS_ONLY_LENGTH, pbData: TLS_ONLY.as_ptr().cast_mut() };
        // SAFETY: the context is valid until it is freed below. The property is copied from the blob, which
        // outlives the call.
        let added = unsafe {
            crypt::CertSetCertificateContextProperty(
                context,
                crypt::CERT_ENHKEY_USAGE_PROP_ID,
                0,
                (&raw const usage).cast::<c_void>(),
            );
            crypt::CertAddCertificateContextToStore(
                store.0,
                context,
                crypt::CERT_STORE_ADD_REPLACE_EXISTING,
                ptr::null_mut(),
            )
        };
        let problem = (added == 0).then(|| last_error("write", place));
        // SAFETY: the context is freed once, and not used afterwards.
        unsafe { crypt::CertFreeCertificateContext(context) };
        match problem {
            Some(problem) => Err(problem),
            None => store.commit(place),
        }
    }

    pub(super) fn remove(place: Place, sha1: &[u8; 20]) -> Result<(), Problem> {
        let store = OpenStore::open(place, false)?;
        let mut hash = *sha1;
        let wanted = crypt::CRYPT_INTEGER_BLOB { cbData: 20, pbData: hash.as_mut_ptr() };
        // Start each search from the beginning, because continuing from a deleted context never ends
        // (observed with wine).
        loop {
            // SAFETY: the blob points to twenty bytes that outlive the call.
            let context = unsafe {
                crypt::CertFindCertificateInStore(
                    store.0,
                    crypt::X509_ASN_ENCODING,
                    0,
                    crypt::CERT_FIND_SHA1_HASH,
                    (&raw const wanted).cast::<c_void>(),
                    ptr::null(),
                )
            };
            if context.is_null() {
                return store.commit(place);
            }
            // SAFETY: the context belongs to the store, and this call frees it whatever it returns.
            if unsafe { crypt::CertDeleteCertificateFromStore(context) } == 0 {
                return Err(last_error("write", place));
            }
            store.commit(place)?;
        }
    }

    pub(super) fn certificates(place: Place) -> Result<Vec<Vec<u8>>, Problem> {
        let store = OpenStore::open(place, true)?;
        let mut found = Vec::new();
        let mut context: *const crypt::CERT_CONTEXT = ptr::null();
        loop {
            // SAFETY: the previous context is passed back to the call, which frees it; the last result is
            // null.
            context = unsafe { crypt::CertEnumCertificatesInStore(store.0, context) };
            if context.is_null() {
                return Ok(found);
            }
            // SAFETY: the context is valid until the next call, and its encoding has this length.
            let der = unsafe {
                std::slice::from_raw_parts((*context).pbCertEncoded, (*context).cbCertEncoded as usize)
            };
            found.push(der.to_vec());
        }
    }
}
