// Mutual TLS as Node's documentation shows it: CERTIFICATE KEY CLIENT-CA CRL. Says its port, then greets by name.
import fs from "node:fs";
import https from "node:https";

const [cert, key, ca, crl] = process.argv.slice(2).map((file) => fs.readFileSync(file));
const options = { cert, key, ca, crl, requestCert: true, rejectUnauthorized: true };
const server = https.createServer(options, (request, answer) => {
  answer.end(`Hello, ${request.socket.getPeerCertificate().subject.CN}\n`);
});
server.listen(0, "127.0.0.1", () => console.log(`ACCEPT 127.0.0.1:${server.address().port}`));
