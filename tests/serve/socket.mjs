// Node's own WebSocket client: URL. Sends texts and bytes of several sizes, which must be echoed unchanged.
const socket = new WebSocket(process.argv[2]);
socket.binaryType = "arraybuffer";
const sent = ["hello", "é".repeat(70), "x".repeat(70_000), new Uint8Array(300_000).fill(5)];
let at = 0;
const fail = (why) => {
  console.log("failed:", why);
  process.exit(1);
};
const next = () => (at < sent.length ? socket.send(sent[at]) : socket.close(1000));
socket.onopen = next;
socket.onerror = (event) => fail(event.message ?? event.error ?? "no connection");
socket.onmessage = ({ data }) => {
  const came = typeof data === "string" ? data : new Uint8Array(data);
  if (came.length !== sent[at].length || !came.toString().startsWith(sent[at].toString().slice(0, 50))) fail(at);
  at += 1;
  next();
};
socket.onclose = ({ code }) => (code === 1000 && at === sent.length ? console.log("all echoed") : fail(code));
