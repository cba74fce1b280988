// A server behind devca serve: HTTP/1.1 and WebSocket, HTTP/2 without TLS, HTTPS, or a Unix socket.
//   upstream.mjs http [PORT] | h2c | https CERTIFICATE KEY | unix PATH
import crypto from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";

const [kind, ...words] = process.argv.slice(2);
let release = () => {};
let pending = 0;

// Returns the request: the header fields as they were written, and the size and hash of the body.
function echo(request, response) {
  const hash = crypto.createHash("sha256");
  let size = 0;
  request.on("data", (chunk) => {
    size += chunk.length;
    hash.update(chunk);
  });
  request.on("end", () => {
    const { method, url, httpVersion, rawHeaders } = request;
    const fields = rawHeaders ?? Object.entries(request.headers).flat();
    response.setHeader("content-type", "application/json");
    response.setHeader("strict-transport-security", "max-age=31536000");
    response.end(JSON.stringify({ method, url, httpVersion, fields, size, hash: hash.digest("hex") }) + "\n");
  });
}

// Sends an event, and the next one when /release is requested.
function events(response) {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write("data: first\n\n");
  release = () => response.end("data: second\n\n");
}

// Sends as many megabytes as the path says, as fast as the client reads them.
function bytes(response, megabytes) {
  const block = Buffer.alloc(1 << 20, 7);
  const next = () => {
    while (megabytes > 0) {
      megabytes -= 1;
      if (!response.write(block)) return response.once("drain", next);
    }
    response.end();
  };
  next();
}

function answer(request, response) {
  const path = request.url.split("?")[0];
  if (path === "/events") return events(response);
  if (path === "/release") {
    release();
    return response.end();
  }
  if (path === "/trailers") {
    response.writeHead(200, { trailer: "x-checksum" });
    response.write("body");
    response.addTrailers({ "x-checksum": "42" });
    return response.end();
  }
  if (path === "/slow") {
    pending += 1;
    return setTimeout(() => response.end("slow\n"), Number(request.url.split("?")[1]) || 1500);
  }
  if (path === "/pending") return response.end(String(pending));
  if (path === "/close") return request.socket.destroy();
  if (path === "/reset") {
    response.writeHead(200, { "content-length": 100 });
    response.write("half");
    return setTimeout(() => request.socket.destroy(), 50);
  }
  if (path.startsWith("/bytes/")) return bytes(response, Number(path.slice(7)));
  echo(request, response);
}

// The part of RFC 6455 that an echo needs: each frame is returned unchanged, except for its mask.
function webSocket(request, socket) {
  if (request.headers.upgrade !== "websocket") {
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: ${request.headers.upgrade}\r\n\r\n`);
    return socket.pipe(socket);
  }
  const key = request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  const accept = crypto.createHash("sha1").update(key).digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  let waiting = Buffer.alloc(0);
  socket.on("error", () => {});
  socket.on("data", (chunk) => {
    waiting = Buffer.concat([waiting, chunk]);
    for (;;) {
      let [length, at] = [waiting[1] & 127, 2];
      if (waiting.length < 14 && waiting.length < 6 + length) return;
      if (length === 126) [length, at] = [waiting.readUInt16BE(2), 4];
      if (length === 127) [length, at] = [Number(waiting.readBigUInt64BE(2)), 10];
      if (waiting.length < at + 4 + length) return;
      const mask = waiting.subarray(at, at + 4);
      const body = Buffer.from(waiting.subarray(at + 4, at + 4 + length)).map((byte, n) => byte ^ mask[n & 3]);
      const head = Buffer.from(waiting.subarray(0, at));
      head[1] &= 127;
      socket.write(Buffer.concat([head, body]));
      if ((head[0] & 15) === 8) return socket.end();
      waiting = waiting.subarray(at + 4 + length);
    }
  });
}

const servers = {
  http: () => http.createServer(answer).on("upgrade", webSocket),
  h2c: () => http2.createServer(answer),
  https: () => https.createServer({ cert: fs.readFileSync(words[0]), key: fs.readFileSync(words[1]) }, answer),
  unix: () => http.createServer(answer).on("upgrade", webSocket),
};
const server = servers[kind]();
const place = kind === "unix" ? { path: words[0] } : { host: "127.0.0.1", port: kind === "http" ? Number(words[0] ?? 0) : 0 };
server.listen(place, () => console.log(`ACCEPT 127.0.0.1:${kind === "unix" ? 0 : server.address().port}`));
