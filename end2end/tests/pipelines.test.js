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
  await page.getByRole("link", { name: "Begin with nothing" }).click();
  await page.getByRole("button", { name: "YAML", exact: true }).click();
  await page.locator("#pipeline-yaml").fill(DOCUMENT.replace("type: split", "type: halve"));
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Line 4: Step 'parts': there is no type 'halve'", { exact: false }).first().waitFor();
  await page.locator("#pipeline-yaml").fill(DOCUMENT);
  await page.getByRole("button", { name: "Form", exact: true }).click();
  await page.locator(".step-list").getByRole("button", { name: "parts" }).click();
  await page.getByRole("button", { name: "Preview" }).click();
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

/** Adds a step by the list of kinds. */
async function add(page, title) {
  await page.getByRole("button", { name: "Add step" }).click();
  await page.getByRole("dialog").locator(".kind-button", { has: page.locator("strong", { hasText: new RegExp(`^${title}$`) }) }).click();
  await page.locator(".panel-head h2", { hasText: title }).waitFor();
}

/** Chooses a step in the list. */
const choose = (page, id) => page.locator(".step-list .step-button", { has: page.locator("code", { hasText: new RegExp(`^${id}$`) }) }).click();

const FORMS = [
  { name: "light-1440", colorScheme: "light", viewport: { width: 1440, height: 900 } },
  { name: "dark-1440", colorScheme: "dark", viewport: { width: 1440, height: 900 } },
  { name: "light-390", colorScheme: "light", viewport: { width: 390, height: 844 } },
  { name: "dark-390", colorScheme: "dark", viewport: { width: 390, height: 844 } },
];

/** Looks at an address in light and dark, wide and narrow. */
async function look(name, address) {
  for (const form of FORMS) {
    const page = await openPage(browser, form);
    await signIn(page, server.url);
    await page.goto(server.url + address);
    await hydrated(page);
    await screenshot(page, `${name}-${form.name}`);
    assert.deepEqual(await axe(page), [], `${name} ${form.name}`);
    const sideways = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(sideways <= 0, `${name} ${form.name} scrolls sideways by ${sideways}`);
    assert.deepEqual(page.faults, []);
    await page.context().close();
  }
}

