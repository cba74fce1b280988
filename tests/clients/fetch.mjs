// One TLS request with the fetch of Bun or Deno: CA-FILE PORT NAME; with "-" as CA-FILE, the runtime uses its default roots.
const [ca, port, name] = process.argv.slice(2);
let trust = {};
if (ca !== "-") {
  trust = globalThis.Deno
    ? { client: Deno.createHttpClient({ caCerts: [Deno.readTextFileSync(ca)] }) }
    : { tls: { ca: Bun.file(ca) } };
}
try {
  const answer = await fetch(`https://${name}:${port}/`, trust);
  console.log("accepted:", await answer.text());
} catch (error) {
  console.log("refused:", error.code, error.message, error.cause?.message);
  process.exitCode = 1;
}
