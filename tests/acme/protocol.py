"""What RFC 8555 and its companions say, one case at a time: protocol.py CASE DIRECTORY ROOT [MORE…]"""

import datetime
import json
import subprocess
import tempfile
import time

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from acme import Client, Key, b64, binding, csr, der, jws, main


def requests(client):
    """RFC 8555 §6."""
    new = client.directory["newAccount"]
    assert client.get(client.directory["newNonce"]).status == 204
    assert client.get(client.directory["newNonce"], "HEAD").status == 200
    for url, method, allowed, words in [
        (new, "GET", "POST", "GET is not supported here: send a signed POST"),
        (client.directory["newNonce"], "DELETE", "GET, HEAD", "DELETE is not supported here: use GET or HEAD"),
    ]:
        answer = client.get(url, method)
        assert answer.is_problem("malformed", 405)["detail"].startswith(words), answer.body
        assert answer.headers["Allow"] == allowed
    body = jws(client.key, client.header(new), {})
    client.send(new, body, "application/json").is_problem("malformed", 415)
    client.send(new, b"{" * 100).is_problem("malformed", 400)
    client.send(new, b"x" * (1 << 17)).is_problem("malformed", 413)
    answer = client.post(new, {}, nonce="AAAA")
    answer.is_problem("badNonce")
    assert answer.headers["Replay-Nonce"] and answer.headers["Cache-Control"] == "no-store"
    client.post(new, {}, nonce=None).is_problem("badNonce")
    client.post(new, {}, url=new + "?").is_problem("unauthorized")
    client.post(new, {}, url=None).is_problem("unauthorized")
    client.post(new, {}, alg="none").is_problem("badSignatureAlgorithm")
    problem = client.post(new, {}, alg="HS256").is_problem("badSignatureAlgorithm")
    assert "ES256" in problem["algorithms"], problem
    client.post(new, {}, alg="RS256").is_problem("malformed")
    client.post(new, {}, key=Key()).is_problem("malformed")
    client.post(new, {}, jwk={"kty": "oct", "k": "AAAA"}).is_problem("badPublicKey")
    client.post(new, {}, kid="x").is_problem("malformed")
    client.post(new, b"[").is_problem("malformed")
    client.post(new, None).is_problem("malformed")
    client.new_nonce()
    body = jws(client.key, client.header(new), {})
    assert client.send(new, body).status == 201
    client.send(new, body).is_problem("badNonce")
    client.kid = new
    client.post(client.directory["newOrder"], {}).is_problem("accountDoesNotExist")
    client.kid = new.replace("new-account", "account/nobody")
    client.post(client.directory["newOrder"], {}).is_problem("accountDoesNotExist")
    client.kid = None
    client.post(client.directory["newOrder"], {}).is_problem("malformed")
    assert client.get(new.replace("new-account", "nothing")).status == 404


def accounts(client):
    """§7.3."""
    for kind in ["ES384", "ES512", "EdDSA", "RS256"]:
        other = Client(client.directory_url, client.context_file, Key(kind))
        assert other.register().status == 201, kind
        assert other.order("app.test").status == 201, kind
    client.register(onlyReturnExisting=True).is_problem("accountDoesNotExist", 400)
    client.register(contact=["tel:1"]).is_problem("unsupportedContact")
    client.register(contact=["mailto:a@b.test,c@d.test"]).is_problem("invalidContact")
    answer = client.register(contact=["mailto:a@b.test"], termsOfServiceAgreed=True)
    assert answer.status == 201 and answer.json["status"] == "valid", answer.body
    url = answer.headers["Location"]
    again = client.register(onlyReturnExisting=True)
    assert again.status == 200 and again.headers["Location"] == url
    assert client.post(url).json["contact"] == ["mailto:a@b.test"]
    assert client.post(url, {"contact": []}).json["contact"] == []
    other = Client(client.directory_url, client.context_file)
    other.register()
    other.post(url).is_problem("unauthorized")
    # §7.3.5
    change, old, new = client.directory["keyChange"], client.key, Key("RS256")

    def inner(key, account=url, old_key=old.jwk, target=change):
        return jws(key, {"alg": key.alg, "url": target, "jwk": key.jwk}, {"account": account, "oldKey": old_key})

    client.post(change, inner(new, account=other.kid)).is_problem("malformed")
    client.post(change, inner(new, old_key=new.jwk)).is_problem("malformed")
    client.post(change, inner(new, target=url)).is_problem("malformed")
    answer = client.post(change, inner(other.key))
    answer.is_problem("malformed", 409)
    assert answer.headers["Location"] == other.kid
    assert client.post(change, inner(new)).status == 200
    client.post(url).is_problem("malformed")
    client.key = new
    assert client.post(url).status == 200
    # §7.3.6
    assert client.post(url, {"status": "deactivated"}).json["status"] == "deactivated"
    client.post(url).is_problem("unauthorized", 403)
    client.register().is_problem("unauthorized", 403)


