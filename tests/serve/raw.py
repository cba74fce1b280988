# Sends bytes over TLS as they are: ROOT PORT, the bytes on standard input. Prints all that comes back until the end, or
# until nothing has come for a second. With "plain" as the root, without TLS.
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
