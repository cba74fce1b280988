//! A root from someone else, or one that was damaged on the disk. After `permit` signs it again, it may sign
//! for the same names as before.
#![no_main]

use std::sync::LazyLock;

use devca::ca::profile;
use devca::x509::certificate::{self, CaCertificate, Leaf};
use devca::x509::constraints::Constraints;
use devca::x509::key::KeyType;
use devca::x509::name::Name;
use devca::x509::pem;
use libfuzzer_sys::fuzz_target;

static KEY: LazyLock<rcgen::KeyPair> = LazyLock::new(|| {
    rcgen::KeyPair::try_from(KeyType::EcdsaP256.generate().unwrap().pkcs8.as_slice()).unwrap()
});
static NAMES: LazyLock<Vec<Name>> = LazyLock::new(|| {
    ["localhost", "*.app.test", "10.1.2.3", "::1", "alice@app.test", "spiffe://dev/alice"]
        .map(|word| Name::parse(word).unwrap())
        .into()
});

fuzz_target!(|bytes: &[u8]| {
    let der = pem::certificate_in(bytes).unwrap_or_else(|| bytes.to_vec());
    Leaf::parse(&der);
    certificate::local_ca(&der);
    let Ok(root) = CaCertificate::parse(der) else { return };
    root.is_signed_by(&root);
    let constraints = &root.constraints;
    serde_json::to_string(constraints).expect("constraints are text");
    let anew = profile::root(&root.common_name, constraints, root.validity, [0x40; 16]);
    let Ok(anew) = anew.self_signed(&*KEY) else { return };
    let anew = CaCertificate::parse(anew.der().to_vec()).expect("devca reads the roots that it signs");
    assert_eq!(anew.constraints, *constraints);
    assert_eq!(verdicts(&anew.constraints), verdicts(constraints));
});

fn verdicts(constraints: &Constraints) -> Vec<bool> {
    NAMES.iter().map(|name| constraints.permit(name)).collect()
}
