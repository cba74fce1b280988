"""How challenges are validated, with servers that misbehave: validation.py CASE DIRECTORY ROOT PORT"""

import http.server
import socket
import threading
import time

from acme import Client, main


def silent(port):
    """A server that does not answer until it is told to close its connections."""
    listener = socket.create_server(("127.0.0.1", int(port)), backlog=1024)
    kept, over = [], threading.Event()

    def accept():
        while not over.is_set():
            kept.append(listener.accept()[0])
        listener.close()

    threading.Thread(target=accept, daemon=True).start()
    return kept, over


def respond(client, order, kind="http-01"):
    for url in order["authorizations"]:
        client.post(client.challenge(url, kind)["url"], {})


def fair(client, port):
    """An account whose servers do not answer must not delay the others."""
    client.register()
    kept, over = silent(port)
    for part in range(3):
        answer = client.order(*[f"n{number}.part{part}.test" for number in range(100)])
        respond(client, answer.json)
    until = time.monotonic() + 20
    while not kept:
        assert time.monotonic() < until, "nothing is validated"
        time.sleep(0.01)
    other = Client(client.directory_url, client.context_file)
    other.register()
    began = time.monotonic()
    for attempt in range(3):
        # Nothing listens on this address, so the validation is over at once.
        order = other.order(f"127.0.0.{attempt + 2}").json
        respond(other, order)
        other.wait(order["authorizations"][0], "invalid")
    took = time.monotonic() - began
    # A turn of the first account would take 30 seconds.
    assert took < 20, f"another account waited for {took:.1f} seconds"
    # The others get their turns.
    over.set()
    for connection in kept:
        connection.close()
    for url in answer.json["authorizations"]:
        client.wait(url, "invalid")


REDIRECTS = {
    "rooted": "/proof",
    "beside": "proof",
    "above": "../../proof?a=b",
    "query": "?x",
    "fragment": "/proof#here",
    "other": "//www.test:PORT/proof",
    "whole": "http://www.test:PORT/a/../proof",
}
REFUSED = {
    "port": ("http://www.test:70000/", "invalid port number"),
    "elsewhere": ("http://www.test:8081/", "redirects may only lead to the ports"),
    "user": ("http://alice:secret@www.test:PORT/proof", "user name or a password"),
    "scheme": ("ftp://www.test/proof", "neither http nor https"),
    "empty": ("http://", "empty host"),
    "circle": ("/.well-known/acme-challenge/TOKEN", "more than 10 redirects"),
}


def redirects(client, port):
    """RFC 9110 §10.2.2: the target is resolved as RFC 3986 says."""
    client.register()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            name, token = self.headers["Host"].split(".")[0], self.server.token
            path = self.path.split("?")[0]
            target = REDIRECTS.get(name) or REFUSED.get(name, [None])[0]
            if target and path.endswith(token) and not self.path.endswith("?x"):
                self.send_response(302)
                self.send_header("Location", target.replace("PORT", port).replace("TOKEN", token))
                self.end_headers()
                return
            found = path in ("/proof", "/.well-known/acme-challenge/proof") or self.path.endswith(f"{token}?x")
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(f"{token}.{client.key.thumbprint()}".encode())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def validated(name):
        url = client.order(f"{name}.test").json["authorizations"][0]
        challenge = client.challenge(url, "http-01")
        server.token = challenge["token"]
        client.post(challenge["url"], {})
        return client.wait(url, "valid", "invalid")

    for name, target in REDIRECTS.items():
        authorization = validated(name)
        assert authorization["status"] == "valid", (target, authorization)
    for name, (target, expected) in REFUSED.items():
        authorization = validated(name)
        detail = authorization["challenges"][0]["error"]["detail"]
        assert expected in detail and "secret" not in detail, (target, detail)


main({case.__name__: case for case in [fair, redirects]})
