# A server with STARTTLS in one of several protocols: CERTIFICATE KEY PROTOCOL HOW. With "refuse" as HOW, it has no TLS.
import socket
import ssl
import sys
import threading

certificate, key, protocol, how = sys.argv[1:]
has_tls = how != "refuse"


def line(plain):
    text = b""
    while not text.endswith(b"\n"):
        octet = plain.recv(1)
        if not octet:
            raise OSError("it hung up")
        text += octet
    return text


def exactly(plain, length):
    octets = b""
    while len(octets) < length:
        more = plain.recv(length - len(octets))
        if not more:
            raise OSError("it hung up")
        octets += more
    return octets


def smtp(plain):
    plain.sendall(b"220 localhost ESMTP\r\n")
    assert line(plain).startswith(b"EHLO ")
    plain.sendall(b"250-localhost\r\n250-SIZE 1000\r\n250 STARTTLS\r\n")
    assert line(plain) == b"STARTTLS\r\n"
    plain.sendall(b"220 go ahead\r\n" if has_tls else b"454 TLS not available\r\n")


def imap(plain):
    plain.sendall(b"* OK IMAP4rev1\r\n")
    tag, command = line(plain).split()
    if command == b"CAPABILITY":
        plain.sendall(b"* CAPABILITY IMAP4rev1 STARTTLS\r\n" + tag + b" OK\r\n")
        tag, command = line(plain).split()
    assert command == b"STARTTLS"
    plain.sendall(b"* OK by the way\r\n" + tag + (b" OK go ahead\r\n" if has_tls else b" NO not here\r\n"))


def ldap(plain):
    # In an LDAPMessage of less than 128 octets, the messageID is in the third to fifth octet.
    request = exactly(plain, exactly(plain, 2)[1])
    assert b"1.3.6.1.4.1.1466.20037" in request
    result = 0 if has_tls else 2
    plain.sendall(b"\x30\x0c" + request[:3] + b"\x78\x07\x0a\x01" + bytes([result]) + b"\x04\x00\x04\x00")


def postgres(plain):
    assert exactly(plain, 8) == bytes([0, 0, 0, 8, 4, 210, 22, 47])
    plain.sendall(b"S" if has_tls else b"N")


def tls(_):
    """TLS from the beginning; ignores HOW."""


def mysql(plain):
    if not has_tls:
        refusal = b"\xff\x10\x04Too many connections"
        plain.sendall(len(refusal).to_bytes(3, "little") + b"\0" + refusal)
        return
    capabilities = (0x00088A00 | 0x2).to_bytes(4, "little")
    greeting = b"\x0a8.0.36\0" + b"\1\0\0\0" + b"12345678\0" + capabilities[:2] + b"\x21\2\0" + capabilities[2:]
    greeting += b"\x15" + bytes(10) + b"123456789012\0" + b"mysql_native_password\0"
    plain.sendall(len(greeting).to_bytes(3, "little") + b"\0" + greeting)
    header = exactly(plain, 4)
    request = exactly(plain, int.from_bytes(header[:3], "little"))
    assert len(request) == 32 and request[1] & 0x08, "CLIENT_SSL"


def serve(plain):
    with plain:
        globals()[protocol](plain)
        if has_tls:
            with context.wrap_socket(plain, server_side=True) as tls:
                tls.recv(1)


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
listener = socket.create_server(("127.0.0.1", 0))
print("ACCEPT 127.0.0.1:%d" % listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
