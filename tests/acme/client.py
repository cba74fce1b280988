"""Python's acme library: client.py DIRECTORY HTTP_PORT DNS_API FOLDER NAME CHALLENGE [revoke]

Obtains a certificate, asks when to renew it, renews it with the profile for short lives if there is one, and revokes it."""

import json
import os
import sys
import urllib.request

import josepy
from acme import challenges, client, crypto_util, messages, standalone
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

directory_url, http_port, dns_api, folder, name, kind, *rest = sys.argv[1:]
account_key = josepy.JWKEC(key=ec.generate_private_key(ec.SECP256R1()))
network = client.ClientNetwork(account_key, alg=josepy.ES256)
acme = client.ClientV2(client.ClientV2.get_directory(directory_url, network), network)
acme.new_account(messages.NewRegistration.from_data(email="a@example.com", terms_of_service_agreed=True))

private = ec.generate_private_key(ec.SECP256R1())
key = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
request = crypto_util.make_csr(key, [name])
kinds = {"http-01": challenges.HTTP01, "dns-01": challenges.DNS01}


def tell(command, **body):
    urllib.request.urlopen(f"{dns_api}/{command}", json.dumps(body).encode(), context=context).close()


context = None
if dns_api.startswith("https"):
    import ssl
    context = ssl.create_default_context(cafile=os.environ["REQUESTS_CA_BUNDLE"])


def obtain(**more):
    order = acme.new_order(request, **more)
    servers = []
    for authorization in order.authorizations:
        if authorization.body.status == messages.STATUS_VALID:
            continue
        challenge = next(one for one in authorization.body.challenges if isinstance(one.chall, kinds[kind]))
        response, validation = challenge.response_and_validation(account_key)
        if kind == "http-01":
            resource = standalone.HTTP01RequestHandler.HTTP01Resource(challenge.chall, response, validation)
            servers.append(standalone.HTTP01DualNetworkedServers(("127.0.0.1", int(http_port)), {resource}))
            servers[-1].serve_forever()
        else:
            tell("set-txt", host=f"_acme-challenge.{name.removeprefix('*.')}.", value=validation)
        acme.answer_challenge(challenge, response)
    chain = acme.poll_and_finalize(order).fullchain_pem
    for server in servers:
        server.shutdown_and_server_close()
    return chain


first = obtain()
knows_renewal = hasattr(acme.directory, "renewalInfo")
if knows_renewal:
    moment, _ = acme.renewal_time(first.encode())
    certificate = x509.load_pem_x509_certificate(first.encode())
    assert certificate.not_valid_before_utc < moment < certificate.not_valid_after_utc, moment
profiles = getattr(acme.directory.meta, "profiles", None) or {}
second = obtain(profile="shortlived") if "shortlived" in profiles else obtain()
assert first != second
for file, content in [("chain.pem", second.encode()), ("key.pem", key)]:
    with open(os.path.join(folder, file), "wb") as out:
        out.write(content)
if rest == ["revoke"]:
    acme.revoke(x509.load_pem_x509_certificate(second.encode()), 0)
acme.deactivate_registration(acme.net.account)
