// Queries a server with Node: CA PORT [CERTIFICATE KEY]. Prints the response.
import fs from "node:fs";
import https from "node:https";

const [ca, port, cert, key] = process.argv.slice(2);
const read = (file) => file && fs.readFileSync(file);
https
  .get({ host: "localhost", port, family: 4, ca: read(ca), cert: read(cert), key: read(key) }, (answer) =>
    answer.pipe(process.stdout),
  )
  .on("error", (error) => {
    console.log(error.code, error.message);
    process.exitCode = 1;
  });
