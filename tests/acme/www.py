"""A web server for a folder, on a port; says when it listens."""

import functools
import http.server
import sys

folder, port = sys.argv[1], int(sys.argv[2])
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
print(f"ACCEPT 127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
