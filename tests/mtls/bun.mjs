// Mutual TLS with Bun.serve: CERTIFICATE KEY CLIENT-CA. Prints its port, then greets every client that TLS accepts.
const [cert, key, ca] = process.argv.slice(2).map((file) => Bun.file(file));
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  tls: { cert, key, ca, requestCert: true, rejectUnauthorized: true },
  fetch: () => new Response("Hello, whoever you are\n"),
});
console.log(`ACCEPT 127.0.0.1:${server.port}`);
