// A handshake between a server and a client, both Node's: MODE CERTIFICATE KEY ROOT. Prints what the server says of it. MODE is
// what the client does wrong: "anonymous" sends no certificate, "plain" speaks HTTP.
const { readFileSync } = require("node:fs");
const tls = require("node:tls");
const net = require("node:net");

const [mode, cert, key, root] = process.argv.slice(2);
const [ca, pair] = [readFileSync(root), { cert: readFileSync(cert), key: readFileSync(key) }];
const server = tls.createServer({ ...pair, ca, requestCert: true, rejectUnauthorized: true });
server.on("tlsClientError", (error) => {
  console.log(String(error), error.code);
  process.exit();
});
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address();
  const socket =
    mode === "plain"
      ? net.connect(port, "127.0.0.1", () => socket.write("GET / HTTP/1.0\r\n\r\n"))
      : tls.connect({
          host: "127.0.0.1",
          port,
          servername: "localhost",
          maxVersion: "TLSv1.2",
          ca,
        });
  socket.on("error", () => {});
});
