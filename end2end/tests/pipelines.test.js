// A pipeline from its first word to an approved run, in the browser, with the worker's own process.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { apiClient, startServer } from "../support/server.js";
import { hydrated, openPage, signIn, startBrowser } from "../support/browser.js";

let server, browser, api;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  api = await apiClient(server.url);
  const page = await openPage(browser);
  await signIn(page, server.url);
  await page.goto(server.url);
  const made = await page.evaluate(async () => {
    let csv = "id,age,city,bought\n";
    for (let i = 0; i < 400; i++) csv += `${i},${20 + (i * 13) % 50},${["Oslo", "Turin"][i % 2]},${(i * 13) % 50 > 25 ? "yes" : "no"}\n`;
    const sent = await fetch("/api/v1/projects/default/uploads?name=people.csv", { method: "POST", body: csv });
    const { id } = await sent.json();
    const headers = { "content-type": "application/json" };
    return (await fetch(`/api/v1/projects/default/uploads/${id}/commit`, { method: "POST", headers, body: JSON.stringify({ name: "People" }) })).status;
  });
  assert.equal(made, 201);
  await page.context().close();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const DOCUMENT = `name: people
steps:
  - {id: table, type: source, dataset: People}
  - {id: parts, type: split, input: table, target: bought}
  - {id: train, type: train, input: parts, target: bought, drop: [id], family: linear}
  - {id: ok, type: approval, after: [train], message: Is it fine?}
  - {id: register, type: register, input: [train.model, train.result], after: [ok], model: people-buy}
`;

test("a pipeline is written, previewed, run, approved, and leaves a model", async () => {
  const page = await openPage(browser);
  await signIn(page, server.url);
  await page.goto(`${server.url}/p/default/pipelines`);
  await hydrated(page);
  await page.getByRole("link", { name: "New pipeline" }).click();
  await page.locator("#pipeline-yaml").fill(DOCUMENT.replace("type: split", "type: halve"));
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Line 4: Step 'parts': there is no type 'halve'", { exact: false }).first().waitFor();
  await page.locator("#pipeline-yaml").fill(DOCUMENT);
  await page.locator("#pipeline-step").fill("parts");
  await page.getByRole("button", { name: "Show its first rows" }).click();
  await page.getByText("400 rows from the first 2000 rows", { exact: false }).waitFor();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("button", { name: "Run now" }).click();
  await page.getByRole("button", { name: "Approve" }).click({ timeout: 90_000 });
  await page.locator(".page-head .badge", { hasText: "Done" }).waitFor({ timeout: 60_000 });
  assert.deepEqual(page.faults, []);
  const model = (await api("/projects/default/models")).items[0];
  assert.equal(model.name, "people-buy");
  // The rows that it learnt from are a version of their own.
  const sets = (await api("/projects/default/datasets")).items.map((set) => set.name);
  assert.deepEqual(sets.sort(), ["People", "people-train"]);
  await page.context().close();
});
