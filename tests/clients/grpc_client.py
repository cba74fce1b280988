# One gRPC call with the C library: CA-FILE HOST:PORT. Prints why it failed.
import os
import sys

os.environ["GRPC_VERBOSITY"] = "INFO"  # why a handshake failed is in the log only
import grpc  # noqa: E402

with open(sys.argv[1], "rb") as file:
    credentials = grpc.ssl_channel_credentials(file.read())
options = [("grpc.enable_http_proxy", 0), ("grpc.enable_retries", 0)]
with grpc.secure_channel(sys.argv[2], credentials, options) as channel:
    try:
        channel.unary_unary("/greeter/greet")(b"", timeout=20)
    except grpc.RpcError as error:
        print(error.code(), error.details())
