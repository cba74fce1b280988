# One gRPC call: CA-FILE NAME CHAIN KEY [CLIENT-CA CERTIFICATE KEY]; with "-" as CA-FILE, gRPC uses its default roots.
# The server, with the chain and the key, is in the same process, because gRPC only talks to gRPC. With a client CA, it
# requires a certificate and greets its owner by name.
import os
import sys

os.environ["GRPC_VERBOSITY"] = "INFO"  # why a handshake failed is in the log only
import grpc  # noqa: E402
from concurrent import futures  # noqa: E402


def read(path):
    with open(path, "rb") as file:
        return file.read()


def greet(_, context):
    names = context.auth_context().get("x509_common_name", [b"stranger"])
    return b"Hello, " + names[0]


class Greeter(grpc.GenericRpcHandler):
    def service(self, _):
        return grpc.unary_unary_rpc_method_handler(greet)


ca, name, chain, key, *mutual = sys.argv[1:]
client_ca, *identity = map(read, mutual or [os.devnull])
server = grpc.server(futures.ThreadPoolExecutor(1), handlers=[Greeter()])
served = grpc.ssl_server_credentials([(read(key), read(chain))], client_ca or None, bool(mutual))
port = server.add_secure_port("127.0.0.1:0", served)
server.start()
own = dict(zip(("certificate_chain", "private_key"), identity))
options = [("grpc.ssl_target_name_override", name), ("grpc.enable_http_proxy", 0), ("grpc.enable_retries", 0)]
credentials = grpc.ssl_channel_credentials(None if ca == "-" else read(ca), **own)
with grpc.secure_channel(f"127.0.0.1:{port}", credentials, options) as channel:
    try:
        print("accepted:", channel.unary_unary("/greeter/greet")(b"", timeout=20).decode())
    except grpc.RpcError as error:
        print("refused:", error.details())
        sys.exit(1)
