# Creates a certificate that devca would not: CERTIFICATE KEY [WORD=VALUE]... With ca= and ca-key=, that CA signs it.
import datetime
import ipaddress
import os
import subprocess
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID as Access
from cryptography.x509.oid import ExtendedKeyUsageOID as Usage
from cryptography.x509.name import _ASN1Type as Type
from cryptography.x509.oid import NameOID

certificate_path, key_path, *words = sys.argv[1:]
wanted = dict(word.split("=", 1) for word in words)


def general(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def generated():
    if "rsa" in wanted:
        return rsa.generate_private_key(int(wanted.get("exponent", 65537)), int(wanted["rsa"]))
    kind = wanted.get("key", "SECP256R1")
    others = {"dsa": lambda: dsa.generate_private_key(2048), "ed448": ed448.Ed448PrivateKey.generate}
    return others[kind]() if kind in others else ec.generate_private_key(getattr(ec, kind)())


key = generated()
subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn) for cn in wanted.get("cn", "localhost").split("/")])
issuer, signer, authority = subject, key, None
if "ca" in wanted:
    ca = x509.load_pem_x509_certificate(read(wanted["ca"]))
    issuer, authority = ca.subject, ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    signer = serialization.load_pem_private_key(read(wanted["ca-key"]), None)
if "printable" in wanted:
    issuer = x509.Name([x509.NameAttribute(part.oid, part.value, Type.PrintableString) for part in issuer])
now = datetime.datetime.utcnow() - datetime.timedelta(minutes=1)
begin = now + datetime.timedelta(days=int(wanted.get("in", 0)))
is_ca = wanted.get("kind") == "ca"
path_length = int(wanted["path"]) if "path" in wanted else None
serial = int(wanted.get("serial", x509.random_serial_number()))
builder = (
    x509.CertificateBuilder(issuer, subject, key.public_key(), serial, begin)
    .not_valid_after(begin + datetime.timedelta(days=int(wanted.get("days", 90))))
    .add_extension(x509.BasicConstraints(is_ca, path_length), critical=True)
    .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
)
if authority:
    above, number = [x509.DirectoryName(ca.issuer)], int(wanted.get("ca-serial", ca.serial_number))
    if "ca-key-id" in wanted:
        authority = x509.SubjectKeyIdentifier(bytes(20))
    identifier = x509.AuthorityKeyIdentifier(authority.digest, *((above, number) if "ca-serial" in wanted else (None, None)))
    builder = builder.add_extension(identifier, critical=False)
if names := wanted.get("names", "localhost"):
    builder = builder.add_extension(x509.SubjectAlternativeName(map(general, names.split(","))), critical=False)
purposes = {"server": Usage.SERVER_AUTH, "client": Usage.CLIENT_AUTH, "any": Usage.ANY_EXTENDED_KEY_USAGE}
purposes["netscape"] = x509.ObjectIdentifier("2.16.840.1.113730.4.1")
purposes["microsoft"] = x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.3")
if purpose := purposes.get(wanted.get("for", "" if is_ca else wanted.get("kind", "server"))):
    builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
if usage := wanted.get("usage"):
    flags = "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign crl_sign encipher_only decipher_only"
    builder = builder.add_extension(x509.KeyUsage(**{flag: flag == usage for flag in flags.split()}), critical=True)
if excluded := wanted.get("not-for"):
    limits = x509.NameConstraints(permitted_subtrees=None, excluded_subtrees=list(map(x509.DNSName, excluded.split(","))))
    builder = builder.add_extension(limits, critical=True)
if "critical" in wanted:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.2"), b"\x05\x00")
    builder = builder.add_extension(unknown, critical=True)
if extension := wanted.get("critical-extension"):
    values = {
        "access": x509.AuthorityInformationAccess([x509.AccessDescription(Access.CA_ISSUERS, x509.UniformResourceIdentifier("http://127.0.0.1:1/"))]),
        "feature": x509.TLSFeature([x509.TLSFeatureType.status_request]),
        "issuer-name": x509.IssuerAlternativeName([x509.DNSName("localhost")]),
    }
    builder = builder.add_extension(values[extension], critical=True)
if features := wanted.get("feature"):
    numbers = b"".join(bytes([2, 1, int(number)]) for number in features.split(",") if number.isdigit())
    value = bytes([0x30, len(numbers)]) + numbers if features != "damaged" else b"\x04\x00"
    feature = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.5.5.7.1.24"), value)
    builder = builder.add_extension(feature, critical=False)
if padding := int(wanted.get("padding", 0)):
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), bytes(padding))
    builder = builder.add_extension(unknown, critical=False)
algorithm = getattr(hashes, wanted.get("hash", "SHA1" if "sha1" in wanted else "SHA256"))()
made = builder.sign(signer, None if isinstance(signer, ed448.Ed448PrivateKey) else algorithm)
pem = serialization.Encoding.PEM
with open(certificate_path, "wb") as file:
    file.write(made.public_bytes(pem))
with os.fdopen(os.open(key_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
    pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file.write(key.private_bytes(pem, pkcs8, plain))
if salt := wanted.get("salt"):
    # Debian's cryptography does not sign with RSA-PSS.
    request = x509.CertificateSigningRequestBuilder(made.subject)
    for extension in made.extensions:
        request = request.add_extension(extension.value, extension.critical)
    command = ["openssl", "x509", "-req", "-out", certificate_path, "-days", "90", "-set_serial", "7", "-copy_extensions", "copyall"]
    command += ["-CA", wanted["ca"], "-CAkey", wanted["ca-key"], "-sha256", "-sigopt", "rsa_padding_mode:pss"]
    text = request.sign(key, hashes.SHA256()).public_bytes(pem)
    subprocess.run([*command, "-sigopt", f"rsa_pss_saltlen:{salt}"], input=text, check=True, stderr=subprocess.DEVNULL)
