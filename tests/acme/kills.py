"""Kills the server again and again while clients order certificates, and looks for every order that was promised:
kills.py COUNT ROOT PORT PROGRAM [ARGUMENT…]"""

import random
import subprocess
import sys
import threading
import time
import urllib.error

from acme import Client, csr

count, root, port, command = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]
directory = f"https://localhost:{port}/directory"
over = threading.Event()
NETWORK = (urllib.error.URLError, ConnectionError, TimeoutError, OSError)


def start():
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lines = []
    for line in server.stdout:
        lines.append(line)
        if b'"listening"' in line:
            threading.Thread(target=server.stdout.read, daemon=True).start()
            return server
    raise AssertionError(b"".join(lines))


def persistent(step):
    """Until the server answers; a nonce of an earlier process is refused, and the client has the next one."""
    while True:
        try:
            answer = step()
        except NETWORK:
            time.sleep(0.005)
            continue
        if answer.status < 400 or not answer.json["type"].endswith("badNonce"):
            return answer


class Subscriber(threading.Thread):
    def __init__(self, number):
        super().__init__()
        self.number, self.orders, self.failure, self.finished = number, {}, None, 0

    def run(self):
        try:
            while True:
                try:
                    client = Client(directory, root)
                    break
                except NETWORK:
                    time.sleep(0.005)
            self.client = client
            persistent(client.register)
            while not over.is_set():
                name = f"n{len(self.orders)}-{self.number}.test"
                answer = persistent(lambda: client.order(name))
                assert answer.status == 201, answer.body
                self.orders[answer.headers["Location"]] = name
                self.complete(answer.headers["Location"])
            for url in self.orders:
                self.complete(url)
        except BaseException as failure:  # noqa: shown by the main thread
            self.failure = failure

    def complete(self, url):
        """From wherever the order is to its certificate."""
        client = self.client
        order = persistent(lambda: client.post(url))
        assert order.status == 200, (url, order.body)
        for one in order.json["authorizations"]:
            authorization = persistent(lambda: client.post(one))
            assert authorization.status == 200, authorization.body
            if authorization.json["status"] == "pending":
                challenge = next(c for c in authorization.json["challenges"] if c["type"] == "http-01")
                persistent(lambda: client.post(challenge["url"], {}))
        order = persistent(lambda: client.post(url)).json
        if order["status"] == "ready":
            request, _ = csr(self.orders[url])
            persistent(lambda: client.finalize(order, request))
            # The answer may have been lost even though the certificate exists.
            order = persistent(lambda: client.post(url)).json
        assert order["status"] == "valid", order
        chain = persistent(lambda: client.post(order["certificate"]))
        assert chain.status == 200 and b"BEGIN CERTIFICATE" in chain.body, chain.body
        self.finished += 1


server = start()
subscribers = [Subscriber(number) for number in range(4)]
for subscriber in subscribers:
    subscriber.start()
for _ in range(count):
    time.sleep(random.uniform(0.01, 0.15))
    server.kill()
    server.wait()
    server = start()
over.set()
for subscriber in subscribers:
    subscriber.join()
server.kill()
server.wait()
failures = [subscriber.failure for subscriber in subscribers if subscriber.failure]
assert not failures, failures
orders = sum(len(subscriber.orders) for subscriber in subscribers)
assert orders >= len(subscribers), "clients got through between the kills"
print(f"{count} kills, {orders} orders, 0 lost\nok")
