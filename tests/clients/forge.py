# Creates a certificate that devca would not: CERTIFICATE KEY [WORD=VALUE]... With ca= and ca-key=, that CA signs it.
import datetime
import ipaddress
import os
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID as Usage
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


bits = int(wanted.get("rsa", 0))
key = rsa.generate_private_key(65537, bits) if bits else ec.generate_private_key(ec.SECP256R1())
subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, wanted.get("cn", "localhost"))])
issuer, signer, authority = subject, key, None
if "ca" in wanted:
    ca = x509.load_pem_x509_certificate(read(wanted["ca"]))
    issuer, authority = ca.subject, ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    signer = serialization.load_pem_private_key(read(wanted["ca-key"]), None)
now = datetime.datetime.utcnow() - datetime.timedelta(minutes=1)
begin = now + datetime.timedelta(days=int(wanted.get("in", 0)))
is_ca = wanted.get("kind") == "ca"
path_length = int(wanted["path"]) if "path" in wanted else None
builder = (
    x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number(), begin)
    .not_valid_after(begin + datetime.timedelta(days=int(wanted.get("days", 90))))
    .add_extension(x509.BasicConstraints(is_ca, path_length), critical=True)
    .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
)
if authority:
    identifier = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority)
    builder = builder.add_extension(identifier, critical=False)
if names := wanted.get("names", "localhost"):
    builder = builder.add_extension(x509.SubjectAlternativeName(map(general, names.split(","))), critical=False)
purposes = {"server": Usage.SERVER_AUTH, "client": Usage.CLIENT_AUTH, "any": Usage.ANY_EXTENDED_KEY_USAGE}
if purpose := purposes.get(wanted.get("for", "" if is_ca else wanted.get("kind", "server"))):
    builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
if usage := wanted.get("usage"):
    flags = "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign crl_sign encipher_only decipher_only"
    builder = builder.add_extension(x509.KeyUsage(**{flag: flag == usage for flag in flags.split()}), critical=True)
if excluded := wanted.get("not-for"):
    limits = x509.NameConstraints(permitted_subtrees=None, excluded_subtrees=[x509.DNSName(excluded)])
    builder = builder.add_extension(limits, critical=True)
if "critical" in wanted:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.2"), b"\x05\x00")
    builder = builder.add_extension(unknown, critical=True)
if padding := int(wanted.get("padding", 0)):
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), bytes(padding))
    builder = builder.add_extension(unknown, critical=False)
made = builder.sign(signer, hashes.SHA1() if "sha1" in wanted else hashes.SHA256())
pem = serialization.Encoding.PEM
with open(certificate_path, "wb") as file:
    file.write(made.public_bytes(pem))
with os.fdopen(os.open(key_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
    pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file.write(key.private_bytes(pem, pkcs8, plain))