def orders(client):
    """§7.4, and what may be asked for."""
    client.register()
    client.order("www.example-bank.com", "app.test").is_problem("rejectedIdentifier")
    problem = client.order("www.example-bank.com", "10.0.0.1", "other-bank.com").is_problem("rejectedIdentifier")
    assert "devca permit other-bank.com" in problem["detail"], problem
    assert [sub["identifier"]["value"] for sub in problem["subproblems"]] == ["www.example-bank.com", "other-bank.com"]
    client.order("8.8.8.8").is_problem("rejectedIdentifier")
    client.order().is_problem("malformed")
    client.order("a b.test").is_problem("malformed")
    client.order(*[f"n{n}.test" for n in range(101)]).is_problem("malformed")
    new = client.directory["newOrder"]
    client.post(new, {"identifiers": [{"type": "email", "value": "a@b.test"}]}).is_problem("unsupportedIdentifier")
    client.post(new, {"identifiers": [{"type": "dns", "value": "127.0.0.1"}]}).is_problem("malformed")
    client.order("app.test", profile="none").is_problem("invalidProfile")
    client.order("app.test", notAfter="2020-01-01T00:00:00Z").is_problem("malformed")
    for wrong, why in [("soon", "\"soon\" is not a date and time"), (5, "integer `5`, expected a string")]:
        for member in ["notBefore", "notAfter"]:
            problem = client.order("app.test", **{member: wrong}).is_problem("malformed")
            assert f"{member}: " in problem["detail"] and why in problem["detail"], problem
    for begin in ["2020-01-01T00:00:00Z", "2050-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59"]:
        client.order("app.test", notBefore=begin).is_problem("malformed")
    client.post(new, [[["dns", "app.test"]], None, None, None, None]).is_problem("malformed")
    answer = client.order("app.test", "*.app.test", "APP.test")
    order, url = answer.json, answer.headers["Location"]
    assert order["status"] == "pending" and len(order["authorizations"]) == 2, order
    assert {one["value"] for one in order["identifiers"]} == {"app.test", "*.app.test"}
    for one in order["authorizations"]:
        authorization = client.post(one).json
        kinds = {challenge["type"] for challenge in authorization["challenges"]}
        wildcard = authorization.get("wildcard", False)
        assert authorization["identifier"]["value"] == "app.test"
        assert kinds == ({"dns-01"} if wildcard else {"http-01", "dns-01", "tls-alpn-01"}), kinds
    request, key = csr("app.test", "*.app.test", common_name="app.test")
    client.finalize(order, request).is_problem("orderNotReady", 403)
    client.authorize(order, "dns-01")
    assert client.post(url).json["status"] == "ready"
    client.finalize(order, b"x").is_problem("badCSR")
    client.finalize(order, csr("app.test")[0]).is_problem("badCSR")
    client.finalize(order, csr("app.test", "*.app.test", "x.test")[0]).is_problem("badCSR")
    client.finalize(order, csr("app.test", "*.app.test", key=client.key.key)[0]).is_problem("badCSR")
    final = client.finalize(order, request).json
    assert final["status"] == "valid", final
    client.finalize(order, request).is_problem("orderNotReady")
    chain = client.post(final["certificate"])
    assert chain.headers["Content-Type"] == "application/pem-certificate-chain"
    assert chain.body.count(b"BEGIN") == 2
    longer = client.post(chain.links("alternate")[0])
    assert longer.body.startswith(chain.body) and longer.body.count(b"BEGIN") == 3
    # Other accounts cannot see any of it.
    other = Client(client.directory_url, client.context_file)
    other.register()
    for one in [url, final["certificate"], order["authorizations"][0]]:
        other.post(one).is_problem("malformed", 404)


def lists(client):
    """§7.1.2.1: pages of orders."""
    urls = client.register().json["orders"]
    made = {client.order(f"n{n}.test").headers["Location"] for n in range(120)}
    found, url = [], urls
    while url:
        page = client.post(url)
        found += page.json["orders"]
        url = next(iter(page.links("next")), None)
    assert len(found) == 120 and set(found) == made, len(found)


