// One TLS request from a worker in miniflare, as run by `wrangler dev`: MODULES CA-FILE PORT NAME; with "-" as CA-FILE,
// miniflare decides, which passes the file in NODE_EXTRA_CA_CERTS on to workerd.
import { createRequire } from "node:module";

const [modules, ca, port, name] = process.argv.slice(2);
if (ca !== "-") process.env.NODE_EXTRA_CA_CERTS = ca;
const { Miniflare } = createRequire(`${modules}/`)("miniflare");
// workerd logs why it refuses, at about the time of its answer.
let hears;
const reason = new Promise((resolve) => (hears = resolve));
const miniflare = new Miniflare({
  handleRuntimeStdio: (stdout, stderr) => {
    stdout.resume();
    stderr.on("data", (chunk) => {
      console.log(String(chunk));
      if (String(chunk).includes("certificate")) hears();
    });
  },
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
  if (!answer.ok) await Promise.race([reason, new Promise((resolve) => setTimeout(resolve, 20000).unref())]);
} catch (error) {
  console.log("refused:", error.message);
  process.exitCode = 1;
} finally {
  await miniflare.dispose();
}
