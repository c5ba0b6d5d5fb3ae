// Chromium, driven by Playwright, with what each page must keep to.
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { ADMIN } from "./server.js";

const require = createRequire(import.meta.url);

export async function startBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--force-color-profile=srgb",
    ],
  });
}

/** A fresh page that fails the test on any script error or refused resource. */
export async function openPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(`script error: ${error.message}`));
  page.on("console", (message) => {
    // A refused request is the test's own doing where it asks for a wrong password or an unknown page.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) page.faults.push(message.text());
  });
  page.setDefaultTimeout(20_000);
  return page;
}

/** Waits until the page's scripts have taken over from the server's HTML. */
export async function hydrated(page) {
  await page.waitForFunction(() => document.documentElement.dataset.ready === "true" || document.body.dataset.ready === "true");
}

export async function signIn(page, url, account = ADMIN) {
  await page.goto(`${url}/sign-in`);
  await hydrated(page);
  await page.getByLabel("Name").fill(account.name);
  await page.getByLabel("Password").fill(account.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL((address) => !address.pathname.startsWith("/sign-in"));
}

/** Violations that axe finds, in words. */
export async function axe(page) {
  const source = await readFile(require.resolve("axe-core/axe.min.js"), "utf8");
  // The page's own policy forbids foreign scripts, so axe is evaluated by the debugger and not inserted as a tag.
  await page.evaluate(source);
  const result = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return result.violations.map((v) => `${v.id}: ${v.help} (${v.nodes.map((n) => n.target.join(" ")).slice(0, 3).join("; ")})`);
}

export async function screenshot(page, name) {
  const folder = process.env.TRAINYARD_SHOTS;
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}
