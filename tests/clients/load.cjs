// Loads a certificate and its key into a server: CERTIFICATE KEY.
const { readFileSync } = require("node:fs");

const [cert, key] = process.argv.slice(2);
const server = require("node:https").createServer({ cert: readFileSync(cert), key: readFileSync(key) });
// Bun loads them only when it listens.
server.listen(0, () => process.exit());
