// The cases of the Autobahn test suite (which needs Python 2), with the `ws` package on both sides of the proxy.
//   websocket.mjs server | client PORT CA
import fs from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import tls from "node:tls";
import { createRequire } from "node:module";
import assert from "node:assert/strict";
import { once } from "node:events";
import { randomBytes } from "node:crypto";

const { WebSocket, WebSocketServer } = createRequire(new URL("../../target/tools/", import.meta.url))("ws");
const MOST = 64 << 20;
const [kind, port, caFile] = process.argv.slice(2);
const VALID = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999];
const INVALID = [0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535];

// The server: it echoes messages; the path says what else it does.
function serve() {
  let ended = "";
  const server = http.createServer((request, response) => response.end(ended));
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MOST, perMessageDeflate: true });
  server.on("upgrade", (request, socket, head) => {
    if (request.url === "/refuse") {
      const head = "HTTP/1.1 401 Unauthorized\r\nX-Why: tired\r\nContent-Length: 8\r\nConnection: close\r\n\r\n";
      return socket.end(`${head}not now\n`);
    }
    if (request.url === "/raw") {
      socket.allowHalfOpen = true;
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: own\r\n\r\nfirst,");
      socket.on("data", (chunk) => socket.write(chunk));
      return socket.on("end", () => setTimeout(() => socket.end(",last"), 100));
    }
    sockets.handleUpgrade(request, socket, head, (ws) => {
      ws.on("error", () => {});
      ws.on("close", (code) => (ended = `${request.url} ${code}`));
      ws.on("message", (data, isBinary) => ws.send(data, { binary: isBinary }));
      if (request.url === "/greet") ws.send("at once");
      if (request.url === "/drop") socket.destroy();
      const code = /^\/close\/(\d+)$/.exec(request.url)?.[1];
      if (code) ws.close(Number(code), "bye");
    });
  });
  server.listen(0, "127.0.0.1", () => console.log(`ACCEPT 127.0.0.1:${server.address().port}`));
}

const ca = caFile && fs.readFileSync(caFile);
const place = { port: Number(port), host: "localhost", servername: "localhost", ca };

async function open(path = "/", options = {}) {
  const ws = new WebSocket(`wss://localhost:${port}${path}`, { ca, perMessageDeflate: false, maxPayload: MOST, ...options });
  ws.on("error", () => {});
  ws.messages = [];
  ws.on("message", (data, isBinary) => ws.messages.push(isBinary ? data : data.toString()));
  ws.closed = new Promise((resolve) => ws.on("close", (code, reason) => resolve([code, reason.toString()])));
  await Promise.race([once(ws, "open"), ws.closed.then(() => Promise.reject(new Error(`${path} does not open`)))]);
  return ws;
}

async function echoes(ws, sent) {
  const [data, isBinary] = await once(ws, "message");
  assert(Buffer.from(sent).equals(data) && isBinary === (typeof sent !== "string"), `${data.length} bytes came back`);
}

async function closes(ws, code, reason) {
  const [seen, why] = await ws.closed;
  assert.equal(seen, code);
  if (reason !== undefined) assert.equal(why, reason);
}

// A frame as a client writes it, with a mask of zeros; `first` is the byte with FIN, the reserved bits and the opcode.
function frame(first, payload = "", isMasked = true) {
  const body = Buffer.from(payload);
  assert(body.length < 65536);
  const length = body.length < 126 ? [body.length] : [126, body.length >> 8, body.length & 255];
  if (isMasked) length[0] |= 128;
  return Buffer.concat([Buffer.from([first, ...length]), Buffer.alloc(isMasked ? 4 : 0), body]);
}

// Sends these bytes past the client's checks; the server must close with this code.
async function breaks(code, ...frames) {
  const ws = await open();
  ws._socket.write(Buffer.concat(frames));
  await closes(ws, code);
}

function handshake(path, more = "") {
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
    `Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${more}\r\n`;
}

