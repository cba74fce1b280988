# gRPC calls of every kind: "serve" runs the server without TLS and prints ACCEPT; "call" ROOT PORT calls it by a proxy.
import os
import sys
from concurrent import futures

os.environ["GRPC_VERBOSITY"] = "ERROR"
import grpc  # noqa: E402


class Echo(grpc.GenericRpcHandler):
    def service(self, call):
        def stream(requests, context):
            context.set_trailing_metadata((("x-last", "bye"),))
            for request in requests:
                yield request.upper()

        def refuse(request, context):
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not like this")

        if call.method == "/echo/refuse":
            return grpc.unary_unary_rpc_method_handler(refuse)
        return grpc.stream_stream_rpc_method_handler(stream)


def serve():
    server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[Echo()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"ACCEPT 127.0.0.1:{port}", flush=True)
    sys.stdin.read()


def call(root, port):
    with open(root, "rb") as file:
        credentials = grpc.ssl_channel_credentials(file.read())
    options = [("grpc.enable_http_proxy", 0), ("grpc.enable_retries", 0)]
    with grpc.secure_channel(f"localhost:{port}", credentials, options) as channel:
        answers = channel.stream_stream("/echo/stream")(iter([b"a", b"b" * 100_000]), timeout=20)
        assert [len(answer) for answer in answers] == [1, 100_000]
        assert dict(answers.trailing_metadata())["x-last"] == "bye"
        try:
            channel.unary_unary("/echo/refuse")(b"", timeout=20)
            raise AssertionError("it was not refused")
        except grpc.RpcError as error:
            assert (error.code(), error.details()) == (grpc.StatusCode.FAILED_PRECONDITION, "not like this"), error
    print("all answered")


serve() if sys.argv[1] == "serve" else call(*sys.argv[2:])
