# One TLS request with Python's ssl: CA-FILE PORT NAME [CERTIFICATE KEY]; with "-" as CA-FILE, it uses the system's roots. TLS_MAX=1.2 limits
# the version.
import os
import socket
import ssl
import sys

ca, port, name, *identity = sys.argv[1:]
context = ssl.create_default_context(cafile=None if ca == "-" else ca)
if os.environ.get("TLS_MAX") == "1.2":
    context.maximum_version = ssl.TLSVersion.TLSv1_2
if identity:
    context.load_cert_chain(*identity)
try:
    with socket.create_connection(("127.0.0.1", int(port)), timeout=20) as plain:
        with context.wrap_socket(plain, server_hostname=name) as tls:
            # In TLS 1.3, the server rejects a client certificate after the handshake.
            tls.sendall(f"GET / HTTP/1.0\r\nHost: {name}\r\n\r\n".encode())
            tls.recv(1)
            print("accepted")
except OSError as error:
    print("refused:", error)
    sys.exit(1)
