# Sends the bytes from standard input over TLS: ROOT PORT. Prints the response until its end, or until nothing has
# arrived for a second. If ROOT is "plain", TLS is not used.
import socket
import ssl
import sys

root, port = sys.argv[1:]
stream = socket.create_connection(("127.0.0.1", int(port)))
if root != "plain":
    stream = ssl.create_default_context(cafile=root).wrap_socket(stream, server_hostname="localhost")
stream.sendall(sys.stdin.buffer.read())
stream.settimeout(1)
try:
    while chunk := stream.recv(65536):
        sys.stdout.buffer.write(chunk)
except (TimeoutError, OSError):
    pass
