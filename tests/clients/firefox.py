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
            script = f"return document.documentURI + ' ' + {code}"
            _, text = command(3 * number + 3, "WebDriver:ExecuteScript", script=script, args=[])
            print("refused:", " ".join(error["message"].split()), (text or {}).get("value"))
            refused = True
        else:
            script = "return document.body.innerText"
            _, text = command(3 * number + 4, "WebDriver:ExecuteScript", script=script, args=[])
            print("accepted:", text["value"])
    sys.exit(refused)
finally:
    firefox.kill()
    firefox.wait()
