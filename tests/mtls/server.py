# Mutual TLS with Python's ssl: CERTIFICATE KEY CLIENT-CA CRL. Prints its port, then greets clients by name.
import socket
import ssl
import sys
import traceback

certificate, key, ca, crl = sys.argv[1:5]
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ca)
context.load_cert_chain(certificate, key)
context.load_verify_locations(crl)
context.verify_mode = ssl.CERT_REQUIRED
context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
listener = socket.create_server(("127.0.0.1", 0))
print("ACCEPT 127.0.0.1:%d" % listener.getsockname()[1], flush=True)
while True:
    plain, _ = listener.accept()
    try:
        with context.wrap_socket(plain, server_side=True) as connection:
            connection.recv(4096)
            subject = dict(part[0] for part in connection.getpeercert()["subject"])
            answer = b"Hello, %s\n" % subject["commonName"].encode()
            connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))
    except OSError:
        traceback.print_exc()
