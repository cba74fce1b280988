# Queries a server with Python: CA PORT [CERTIFICATE KEY]. Prints the response.
import ssl
import sys
import urllib.request

ca, port, *identity = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
if identity:
    context.load_cert_chain(*identity)
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
print(opener.open("https://localhost:%s/" % port, timeout=20).read().decode())