test("a pipeline is built wholly by the form, seen as YAML, and run", async () => {
  const page = await openPage(browser);
  await signIn(page, server.url);
  await page.goto(`${server.url}/p/default/pipelines/new`);
  await hydrated(page);
  await page.getByRole("link", { name: "Begin with nothing" }).click();
  await page.locator("#head-name").fill("by-form");

  await add(page, "Source");
  await page.getByText("Say either 'file' or 'dataset'", { exact: false }).first().waitFor();
  await page.locator("#step-dataset").fill("People");
  await add(page, "Filter rows");
  await page.locator("#step-where").fill("age >=");
  await page.locator("#step-where-problem", { hasText: "Step 'filter'" }).waitFor();
  await page.locator("#step-where").fill("age >= 25");
  // Columns of what it takes are offered.
  await page.locator("#form-columns option[value=city]").waitFor({ state: "attached" });
  await page.locator("#step-id").fill("adults");

  await add(page, "Check");
  await page.locator("#form-columns option[value=age]").waitFor({ state: "attached" });
  await page.getByRole("button", { name: "Add a check" }).click();
  await page.locator("#check-column").selectOption("age");
  await page.getByRole("button", { name: "Take it over" }).click();
  await page.locator(".check-item", { hasText: "age" }).waitFor();

  await add(page, "Split");
  await page.locator("#step-target").fill("bought");
  await page.getByRole("button", { name: "Preview" }).click();
  await page.getByText("rows from the first 2000 rows", { exact: false }).waitFor();

  await add(page, "Train");
  await page.locator("#step-target").fill("bought");
  await page.locator("#step-family").selectOption("linear");
  await page.getByRole("button", { name: "Add to drop" }).click();
  await page.locator("#step-drop-0").fill("id");

  await add(page, "Evaluate");
  await page.locator("#step-input-0").selectOption("train.model");
  await page.locator("#step-input-1").selectOption("split.test");
  await page.getByRole("button", { name: "Add to minimum" }).click();
  await page.locator("#step-minimum-0-name").fill("accuracy");
  await page.locator("#step-minimum-0").fill("0.5");

  // A new name goes wherever the step is taken from; the drawing shows all six.
  await choose(page, "split");
  await page.locator("#step-id").fill("parts");
  await choose(page, "evaluate");
  assert.equal(await page.locator("#step-input-1").inputValue(), "parts.test");
  assert.equal(await page.locator(".lineage [data-step]").count(), 6);
  await page.locator(".lineage [data-step=adults]").click();
  await page.locator("#step-where").waitFor();
  assert.equal(await page.locator("#step-where").inputValue(), "age >= 25");
  await page.waitForFunction(() => !document.querySelector(".step-wrong"));

  // A schedule says when it comes.
  await page.locator(".pipeline-steps > .step-button").click();
  await page.getByRole("button", { name: "Set schedule" }).click();
  await page.locator("#head-schedule-cron").fill("30 6 * * MON-FRI");
  await page.locator("#head-schedule-timezone").fill("Europe/Zurich");
  await page.locator(".next-ticks li", { hasText: "06:30 (Europe/Zurich)" }).nth(2).waitFor();
  await page.getByRole("button", { name: "Take schedule out" }).click();
  await page.locator(".next-ticks").waitFor({ state: "detached" });

  // There and back again nothing has changed.
  const turn = async (face) => page.getByRole("button", { name: face, exact: true }).click();
  await turn("YAML");
  const yaml = await page.locator("#pipeline-yaml").inputValue();
  assert.match(yaml, /where: ["']?age >= 25/);
  assert.match(page.url(), /face=yaml/);
  await turn("Form");
  await page.locator(".step-list").waitFor();
  await turn("YAML");
  assert.equal(await page.locator("#pipeline-yaml").inputValue(), yaml);
  // What can't be read stays, with the line.
  await page.locator("#pipeline-yaml").fill(`${yaml}stepz: []\n`);
  await turn("Form");
  await page.getByText("line", { exact: false }).first().waitFor();
  assert.equal(await page.locator(".step-list").count(), 0);
  // Comments outlive what the form changes.
  await page.locator("#pipeline-yaml").fill(`# Kept by the team.\n${yaml}`);
  await turn("Form");
  await page.locator(".lineage [data-step=adults]").click();
  await page.locator("#step-where").fill("age >= 26");
  await turn("YAML");
  await page.locator("#pipeline-yaml").waitFor();
  const commented = await page.locator("#pipeline-yaml").inputValue();
  assert.match(commented, /^# Kept by the team\.$/m);
  assert.match(commented, /where: ["']?age >= 26/);
  await turn("Form");
  await page.locator(".step-list").waitFor();

  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("button", { name: "Run now" }).click();
  await page.locator(".page-head .badge", { hasText: /Done|Failed/ }).waitFor({ timeout: 90_000 });
  assert.equal((await page.locator(".page-head .badge").innerText()).trim(), "Done");
  assert.deepEqual(page.faults, []);
  await page.context().close();
  const saved = (await api("/projects/default/pipelines")).find((one) => one.name === "by-form");
  await look("pipeline-form", `/p/default/pipelines/${saved.id}?tab=document`);
  await look("pipeline-yaml", `/p/default/pipelines/${saved.id}?tab=document&face=yaml`);
});

test("templates begin with the project's data", async () => {
  const page = await openPage(browser);
  await signIn(page, server.url);
  await page.goto(`${server.url}/p/default/pipelines/new`);
  await hydrated(page);
  await page.getByRole("link", { name: "Clean and check a table" }).click();
  await page.locator(".step-list").waitFor();
  assert.match(await page.locator("#step-dataset").inputValue(), /./);
  assert.equal(await page.locator(".step-wrong").count(), 0);
  // Who takes from a step is named before it is removed.
  await choose(page, "once");
  await page.getByRole("button", { name: "Remove", exact: true }).click();
  await page.getByRole("dialog").getByText("will take 'table'", { exact: false }).waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await page.waitForFunction(() => document.querySelectorAll(".step-list li").length === 4);
  assert.equal(await page.locator(".step-wrong").count(), 0);
  assert.deepEqual(page.faults, []);
  await page.context().close();
  await look("pipeline-templates", "/p/default/pipelines/new");
});

test("partitions are filled from the page", async () => {
  const document = `name: by-city
partitions: {by: list, values: [Oslo, Turin, Rome]}
concurrency: 2
steps:
  - {id: table, type: source, dataset: People}
  - {id: rows, type: filter, input: table, where: 'city = \${partition}'}
  - {id: some, type: check, input: rows, checks: [{expectation: {type: table_row_count_to_be_between, min: 1}, severity: critical}]}
`;
  const { id } = (await api("/projects/default/pipelines", { method: "POST", body: { document } })).summary;
  const page = await openPage(browser);
  await signIn(page, server.url);
  await page.goto(`${server.url}/p/default/pipelines/${id}?tab=partitions`);
  await hydrated(page);
  await page.getByLabel("Choose Oslo").check();
  await page.getByLabel("Choose Rome").check();
  await page.getByText("2 partitions chosen: 2 runs, 2 at a time.").waitFor();
  await page.getByRole("button", { name: "Run these partitions" }).click();
  const row = (name) => page.getByRole("row").filter({ hasText: name });
  await row("Oslo").getByText("Done").waitFor({ timeout: 60_000 });
  await row("Rome").getByText("Failed").waitFor({ timeout: 60_000 });
  await row("Turin").getByText("Never run").waitFor();
  await look("pipeline-partitions", `/p/default/pipelines/${id}?tab=partitions`);
  await page.getByRole("button", { name: "Run 1 partition that did not go well again" }).click();
  await page.waitForFunction(() => [...document.querySelectorAll("td")].some((cell) => cell.textContent.trim() === "#3"));
  await page.getByRole("link", { name: /Never run 1/ }).click();
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 1);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});