def preauthorized(client):
    """§7.4.1, and deactivation (§7.5.2)."""
    client.register()
    new = client.directory["newAuthz"]
    client.post(new, {"identifier": {"type": "dns", "value": "*.app.test"}}).is_problem("malformed")
    client.post(new, {"identifier": {"type": "dns", "value": "bank.com"}}).is_problem("rejectedIdentifier")
    answer = client.post(new, {"identifier": {"type": "dns", "value": "app.test"}})
    assert answer.status == 201
    url = answer.headers["Location"]
    client.authorize({"authorizations": [url]}, "tls-alpn-01")
    order = client.order("app.test").json
    assert order["authorizations"] == [url] and order["status"] == "ready", order
    assert client.post(url, {"status": "deactivated"}).json["status"] == "deactivated"
    again = client.order("app.test").json
    assert again["authorizations"] != [url] and again["status"] == "pending", again
    client.finalize(order, csr("app.test")[0]).is_problem("orderNotReady")


def revocation(client):
    """§7.6."""
    client.register()
    url = client.directory["revokeCert"]
    certificate, key, _ = client.certificate("app.test")
    body = {"certificate": b64(der(certificate))}
    client.post(url, {**body, "reason": 2}).is_problem("badRevocationReason")
    client.post(url, {"certificate": "AAAA"}).is_problem("malformed")
    other = Client(client.directory_url, client.context_file)
    other.register()
    other.post(url, body).is_problem("unauthorized", 403)
    other.post(url, body, by_key=True).is_problem("unauthorized", 403)
    assert client.post(url, {**body, "reason": 1}).status == 200
    client.post(url, body).is_problem("alreadyRevoked")
    # By an account that is authorized for its names, and by its own key.
    certificate, key, _ = client.certificate("b.test")
    other.authorize(other.order("b.test").json)
    assert other.post(url, {"certificate": b64(der(certificate))}).status == 200
    certificate, key, _ = client.certificate("c.test")
    owner = Client(client.directory_url, client.context_file)
    numbers = key.public_key().public_numbers()
    owner.key.key = key
    owner.key.jwk.update(x=b64(numbers.x.to_bytes(32, "big")), y=b64(numbers.y.to_bytes(32, "big")))
    assert owner.post(url, {"certificate": b64(der(certificate))}, by_key=True).status == 200


def bound(client, key_id, mac_key):
    """§7.3.4."""
    import base64
    mac = base64.urlsafe_b64decode(mac_key + "==")
    url = client.directory["newAccount"]
    assert client.directory["meta"]["externalAccountRequired"]
    client.register().is_problem("externalAccountRequired", 403)
    for wrong in [binding(key_id, b"x" * 32, client.key, url), binding("other", mac, client.key, url)]:
        client.register(externalAccountBinding=wrong).is_problem("unauthorized")
    for wrong in [binding(key_id, mac, Key(), url), binding(key_id, mac, client.key, url + "x")]:
        client.register(externalAccountBinding=wrong).is_problem("malformed")
    assert client.register(externalAccountBinding=binding(key_id, mac, client.key, url, "HS512")).status == 201


def certificate_id(certificate):
    key_id = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    serial = certificate.serial_number
    return f"{b64(key_id)}.{b64(serial.to_bytes((serial.bit_length() + 8) // 8, 'big'))}"


def window(client, certificate):
    answer = client.get(f"{client.directory['renewalInfo']}/{certificate_id(certificate)}")
    assert answer.status == 200 and int(answer.headers["Retry-After"]) > 0, answer.body
    parse = datetime.datetime.fromisoformat
    return [parse(answer.json["suggestedWindow"][end].replace("Z", "+00:00")) for end in ("start", "end")]


def renewal(client, expected):
    """RFC 9773."""
    client.register()
    certificate, _, _ = client.certificate("app.test")
    start, end = window(client, certificate)
    now = datetime.datetime.now(datetime.timezone.utc)
    assert start < end
    assert (end < now) == (expected == "now"), (start, end, now)
    assert client.get(f"{client.directory['renewalInfo']}/AA.AA").status == 404
    assert client.get(f"{client.directory['renewalInfo']}/AA").status == 400
    own = certificate_id(certificate)
    client.order("other.test", replaces=own).is_problem("malformed")
    _, _, _ = client.certificate("app.test", replaces=own)
    client.order("app.test", replaces=own).is_problem("alreadyReplaced", 409)
    other = Client(client.directory_url, client.context_file)
    other.register()
    other.order("app.test", replaces=own).is_problem("unauthorized")


