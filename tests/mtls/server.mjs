// Mutual TLS as Node's documentation shows it: CERTIFICATE KEY CLIENT-CA CRL. Prints its port, then greets clients by name.
import fs from "node:fs";
import https from "node:https";

const [cert, key, ca, lists] = process.argv.slice(2).map((file) => fs.readFileSync(file, "utf8"));
// Node reads only one revocation list from a file, but a sealed CA has two.
const crl = lists.match(/-----BEGIN X509 CRL-----[^]*?-----END X509 CRL-----\n/g);
const options = { cert, key, ca, crl, requestCert: true, rejectUnauthorized: true };
const server = https.createServer(options, (request, answer) => {
  answer.end(`Hello, ${request.socket.getPeerCertificate().subject.CN}\n`);
});
server.on("tlsClientError", (error) => console.error("tlsClientError", String(error), error.code));
server.listen(0, "127.0.0.1", () => console.log(`ACCEPT 127.0.0.1:${server.address().port}`));
