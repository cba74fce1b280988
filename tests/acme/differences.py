"""What two ACME servers may do differently, one line each: differences.py DIRECTORY ROOT PORT

Challenges are answered at this port, unless it is 0 for a server that does not validate."""

import datetime
import http.server
import sys
import threading
import time

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
say("a public name (`www.example-bank.com`)", problem(client.order("www.example-bank.com")))
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


class Responder(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{self.path.rsplit('/')[-1]}.{client.key.thumbprint()}".encode())

    def log_message(self, *_):
        pass


port = int(sys.argv[3])
if port:
    responder = http.server.HTTPServer(("127.0.0.1", port), Responder)
    threading.Thread(target=responder.serve_forever, daemon=True).start()
answer = client.order("ready.test")
order, url = answer.json, answer.headers["Location"]
client.post(client.challenge(order["authorizations"][0], "http-01")["url"], {})
deadline = time.monotonic() + 60
while (status := client.post(url).json["status"]) != "ready":
    assert status == "pending" and time.monotonic() < deadline, status
    time.sleep(0.05)
request, _ = csr("ready.test")
say("an order right after it was finalized", f"`{client.finalize(order, request).json['status']}`")
