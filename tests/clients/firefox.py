# Loads pages in headless Firefox: PROFILE URL... Prints each page's text, or Firefox's error message, as one line.
# Controls Firefox with its Marionette protocol: "LENGTH:JSON" over a socket, whose port it writes to the profile.
import json
import os
import shutil
import socket
import subprocess
import sys
import time

profile, *urls = sys.argv[1:]
active = os.path.join(profile, "MarionetteActivePort")
if os.path.exists(active):
    os.remove(active)
with open(os.path.join(profile, "user.js"), "a") as file:
    file.write('user_pref("marionette.port", 0);\n')
    # A connection that is opened in advance would block a server that handles one at a time.
    file.write('user_pref("network.http.speculative-parallel-limit", 0);\n')
    # The thief's server is on this machine.
    file.write('user_pref("network.dns.localDomains", "www.example-bank.com,example-bank.com,intranet");\n')
firefox = subprocess.Popen(
    [shutil.which("firefox-esr"), "--headless", "--marionette", "--no-remote", "--profile", profile],
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
)


def awaited(ready, what, seconds=90):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if firefox.poll() is not None:
            sys.exit("Firefox ended by itself")
        if ready():
            return
        time.sleep(0.05)
    sys.exit(f"Firefox gave no {what}")


def receive():
    length = b""
    while not length.endswith(b":"):
        length += connection.recv(1)
    body = b""
    while len(body) < int(length[:-1]):
        body += connection.recv(65536)
    return json.loads(body)


def command(number, name, **parameters):
    text = json.dumps([0, number, name, parameters])
    connection.sendall(f"{len(text)}:{text}".encode())
    _, _, error, value = receive()
    return error, value


try:
    awaited(lambda: os.path.exists(active) and os.path.getsize(active) > 0, "port")
    with open(active) as file:
        port = int(file.read())
    connection = socket.create_connection(("127.0.0.1", port), timeout=90)
    receive()
    error, _ = command(1, "WebDriver:NewSession", capabilities={"alwaysMatch": {"acceptInsecureCerts": False}})
    if error:
        sys.exit(f"Firefox gave no session: {error}")
    refused = False
    for number, url in enumerate(urls):
        error, _ = command(3 * number + 2, "WebDriver:Navigate", url=url)
        if error:
            # The page only names a class of errors; the document has the exact one.
            code = "(document.getFailedCertSecurityInfo?.() ?? document.getNetErrorInfo?.())?.errorCodeString"
            # Its text is in custom elements, which are filled after the page was loaded.
            text = "const text = node => node.shadowRoot ? text(node.shadowRoot) : node.childNodes.length"
            text += " ? [...node.childNodes].map(text).join(' ') : node.nodeType === Node.TEXT_NODE ? node.textContent : '';"
            text += f" return [document.documentURI, {code}, document.title, text(document.body)].join(' ')"
            time.sleep(1)
            _, text = command(3 * number + 3, "WebDriver:ExecuteScript", script=text, args=[])
            said = (text or {}).get("value") or ""
            print("refused:", " ".join(error["message"].split()), " ".join(said.split()))
            refused = True
        else:
            script = "return document.body.innerText"
            _, text = command(3 * number + 4, "WebDriver:ExecuteScript", script=script, args=[])
            print("accepted:", text["value"])
    sys.exit(refused)
finally:
    firefox.kill()
    firefox.wait()
