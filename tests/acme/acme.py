"""An ACME client of the tests' own, which also says what no good client would say."""

import base64
import hashlib
import hmac
import json
import ssl
import sys
import time
import urllib.error
import urllib.request

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.x509.oid import NameOID

URN = "urn:ietf:params:acme:error:"


def b64(data):
    if isinstance(data, str):
        data = data.encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, size=None):
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


class Key:
    def __init__(self, kind="ES256"):
        curves = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}
        self.alg = kind
        if kind in curves:
            self.key = ec.generate_private_key(curves[kind]())
            public = self.key.public_key().public_numbers()
            self.size = (self.key.key_size + 7) // 8
            self.jwk = {"kty": "EC", "crv": f"P-{self.key.key_size}", "x": number(public.x, self.size),
                        "y": number(public.y, self.size)}
        elif kind == "RS256":
            self.key = rsa.generate_private_key(65537, 2048)
            public = self.key.public_key().public_numbers()
            self.jwk = {"kty": "RSA", "e": number(public.e), "n": number(public.n)}
        else:
            self.key = ed25519.Ed25519PrivateKey.generate()
            raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
            self.jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64(self.key.public_key().public_bytes(*raw))}

    def sign(self, message):
        if self.alg == "RS256":
            return self.key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        if self.alg == "EdDSA":
            return self.key.sign(message)
        digest = {"ES256": hashes.SHA256, "ES384": hashes.SHA384, "ES512": hashes.SHA512}[self.alg]
        r, s = utils.decode_dss_signature(self.key.sign(message, ec.ECDSA(digest())))
        return r.to_bytes(self.size, "big") + s.to_bytes(self.size, "big")

    def thumbprint(self):
        canonical = json.dumps(self.jwk, sort_keys=True, separators=(",", ":"))
        return b64(hashlib.sha256(canonical.encode()).digest())


def jws(key, header, payload):
    protected = b64(json.dumps(header))
    payload = "" if payload is None else b64(payload if isinstance(payload, bytes) else json.dumps(payload))
    signature = b64(key.sign(f"{protected}.{payload}".encode()))
    return {"protected": protected, "payload": payload, "signature": signature}


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def links(self, relation):
        found = [link for link in self.headers.get_all("Link", []) if f'rel="{relation}"' in link]
        return [link.split(">")[0].lstrip("<") for link in found]

    def is_problem(self, kind, status=None):
        problem = self.json
        assert problem["type"] == URN + kind, (kind, problem)
        assert self.headers["Content-Type"] == "application/problem+json"
        assert status in (None, self.status), (status, self.status, problem)
        assert self.status == problem["status"], problem
        return problem


class Client:
    def __init__(self, directory, root, key=None):
        self.context_file = root
        self.context = ssl.create_default_context(cafile=root)
        self.key = key or Key()
        self.nonce = self.kid = None
        self.directory_url = directory
        self.directory = self.get(directory).json

    def get(self, url, method="GET", data=None, headers=None):
        request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
        try:
            answer = urllib.request.urlopen(request, context=self.context, timeout=30)
        except urllib.error.HTTPError as error:
            answer = error
        self.nonce = answer.headers.get("Replay-Nonce", self.nonce)
        return Answer(answer.status, answer.headers, answer.read())

    def new_nonce(self):
        self.nonce = self.get(self.directory["newNonce"], "HEAD").headers["Replay-Nonce"]
        return self.nonce

    def header(self, url, by_key=False):
        header = {"alg": self.key.alg, "url": url, "nonce": self.nonce or self.new_nonce()}
        header.update({"jwk": self.key.jwk} if by_key or not self.kid else {"kid": self.kid})
        return header

    def post(self, to, payload=None, by_key=False, key=None, **changes):
        header = {**self.header(to, by_key), **changes}
        return self.send(to, jws(key or self.key, {k: v for k, v in header.items() if v is not None}, payload))

    def send(self, url, body, kind="application/jose+json"):
        self.nonce = None
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.get(url, "POST", data, {"Content-Type": kind})

    def register(self, **payload):
        answer = self.post(self.directory["newAccount"], payload, by_key=True)
        if answer.status in (200, 201):
            self.kid = answer.headers["Location"]
        return answer

    def order(self, *names, **more):
        kinds = [("ip" if name.replace(".", "").isdigit() or ":" in name else "dns", name) for name in names]
        identifiers = [{"type": kind, "value": name} for kind, name in kinds]
        return self.post(self.directory["newOrder"], {"identifiers": identifiers, **more})

    def challenge(self, url, kind):
        authorization = self.post(url).json
        return next(one for one in authorization["challenges"] if one["type"] == kind)

    def wait(self, url, *statuses, patience=20):
        end = time.monotonic() + patience
        while True:
            answer = self.post(url)
            if answer.json["status"] in statuses:
                return answer.json
            assert time.monotonic() < end, answer.json
            time.sleep(0.01)

    def authorize(self, order, kind="http-01"):
        """Where nothing is validated."""
        for url in order["authorizations"]:
            self.post(self.challenge(url, kind)["url"], {})
            assert self.wait(url, "valid", "invalid")["status"] == "valid"

    def finalize(self, order, csr):
        return self.post(order["finalize"], {"csr": b64(csr)})

    def certificate(self, *names, **more):
        """All of it; returns the certificate, its key and the answer to the download."""
        answer = self.order(*names, **more)
        assert answer.status == 201, answer.body
        self.authorize(answer.json)
        request, key = csr(*names)
        final = self.finalize(answer.json, request)
        assert final.status == 200 and final.json["status"] == "valid", final.body
        chain = self.post(final.json["certificate"])
        return x509.load_pem_x509_certificate(chain.body), key, chain


def csr(*names, key=None, common_name=None):
    import ipaddress
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []

    def general(name):
        try:
            return x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            return x509.DNSName(name)

    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    if names:
        request = request.add_extension(x509.SubjectAlternativeName([general(name) for name in names]), False)
    return request.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER), key


def binding(key_id, mac_key, account_key, url, alg="HS256"):
    protected = b64(json.dumps({"alg": alg, "kid": key_id, "url": url}))
    payload = b64(json.dumps(account_key.jwk))
    digest = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}[alg]
    signature = hmac.new(mac_key, f"{protected}.{payload}".encode(), digest).digest()
    return {"protected": protected, "payload": payload, "signature": b64(signature)}


def der(certificate):
    return certificate.public_bytes(serialization.Encoding.DER)


def main(cases):
    name, directory, root, *rest = sys.argv[1:]
    cases[name](Client(directory, root), *rest)
    print("ok")
