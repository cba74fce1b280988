"""What two ACME servers may do differently, one line each: differences.py DIRECTORY ROOT

The challenges are not met, so only a server that does not validate issues; Pebble does so in these tests, too."""

import datetime
import sys

from acme import URN, Client, Key, csr

client = Client(*sys.argv[1:3])
client.register(termsOfServiceAgreed=True)


def say(what, value):
    print(what, {True: "yes", False: "no"}.get(value, value), sep="\t")


def problem(answer):
    return "accepted" if answer.status < 400 else f"`{answer.json['type'].removeprefix(URN)}`"


meta = client.directory["meta"]
say("renewal information (ARI)", "renewalInfo" in client.directory)
say("profiles", "profiles" in meta)
say("authorizations before an order (`newAuthz`)", "newAuthz" in client.directory)
say("terms of service", "termsOfService" in meta)
algorithms = []
for kind in ["ES256", "ES384", "ES512", "EdDSA", "RS256"]:
    other = Client(*sys.argv[1:3], Key(kind))
    if other.register(termsOfServiceAgreed=True).status == 201:
        algorithms.append(kind)
say("account keys", ", ".join(algorithms))
say("an account that does not agree to the terms", problem(Client(*sys.argv[1:3]).register()))
say("a name of the internet (`www.example-bank.com`)", problem(client.order("www.example-bank.com")))
say("an IP address as identifier", problem(client.order("127.0.0.1")))
answer = client.order("app.test")
authorization = client.post(answer.json["authorizations"][0])
say("`Retry-After` while an authorization is pending", "Retry-After" in authorization.headers)
account = client.post(client.kid).json
orders = account.get("orders")
say("the list of an account's orders", bool(orders) and client.post(orders).status == 200)
other = Client(*sys.argv[1:3])
other.register(termsOfServiceAgreed=True)
say("an order of another account", str(other.post(answer.headers["Location"]).status))
request, _ = csr("other.test")
say("an order that is finalized too early", problem(client.finalize(answer.json, request)))
again = client.order("app.test")
say("the same authorization for a second pending order", again.json["authorizations"] == answer.json["authorizations"])
moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
end = moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")
say("`notAfter` in an order", problem(client.order("app.test", notAfter=end)))
wildcard = client.order("*.app.test").json["authorizations"][0]
say("challenges of a wildcard", ", ".join(sorted(one["type"] for one in client.post(wildcard).json["challenges"])))
name = client.post(client.order("app.test").json["authorizations"][0]).json
say("challenges of a name", ", ".join(sorted(one["type"] for one in name["challenges"])))
