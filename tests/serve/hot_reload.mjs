// A browser in which a module of a dev server is replaced: hot_reload.mjs URL FILE
// The page shows "first" in <main>; FILE, once it says "second", makes it show that, without loading the page again.
import fs from "node:fs";
import { createRequire } from "node:module";

const { chromium } = createRequire(new URL("../../target/tools/", import.meta.url))("playwright-core");
const [url, file] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage"] });
const page = await browser.newPage();
// Next compiles for a while on a busy machine.
page.setDefaultTimeout(180_000);
const sockets = [];
page.on("websocket", (socket) => sockets.push(socket));
const shows = (text) => page.waitForFunction((text) => document.querySelector("main")?.textContent === text, text);
await page.goto(url);
await shows("first");
// What the server sends first arrives when the client listens.
while (!sockets.length) await page.waitForEvent("websocket");
await page.evaluate(() => (window.isSame = true));
// A change can come before the server watches the file: it is made again until it has been seen.
const text = fs.readFileSync(file, "utf8").replace("first", "second");
for (let line = "\n", seen = false; !seen; line += "\n") {
  fs.writeFileSync(file, text + line);
  const shown = page.waitForFunction(() => document.querySelector("main")?.textContent === "second", null, { timeout: 10_000 });
  seen = await shown.then(() => true, () => line.length > 18);
}
await shows("second");
console.log(`updated over ${new URL(sockets[0].url()).protocol}, same page: ${await page.evaluate(() => window.isSame)}`);
await browser.close();
