// One TLS request from a worker in miniflare, as run by `wrangler dev`: MODULES CA-FILE PORT NAME; with "-" as CA-FILE,
// miniflare decides, which passes the file in NODE_EXTRA_CA_CERTS on to workerd.
import { createRequire } from "node:module";

const [modules, ca, port, name] = process.argv.slice(2);
if (ca !== "-") process.env.NODE_EXTRA_CA_CERTS = ca;
const { Miniflare } = createRequire(`${modules}/`)("miniflare");
const miniflare = new Miniflare({
  modules: true,
  compatibilityDate: "2026-01-01",
  script: `export default {
    fetch: async () => new Response(await (await fetch("https://${name}:${port}/")).text()),
  }`,
});
try {
  const answer = await miniflare.dispatchFetch("http://worker.test/");
  console.log(answer.ok ? "accepted:" : "refused:", await answer.text());
  process.exitCode = answer.ok ? 0 : 1;
} catch (error) {
  console.log("refused:", error.message);
  process.exitCode = 1;
} finally {
  await miniflare.dispose();
}
