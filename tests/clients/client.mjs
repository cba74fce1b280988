// One TLS request with Node: CA-FILE PORT NAME [CERTIFICATE KEY]; with "-" as CA-FILE, the environment decides.
import fs from "node:fs";
import https from "node:https";
import net from "node:net";

const [ca, port, name, cert, key] = process.argv.slice(2);
const options = { host: "127.0.0.1", port, headers: { host: name } };
// An address is not a server name (RFC 6066 §3). Bun and Deno refuse one.
if (!net.isIP(name)) options.servername = name;
if (ca !== "-") options.ca = fs.readFileSync(ca);
if (cert) [options.cert, options.key] = [fs.readFileSync(cert), fs.readFileSync(key)];
https
  .get(options, (answer) => {
    answer.resume();
    answer.on("end", () => console.log("accepted"));
  })
  .on("error", (error) => {
    console.log("refused:", error.code, error.message);
    process.exitCode = 1;
  });
