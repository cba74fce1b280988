// One TLS request with a library for Node: LIBRARY URL [MODULES]. Prints the whole error.
const { createRequire } = require("node:module");

const [library, url, modules] = process.argv.slice(2);
const from = (name) => createRequire(`${modules}/`)(name);
const socketIo = (transport) =>
  new Promise((_, reject) => from("socket.io-client").io(url, { transports: [transport] }).on("connect_error", reject));
const ask = {
  fetch: () => fetch(url),
  axios: () => from("axios").get(url),
  "node-fetch": () => from("node-fetch")(url),
  undici: () => from("undici").request(url),
  playwright: async () => (await from("playwright-core").request.newContext()).get(url),
  http2: () =>
    new Promise((_, reject) => {
      const session = require("node:http2").connect(url);
      session.on("error", () => {});
      session.request().on("error", reject);
    }),
  grpc: () =>
    new Promise((_, reject) => {
      const { Client, credentials } = from("@grpc/grpc-js");
      const client = new Client(new URL(url).host, credentials.createSsl());
      const [as_is, deadline] = [(bytes) => bytes, Date.now() + 20000];
      client.makeUnaryRequest("/greeter/greet", as_is, as_is, Buffer.alloc(0), { deadline }, reject);
    }),
  polling: () => socketIo("polling"),
  websocket: () => socketIo("websocket"),
  ws: () =>
    new Promise((_, reject) => {
      const socket = new (from("ws"))(url.replace("https", "wss"));
      socket.on("error", reject);
    }),
};
const failed = (error) => {
  for (let cause = error; cause; cause = cause.cause) console.log(String(cause), cause.code ?? "");
  process.exit(1);
};
ask[library]().then(() => process.exit(), failed);
