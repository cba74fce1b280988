# A handshake between a server and a client, both Python's: MODE CERTIFICATE KEY ROOT. Prints what the server says of it. MODE is what
# the client does wrong: "anonymous" sends no certificate, "stranger" one that is self-signed, "doubtful" trusts nothing, "plain"
# speaks HTTP.
import contextlib
import socket
import ssl
import sys
import threading

mode, certificate, key, root = sys.argv[1:]
server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server.load_cert_chain(certificate, key)
if mode != "doubtful":
    server.load_verify_locations(root)
    server.verify_mode = ssl.CERT_REQUIRED
listener = socket.create_server(("127.0.0.1", 0))


def connect():
    with contextlib.suppress(OSError), socket.create_connection(listener.getsockname()) as plain:
        if mode == "plain":
            plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
            plain.recv(1)
            return
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.maximum_version = ssl.TLSVersion.TLSv1_2
        if mode != "doubtful":
            client.load_verify_locations(root)
        if mode == "stranger":
            client.load_cert_chain("../stranger.pem", "../stranger-key.pem")
        client.wrap_socket(plain, server_hostname="localhost")


threading.Thread(target=connect).start()
with listener.accept()[0] as plain:
    try:
        server.wrap_socket(plain, server_side=True)
    except OSError as error:
        print(type(error).__name__, error)
