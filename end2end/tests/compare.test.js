// The table of runs as a person arranges it, and a few runs side by side.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { apiClient, startServer } from "../support/server.js";
import { axe, hydrated, openPage, screenshot, signIn, startBrowser } from "../support/browser.js";

const FORMS = [["light", 1440, 900], ["dark", 1440, 900], ["light", 390, 844], ["dark", 390, 844]];
const runs = {};
let server, browser, api;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  api = await apiClient(server.url);
  const row = (n) => `${20 + ((n * 13) % 50)},${1000 + ((n * 37) % 900)},${["Oslo", "Turin", "Lima"][n % 3]},${(n * 13) % 50 > 22 + (n % 7) ? "yes" : "no"}`;
  const csv = `age,income,city,bought\n${Array.from({ length: 400 }, (_, n) => row(n)).join("\n")}\n`;
  const { id } = await api("/projects/default/uploads?name=people.csv", { method: "POST", body: Buffer.from(csv) });
  const made = await api(`/projects/default/uploads/${id}/commit`, { method: "POST", body: { name: "People" } });
  for (const [name, settings] of [
    ["Trees, seed 1", { family: "trees", seed: 1 }],
    ["Trees, seed 2", { family: "trees", seed: 2 }],
    ["Linear", { family: "linear", seed: 1 }],
  ]) {
    const body = { name, dataset_version: made.summary.id, settings: { target: "bought", ...settings } };
    runs[name] = (await api("/projects/default/runs", { method: "POST", body })).summary.id;
  }
  for (const deadline = Date.now() + 240_000; ; ) {
    const { items } = await api("/projects/default/runs");
    if (items.every((run) => run.job.state === "succeeded")) break;
    const failed = items.find((run) => run.job.state === "failed");
    assert.ok(!failed && Date.now() < deadline, JSON.stringify(failed ?? items.map((run) => run.job)));
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

async function shots(page, name) {
  for (const [scheme, width, height] of FORMS) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide <= 0, `${name} is ${wide} px too wide at ${width}`);
    assert.deepEqual(await axe(page), [], `${name} ${scheme} ${width}`);
    await screenshot(page, `${name}-${scheme}-${width}`);
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1440, height: 900 });
}

const names = (page) => page.locator(".run-table td.main a").allInnerTexts();
const open = (page, what) => page.locator("details.tool-take > summary", { hasText: what }).click();

