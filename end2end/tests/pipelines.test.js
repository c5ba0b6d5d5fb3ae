// A pipeline from its first word to an approved run, in the browser, with the worker's own process.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { apiClient, startServer } from "../support/server.js";
import { axe, hydrated, openPage, screenshot, signIn, startBrowser } from "../support/browser.js";

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

  // What really happened, from both ends: table, run, its rows, the training, the model, its address.
  const { run } = model.latest;
  const people = (await api("/projects/default/datasets?q=People")).items.find((set) => set.name === "People");
  const ways = { [`models/${model.name}?tab=lineage`]: "model", [`data/${people.id}?tab=lineage`]: "dataset" };
  for (const [path, name] of Object.entries(ways)) {
    await page.goto(`${server.url}/p/default/${path}`);
    await hydrated(page);
    const drawing = page.getByRole("region", { name: "Lineage" });
    for (const title of ["People v1", "people #1", "people-train v1", "people-buy v1", "/v2/models/people-buy/infer"]) {
      await drawing.getByText(title, { exact: true }).first().waitFor();
    }
    assert.equal(await drawing.locator(`a[href="/p/default/runs/${run}"]`).count(), 1);
    assert.deepEqual(await axe(page), []);
    await screenshot(page, `lineage-${name}-light-1440`);
  }
  await page.getByRole("region", { name: "Lineage" }).getByText("/v2/models/people-buy/infer", { exact: true }).click();
  await page.getByRole("tab", { name: "API" }).or(page.getByRole("link", { name: "API", exact: true })).first().waitFor();
  assert.equal(new URL(page.url()).search, "?tab=api");
  assert.deepEqual(page.faults, []);
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
