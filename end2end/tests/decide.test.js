// A run that decides by cost: asked for in the form, judged on its page, and sure of its answers in the form of its model.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { apiClient, startServer } from "../support/server.js";
import { axe, hydrated, openPage, screenshot, signIn, startBrowser } from "../support/browser.js";

const FORMS = [
  { name: "light-1440", colorScheme: "light", viewport: { width: 1440, height: 900 } },
  { name: "dark-390", colorScheme: "dark", viewport: { width: 390, height: 844 } },
];

/** Claims: one in eight is a fraud, more often far from home and by night. */
function claims(rows) {
  const part = (i, s) => (i * Math.sqrt(s)) % 1;
  const lines = Array.from({ length: rows }, (_, i) => {
    const [far, night] = [100 * part(i, 2), part(i, 3) < 0.4];
    const fraud = part(i, 5) < 0.03 + (far / 100) * (night ? 0.5 : 0.1);
    return `${far.toFixed(1)},${night ? "night" : "day"},${["north", "south"][i % 2]},${fraud ? "yes" : "no"}`;
  });
  return ["distance,time,region,fraud", ...lines, ""].join("\n");
}

let server, browser, api, version, run;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  api = await apiClient(server.url);
  const upload = await api("/projects/default/uploads?name=claims.csv", { method: "POST", body: Buffer.from(claims(2000)) });
  const kept = await api(`/projects/default/uploads/${upload.id}/commit`, { method: "POST", body: { name: "Claims" } });
  version = kept.summary.id;
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

test("a cost is chosen in the form, and decides", async () => {
  const page = await openPage(browser);
  await signIn(page, server.url);
  await page.goto(`${server.url}/p/default/runs/new?version=${version}&target=fraud&family=linear`);
  await hydrated(page);
  await page.locator("summary", { hasText: "Deciding" }).click();
  await page.getByLabel("Of two classes, call by").selectOption("cost");
  await page.getByLabel("A missed case costs").fill("8");
  await page.getByText("a threshold of its own").waitFor();
  assert.deepEqual(await axe(page), []);
  await page.getByRole("button", { name: "Train model" }).click();
  await page.waitForURL(/\/runs\/[0-9a-f-]{36}/);
  run = page.url().split("/").pop().split("?")[0];
  await page.getByRole("link", { name: "Evaluation" }).waitFor({ timeout: 180_000 });
  const whole = await api(`/projects/default/runs/${run}`);
  assert.deepEqual(whole.settings.decision.threshold, { by: "cost", false_positive: 1, false_negative: 8 });
  assert.ok(whole.result.decision.threshold.threshold < 0.4, "a missed case costs eight times as much");
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

for (const form of FORMS) {
  test(`the run's page shows how it decides, ${form.name}`, async () => {
    const page = await openPage(browser, { colorScheme: form.colorScheme, viewport: form.viewport });
    await signIn(page, server.url);
    await page.goto(`${server.url}/p/default/runs/${run}?tab=evaluation&groups=time`);
    await hydrated(page);
    for (const heading of ["Threshold", "Probabilities", "Sets of classes", "Groups", "Where it is weak"]) {
      await page.getByRole("heading", { name: heading, exact: true }).waitFor();
    }
    await page.getByRole("cell", { name: "night" }).waitFor();
    const called = page.locator("#threshold p", { hasText: "test rows are called yes" });
    const chosen = await called.textContent();
    await page.getByLabel("Threshold").fill("0.9");
    await page.getByLabel("Threshold").dispatchEvent("change");
    await page.getByText("At 0.900").waitFor();
    assert.notEqual(await called.textContent(), chosen);
    assert.match(page.url(), /threshold=0\.9/);
    await screenshot(page, `decide-${form.name}`);
    assert.deepEqual(await axe(page), []);
    await page.reload();
    await page.getByText("At 0.900").waitFor();
    assert.deepEqual(page.faults, []);
    await page.context().close();
  });
}

test("the model's form says how sure it is", async () => {
  await api("/projects/default/models", { method: "POST", body: { run, name: "fraud" } });
  const page = await openPage(browser);
  await signIn(page, server.url);
  await page.goto(`${server.url}/p/default/models/fraud?tab=try`);
  await hydrated(page);
  await page.getByRole("button", { name: "Predict" }).click();
  await page.locator(".try-sure", { hasText: "set" }).waitFor();
  assert.match(await page.locator(".try-sure").textContent(), /90.% set: (no|yes)/);
  assert.deepEqual(await axe(page), []);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});
