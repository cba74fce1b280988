# Keeps idle connections open in every stage: ROOT PORT COUNT [drop]. Prints READY, waits for the end of its standard input,
# and then drops all of them at once. With drop, closes each as soon as it is in its stage.
import resource
import socket
import ssl
import sys

root, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * count + 100), hard))
context = ssl.create_default_context(cafile=root)
drops = sys.argv[4:] == ["drop"]
HELLO = b"\x16\x03\x01\x02\x00\x01\x00"  # the start of a handshake
beginnings = [
    None,  # nothing at all
    HELLO,
    b"",  # a handshake
    b"GET / HT",  # half a line
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",  # half a header
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nabc",  # half a body
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",  # an answer that is not read
]
held = []
for number in range(count):
    beginning = beginnings[number % len(beginnings)]
    stream = socket.create_connection(("127.0.0.1", port))
    if beginning == HELLO:
        stream.sendall(HELLO)
    elif beginning is not None:
        stream = context.wrap_socket(stream, server_hostname="localhost")
        stream.sendall(beginning)
    if drops:
        stream.close()
    else:
        held.append(stream)
print("READY", flush=True)
sys.stdin.read()