const cases = {
  async "messages of every size"() {
    const ws = await open();
    for (const size of [0, 1, 125, 126, 127, 128, 65535, 65536, 65537, 1 << 20, 16 << 20]) {
      for (const sent of ["x".repeat(size), randomBytes(size)]) {
        ws.send(sent);
        await echoes(ws, sent);
      }
    }
    ws.close();
  },
  async "fragments, also within a letter"() {
    const ws = await open();
    const text = Buffer.from("κόσμε".repeat(200));
    for (const size of [1, 7, 1000]) {
      for (let at = 0; at < text.length; at += size) {
        ws.send(text.subarray(at, at + size), { binary: false, fin: at + size >= text.length });
      }
      await echoes(ws, text.toString());
    }
    ws.close();
  },
  async "pings between fragments"() {
    const ws = await open();
    ws.send("one ", { fin: false });
    for (const body of [Buffer.alloc(0), randomBytes(125)]) {
      ws.ping(body);
      const [pong] = await once(ws, "pong");
      assert(pong.equals(body) && ws.messages.length === 0);
    }
    ws.pong("nobody asked");
    ws.send("message", { fin: true });
    await echoes(ws, "one message");
    ws.close();
  },
  async "close codes from the client"() {
    for (const code of VALID) {
      const ws = await open();
      ws.close(code, "é");
      await closes(ws, code);
    }
    const ws = await open();
    ws.close();
    await closes(ws, 1005);
  },
  async "close codes from the server"() {
    for (const code of VALID) await closes(await open(`/close/${code}`), code, "bye");
  },
  async "invalid close codes"() {
    for (const code of INVALID) await breaks(1002, frame(0x88, [code >> 8, code & 255]));
    await breaks(1002, frame(0x88, [3]));
    await breaks(1007, frame(0x88, [0x03, 0xe8, 0xc3, 0x28]));
  },
  async "invalid UTF-8"() {
    for (const bytes of [[0xc3, 0x28], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xce]]) {
      await breaks(1007, frame(0x81, bytes));
      await breaks(1007, frame(0x01, "abc"), frame(0x00, bytes.slice(0, 1)), frame(0x80, bytes.slice(1)));
    }
  },
  async "reserved bits and opcodes"() {
    for (const bit of [0x40, 0x20, 0x10]) await breaks(1002, frame(0x81 | bit, "x"));
    for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) await breaks(1002, frame(0x80 | opcode, "x"));
  },
  async "frames that are not allowed"() {
    await breaks(1002, frame(0x81, "x", false));
    await breaks(1002, frame(0x09, "x"));
    await breaks(1002, frame(0x89, "x".repeat(126)));
    await breaks(1002, frame(0x80, "x"));
    await breaks(1002, frame(0x01, "x"), frame(0x81, "y"));
  },
  async "ten thousand small messages"() {
    const ws = await open();
    const all = Array.from({ length: 10_000 }, (_, at) => `message ${at}`);
    for (const text of all) ws.send(text);
    ws.send("end");
    while (ws.messages.at(-1) !== "end") await once(ws, "message");
    assert.deepEqual(ws.messages, [...all, "end"]);
    ws.close();
  },
  async "compressed messages"() {
    const ws = await open("/", { perMessageDeflate: { threshold: 0 } });
    assert.match(ws.extensions, /permessage-deflate/);
    for (const sent of ["x".repeat(16 << 20), randomBytes(1 << 20), "x".repeat(1000), "y", ""]) {
      ws.send(sent);
      await echoes(ws, sent);
    }
    ws.close(1000);
    await closes(ws, 1000);
  },
  async "what comes right behind the handshake"() {
    const greeted = await open("/greet");
    if (greeted.messages.length === 0) await once(greeted, "message");
    assert.deepEqual(greeted.messages, ["at once"]);
    greeted.close();
    const socket = tls.connect(place);
    socket.write(Buffer.concat([Buffer.from(handshake("/")), frame(0x81, "early"), frame(0x88, [3, 232])]));
    const chunks = await socket.toArray();
    const answer = Buffer.concat(chunks).toString("latin1");
    assert.match(answer, /^HTTP\/1\.1 101 [^]*\r\n\r\n\x81\x05early\x88\x02\x03\xe8$/);
  },
  async "one direction that ends before the other"() {
    const socket = tls.connect({ ...place, allowHalfOpen: true });
    socket.end(handshake("/raw").replace("websocket", "own") + "second");
    const answer = Buffer.concat(await socket.toArray()).toString();
    assert(answer.endsWith("\r\n\r\nfirst,second,last"), answer);
  },
  async "an upgrade that is refused"() {
    const ws = new WebSocket(`wss://localhost:${port}/refuse`, { ca });
    ws.on("error", () => {});
    const [, response] = await once(ws, "unexpected-response");
    assert.deepEqual([response.statusCode, response.headers["x-why"]], [401, "tired"]);
    assert.equal(Buffer.concat(await response.toArray()).toString(), "not now\n");
  },
  async "sides that disappear"() {
    await closes(await open("/drop"), 1006);
    const ws = await open("/gone");
    ws._socket.destroy();
    for (;;) {
      const ended = await (await fetch(`https://localhost:${port}/`)).text();
      if (ended === "/gone 1006") break;
    }
  },
  // RFC 8441: browsers do this on a connection that they already have.
  async "WebSocket over HTTP/2"() {
    const session = http2.connect(`https://localhost:${port}`, { ca });
    const [settings] = await once(session, "remoteSettings");
    assert.equal(settings.enableConnectProtocol, true);
    const connect = async (path, protocol = "websocket") => {
      const fields = { ":scheme": "https", ":path": path, ":protocol": protocol, "sec-websocket-version": "13" };
      const stream = session.request({ ":method": "CONNECT", ":authority": `localhost:${port}`, ...fields });
      const [head] = await once(stream, "response");
      return [stream, head];
    };
    const [stream, head] = await connect("/");
    assert.equal(head[":status"], 200);
    assert(!("sec-websocket-accept" in head || "upgrade" in head), Object.keys(head).join());
    const large = "x".repeat(60_000);
    for (const text of ["hello", large]) {
      stream.write(frame(0x81, text));
      const wanted = frame(0x81, text, false);
      let echoed = Buffer.alloc(0);
      while (echoed.length < wanted.length) echoed = Buffer.concat([echoed, (await once(stream, "data"))[0]]);
      assert(echoed.equals(wanted), `${echoed.length} bytes came back`);
    }
    stream.end(frame(0x88, Buffer.from([3, 232])));
    const [closing] = await once(stream, "data");
    assert.deepEqual([...closing.subarray(0, 4)], [0x88, 2, 3, 232]);
    await once(stream, "end");
    assert.equal((await connect("/refuse"))[1][":status"], 401);
    assert.equal((await connect("/", "connect-udp"))[1][":status"], 405);
    session.close();
  },
};

if (kind === "server") {
  serve();
} else {
  for (const [name, run] of Object.entries(cases)) {
    await run().catch((error) => {
      console.log(`failed: ${name}: ${error.stack}`);
      process.exit(1);
    });
    console.log(`passed: ${name}`);
  }
  console.log("all passed");
  process.exit(0);
}
