// One question over TLS by the own fetch of Bun or Deno: CA-FILE PORT NAME; "-" as the file leaves trust to the runtime.
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
