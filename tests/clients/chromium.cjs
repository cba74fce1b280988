// Loads pages with Chromium, through $PROXY if that is set: MODULES URL... Prints a line for each: the error, and the text of the
// page that is shown instead.
const { createRequire } = require("node:module");

const [modules, ...urls] = process.argv.slice(2);
const { chromium } = createRequire(`${modules}/`)("playwright-core");

const load = async (browser, url) => {
  const page = await browser.newPage();
  const failed = await page.goto(url, { timeout: 60000 }).then(() => null, String);
  // The page about an error comes after the error.
  const is_shown = () => document.body?.textContent.includes("ERR_");
  if (failed) await page.waitForFunction(is_shown, { timeout: 5000 }).catch(() => {});
  const text = await page.evaluate(() => document.body.textContent);
  return (failed ? `refused: ${failed} ${text}` : `accepted: ${text}`).replace(/\s+/g, " ");
};

(async () => {
  const proxy = process.env.PROXY ? { server: process.env.PROXY } : undefined;
  const args = ["--no-sandbox", "--disable-quic"];
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args, proxy });
  const lines = await Promise.all(urls.map((url) => load(browser, url)));
  lines.forEach((line) => console.log(line));
  await browser.close();
})();
