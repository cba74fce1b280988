# One TLS connection by Python's ssl: CA-FILE PORT NAME; "-" as the file leaves trust to the system.
import socket
import ssl
import sys

ca, port, name = sys.argv[1:4]
context = ssl.create_default_context(cafile=None if ca == "-" else ca)
try:
    with socket.create_connection(("127.0.0.1", int(port)), timeout=20) as plain:
        with context.wrap_socket(plain, server_hostname=name):
            print("accepted")
except ssl.SSLError as error:
    print("refused:", error)
    sys.exit(1)