test("columns, filter, order and views stand in the address", async () => {
  const page = await openPage(browser);
  await signIn(page, server.url);
  await page.goto(`${server.url}/p/default/runs`);
  await hydrated(page);
  assert.deepEqual(await names(page), ["Linear", "Trees, seed 2", "Trees, seed 1"]);
  assert.ok((await page.locator("svg.spark").count()) >= 2);

  // A column of a metric, found by its name.
  await open(page, "Columns");
  await page.getByLabel("Search metrics, parameters and tags").fill("roc_auc");
  await page.getByRole("button", { name: "Show metrics.roc_auc", exact: true }).click();
  await page.getByRole("columnheader", { name: "ROC AUC", exact: true }).waitFor();
  await page.getByRole("button", { name: "Take away: Verdict" }).click();
  await page.getByRole("columnheader", { name: "Verdict" }).waitFor({ state: "detached" });
  await screenshot(page, "experiments-columns-light-1440");
  assert.deepEqual(await axe(page), []);
  await open(page, "Columns");

  // Sorted by it, and filtered by conditions that are chips.
  await page.getByRole("columnheader", { name: "ROC AUC", exact: true }).getByRole("link").click();
  await page.waitForURL(/sort=-metrics\.roc_auc/);
  await open(page, "Filter");
  await page.getByLabel("Value of a run").fill("params.family");
  await page.getByLabel("Comparison").selectOption("ilike");
  await page.getByLabel("Compared with").fill("tree");
  await page.getByRole("button", { name: "Add condition" }).click();
  await page.getByRole("link", { name: "Take away the condition params.family ilike '%tree%'" }).waitFor();
  await page.getByText("1 to 2 of 2 runs").waitFor();
  await page.getByLabel("Value of a run").fill("nothing");
  await page.getByRole("button", { name: "Add condition" }).click();
  await page.getByText("A run has no 'nothing'", { exact: false }).waitFor();
  await open(page, "Filter");
  const sorted = await names(page);
  await page.reload();
  await hydrated(page);
  assert.deepEqual(await names(page), sorted, "the address restores the view");
  await page.getByRole("columnheader", { name: "ROC AUC", exact: true }).waitFor();

  // The same as a file.
  const file = await page.getByRole("link", { name: "CSV" }).getAttribute("href");
  const answer = await fetch(server.url + file, { headers: { cookie: api.cookie } });
  const lines = (await answer.text()).trim().split("\r\n");
  assert.match(lines[0], /^state,name,.*,metrics\.roc_auc$/);
  assert.equal(lines.length, 3);

  // Kept under a name, and opened from a bare address.
  await open(page, "Views");
  await page.getByLabel("Save this view as").fill("Trees by AUC");
  await page.getByRole("button", { name: "Save view" }).click();
  await page.getByText("Saved the view 'Trees by AUC'.").waitFor();
  await page.goto(`${server.url}/p/default/runs`);
  await hydrated(page);
  await open(page, "Views");
  await page.getByRole("link", { name: "Trees by AUC" }).click();
  await page.getByText("1 to 2 of 2 runs").waitFor();
  assert.deepEqual(await names(page), sorted);
  await page.getByRole("link", { name: /Take away the condition/ }).click();
  await page.getByText("1 to 3 of 3 runs").waitFor();

  // A filter that is none says so, and the way back stays.
  await page.goto(`${server.url}/p/default/runs?filter=roc`);
  await page.getByText("A run has no 'roc'", { exact: false }).first().waitFor();
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("runs are pinned, measured against one, chosen and acted on", async () => {
  const page = await openPage(browser);
  await signIn(page, server.url);
  await page.goto(`${server.url}/p/default/runs?columns=name,metrics.roc_auc,metrics.log_loss,tags,curve`);
  await hydrated(page);
  await page.getByRole("button", { name: "Pin Trees, seed 1" }).click();
  await page.locator("tbody.pinned").getByRole("link", { name: "Trees, seed 1" }).waitFor();
  await page.getByRole("button", { name: "Measure others against Trees, seed 1" }).click();
  await page.locator("tbody.pinned").getByText("Baseline").waitFor();
  const deltas = await page.locator(".delta").allInnerTexts();
  assert.equal(deltas.length, 4, deltas.join(" | "));
  assert.ok(deltas.every((text) => /^([+−].* (better|worse)|same)$/.test(text)), deltas.join(" | "));
  await shots(page, "experiments");

  // From the first to the last with shift.
  await page.getByRole("checkbox", { name: "Choose Trees, seed 1" }).click();
  await page.getByText("1 run chosen").waitFor();
  await page.getByRole("checkbox", { name: "Choose Trees, seed 2" }).click({ modifiers: ["Shift"] });
  await page.getByText("3 runs chosen").waitFor();
  await page.getByRole("button", { name: "Tag", exact: true }).click();
  await page.getByLabel("Tag", { exact: true }).fill("stage");
  await page.getByLabel("Value (may stay empty)").fill("final");
  await screenshot(page, "experiments-tag-light-1440");
  await page.getByRole("button", { name: "Give the tag" }).click();
  await page.getByText("Done for 3 runs.").waitFor();
  await page.locator(".tag", { hasText: "stage = final" }).nth(2).waitFor();

  await page.getByRole("checkbox", { name: "Choose Linear" }).click();
  await page.getByRole("button", { name: "Archive" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Archive" }).click();
  await page.getByRole("checkbox", { name: "Choose Linear" }).waitFor({ state: "detached" });
  await page.getByRole("link", { name: "Archived" }).click();
  await page.getByRole("checkbox", { name: "Choose Linear" }).click();
  await page.getByRole("button", { name: "Restore" }).click();
  await page.getByText("No run is archived", { exact: false }).waitFor();
  await page.getByRole("link", { name: "All", exact: true }).click();

  await page.getByRole("checkbox", { name: "Choose all runs of this page" }).click();
  await page.getByText("3 runs chosen").waitFor();
  await page.getByRole("link", { name: "Compare", exact: true }).click();
  await page.waitForURL(/\/runs\/compare\?runs=/);
  await page.getByRole("heading", { name: "Compare 3 runs" }).waitFor();
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("runs side by side show what differs", async () => {
  const page = await openPage(browser);
  await signIn(page, server.url);
  const ids = Object.values(runs);
  await page.goto(`${server.url}/p/default/runs/compare?runs=${ids.join(",")}`);
  await hydrated(page);
  const parameters = page.getByRole("region", { name: "Parameters side by side" });
  await parameters.getByRole("row", { name: /^family/ }).waitFor();
  assert.equal(await parameters.getByRole("row", { name: /^target/ }).isVisible(), false);
  const all = page.getByRole("link", { name: /Show the \d+ that are the same/ });
  await all.click();
  await parameters.getByRole("row", { name: /^target/ }).waitFor();
  await page.getByRole("link", { name: "Only differences" }).click();
  await all.waitFor();

  const metrics = page.getByRole("region", { name: "Metrics side by side" });
  await metrics.getByText("best").first().waitFor();
  await page.getByLabel("Search metrics").fill("log loss");
  await page.getByLabel("Search metrics").press("Enter");
  await metrics.getByRole("row", { name: /^ROC AUC/ }).first().waitFor({ state: "detached" });
  await page.goto(`${server.url}/p/default/runs/compare?runs=${ids.join(",")}`);
  await hydrated(page);

  // Curves: chosen, smoothed, logarithmic; all of it in the address.
  const drawing = page.locator(".curve-figure svg.curve");
  await drawing.waitFor();
  const lines = await drawing.locator("path").count();
  await page.getByLabel(/^Smoothing/).fill("0.6");
  await page.waitForURL(/smooth=0\.6/);
  assert.equal(await drawing.locator("path").count(), 2 * lines, "what was measured stays, faint");
  await page.getByLabel("Logarithmic values").check();
  await page.waitForURL(/y=log/);
  await page.reload();
  await hydrated(page);
  assert.equal(await page.getByLabel("Logarithmic values").isChecked(), true);
  assert.equal(await page.getByLabel(/^Smoothing/).inputValue(), "0.6");
  await page.locator(".curve-figure").getByText("Table").click();
  await page.getByRole("region", { name: "Values of the curves" }).waitFor();
  await page.getByRole("heading", { name: "Parallel coordinates" }).waitFor();
  assert.equal(await page.locator(".parallel svg.curve path").count(), ids.length);
  await shots(page, "compare");

  await page.getByRole("link", { name: "Measure against it: Linear" }).click();
  await page.waitForURL(/base=/);
  await page.locator(".compared li", { hasText: "Linear" }).getByText("Baseline").waitFor();
  await page.getByRole("link", { name: "Leave out Linear" }).click();
  await page.getByRole("heading", { name: "Compare 2 runs" }).waitFor();
  await page.goto(`${server.url}/p/default/runs/compare?runs=${ids[0]}`);
  await page.getByText("Compare 2 to 20 runs", { exact: false }).first().waitFor();
  assert.deepEqual(page.faults, []);
  await page.context().close();
});