def kinds(client):
    """Addresses (RFC 8738), profiles, and chosen validity."""
    client.register()
    certificate, _, _ = client.certificate("127.0.0.1", "::1", "app.test")
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(ip) for ip in names.get_values_for_type(x509.IPAddress)} == {"127.0.0.1", "::1"}
    assert names.get_values_for_type(x509.DNSName) == ["app.test"]
    address = client.order("127.0.0.1").json["authorizations"][0]
    assert {one["type"] for one in client.post(address).json["challenges"]} == {"http-01", "tls-alpn-01"}

    def life(certificate):
        return certificate.not_valid_after - certificate.not_valid_before

    assert set(client.directory["meta"]["profiles"]) == {"classic", "tlsserver", "shortlived"}
    certificate, _, _ = client.certificate("app.test", profile="shortlived")
    assert life(certificate) < datetime.timedelta(days=7) and "CN=" not in certificate.subject.rfc4514_string()
    certificate, _, _ = client.certificate("app.test")
    assert life(certificate).days == 89 and "CN=app.test" in certificate.subject.rfc4514_string()
    end = datetime.datetime.utcnow().replace(microsecond=0) + datetime.timedelta(hours=5)
    certificate, _, _ = client.certificate("app.test", notAfter=end.isoformat() + "Z")
    assert certificate.not_valid_after == end, certificate.not_valid_after


def failing(client):
    """§8: a challenge that is not met makes its order invalid, and says why."""
    client.register()
    answer = client.order("app.test")
    url = answer.headers["Location"]
    for kind in ["http-01"]:
        challenge = client.challenge(answer.json["authorizations"][0], kind)
        begun = client.post(challenge["url"], {})
        assert begun.json["status"] in ("processing", "invalid") and begun.links("up"), begun.body
        authorization = client.wait(answer.json["authorizations"][0], "invalid")
        error = authorization["challenges"][0]["error"]
        assert error["type"].endswith("connection") and "127.0.0.1" in error["detail"], error
        order = client.post(url).json
        assert order["status"] == "invalid" and order["error"]["detail"] == error["detail"], order


def full(client):
    """With --ephemeral, memory has a limit; what exists remains usable."""
    first = client.register().headers["Location"]
    label = "a" * 61
    answer = order = client.order("app.test")
    made = 0
    while answer.status == 201:
        assert made < 2000, "there is no limit"
        answer = client.order(*[f"n{made}-{number}.{label}.{label}.{label}.test" for number in range(100)])
        made += 1
    for answer in [answer, Client(client.directory_url, client.context_file).register()]:
        assert "--ephemeral" in answer.is_problem("rateLimited", 429)["detail"]
    assert made > 100, made
    assert client.post(first).status == 200 and client.post(order.headers["Location"]).status == 200
    client.authorize(order.json)
    client.finalize(order.json, csr("app.test")[0]).is_problem("rateLimited")


def minutes(client, expected):
    client.register()
    certificate, _, _ = client.certificate("app.test")
    life = (certificate.not_valid_after - certificate.not_valid_before).total_seconds() + 1
    assert life == int(expected) * 60, life


def chaos(client):
    """Every kind of trouble comes, and clients that try again get through."""
    seen = set()
    new = client.directory["newAccount"]
    for _ in range(300):
        answer = client.post(new, {}, by_key=True)
        if answer.status >= 400:
            seen.add(answer.json["type"].rsplit(":", 1)[1])
            if answer.status == 429:
                assert answer.headers["Retry-After"]
    assert seen == {"badNonce", "serverInternal", "rateLimited"}, seen


def refused(client, name):
    client.register()
    client.order(name).is_problem("rejectedIdentifier")


def issued(client, name):
    client.register()
    _, _, chain = client.certificate(name)
    with tempfile.NamedTemporaryFile() as file:
        file.write(chain.body)
        file.flush()
        command = ["openssl", "verify", "-CAfile", client.context_file, "-untrusted", file.name, file.name]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


CASES = [refused, issued, requests, accounts, orders, lists, preauthorized, revocation, bound, renewal, kinds, failing, full, minutes, chaos]
main({case.__name__: case for case in CASES})
