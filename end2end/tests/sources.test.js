// Data from elsewhere, in the browser: a file of the server, a table of a SQLite file, fetched again, and what is refused.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { apiClient, startServer } from "../support/server.js";
import { axe, hydrated, openPage, screenshot, signIn, startBrowser } from "../support/browser.js";

let server, browser, api, inbox;

before(async () => {
  inbox = await mkdtemp(join(tmpdir(), "trainyard-inbox-"));
  server = await startServer({ env: { TRAINYARD_SOURCE_ROOTS: inbox } });
  browser = await startBrowser();
  api = await apiClient(server.url);
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await rm(inbox, { recursive: true, force: true });
});

test("a file of the server becomes a data set and is fetched again", async () => {
  const file = join(inbox, "prices.csv");
  await writeFile(file, "place,price\nBern,2.5\nGenf,4\n");
  const page = await openPage(browser);
  await signIn(page, server.url);
  await page.goto(`${server.url}/p/default/data/upload`);
  await hydrated(page);
  // What is outside the folders that were named is refused, and can be corrected.
  await page.getByLabel("Path").fill("/etc/passwd");
  await page.getByRole("button", { name: "Fetch" }).click();
  await page.getByText("not below one of the server's source folders", { exact: false }).waitFor();
  await screenshot(page, "fetch-failed-light-1440");
  await page.getByRole("button", { name: "Choose another source" }).click();
  assert.equal(await page.getByLabel("Path").inputValue(), "/etc/passwd");
  await page.getByLabel("Path").fill(file);
  await page.getByRole("button", { name: "Fetch" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Prices");
  await page.getByRole("button", { name: "Create data set" }).click();
  await page.getByRole("heading", { name: "Prices" }).waitFor();
  await writeFile(file, "place,price\nChur,3\n");
  await page.getByRole("link", { name: "Versions" }).click();
  await page.getByText(`Fetched from file ${file}`).waitFor();
  await page.getByRole("button", { name: "Fetch again, append" }).click();
  await page.getByRole("link", { name: "Open the version" }).click();
  await page.getByText("Version 2: 3 rows", { exact: false }).waitFor();
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("a connection is made, tested, and a table fetched through it", async () => {
  const file = join(inbox, "shop.db");
  const statements = "CREATE TABLE orders (id INTEGER, price REAL); INSERT INTO orders VALUES (1, 2.5), (2, NULL), (3, 4.0);";
  execFileSync("python3", ["-c", "import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(sys.argv[2])", file, statements]);
  const page = await openPage(browser);
  await signIn(page, server.url);
  await page.goto(`${server.url}/p/default/data`);
  await hydrated(page);
  await page.getByRole("link", { name: "Connections" }).click();
  await page.getByRole("button", { name: "New connection" }).click();
  await page.getByLabel("Name").fill("Shop");
  await page.getByRole("button", { name: "Keep connection" }).click();
  await page.getByText("This has to be filled in.").first().waitFor();
  assert.deepEqual(await axe(page), []);
  await screenshot(page, "connection-form-light-1440");
  await page.getByLabel("Kind").selectOption("sqlite");
  await page.getByLabel("Path").fill(file);
  await page.getByRole("button", { name: "Keep connection" }).click();
  await page.getByRole("button", { name: "Test" }).click();
  await page.locator(".note", { hasText: "orders" }).waitFor();
  assert.deepEqual(await axe(page), []);
  await screenshot(page, "connections-light-1440");
  await page.goto(`${server.url}/p/default/data/upload`);
  await hydrated(page);
  await page.getByLabel("From").selectOption({ label: `Shop (${file})` });
  await page.getByRole("button", { name: "Show what is there" }).click();
  await page.getByRole("button", { name: "orders" }).click();
  assert.equal(await page.getByLabel("Table", { exact: true }).inputValue(), "orders");
  assert.deepEqual(await axe(page), []);
  await screenshot(page, "fetch-form-light-1440");
  await page.getByRole("button", { name: "Fetch" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Orders");
  await page.getByRole("button", { name: "Create data set" }).click();
  await page.getByText("Version 1: 3 rows", { exact: false }).waitFor();
  await page.goto(`${server.url}/p/default/data/connections`);
  await hydrated(page);
  await page.getByRole("button", { name: "Remove" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await page.getByText("No connections yet").waitFor();
  assert.deepEqual(page.faults, []);
  assert.equal((await api("/projects/default/datasets")).items.length, 2);
  await page.context().close();
});
