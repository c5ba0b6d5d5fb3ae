// A run from its settings to how far its score can be trusted: model settings, estimate, machine, rules, other seeds.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { apiClient, startServer } from "../support/server.js";
import { axe, hydrated, openPage, screenshot, signIn, startBrowser } from "../support/browser.js";

const FORMS = [
  { name: "light-1440", colorScheme: "light", viewport: { width: 1440, height: 900 } },
  { name: "dark-390", colorScheme: "dark", viewport: { width: 390, height: 844 } },
];

/** Customers who buy by age and income, with some noise. */
function customers(rows) {
  const part = (i, s) => (i * Math.sqrt(s)) % 1;
  const lines = Array.from({ length: rows }, (_, i) => {
    const [age, income] = [18 + Math.floor(60 * part(i, 2)), Math.floor(900 + 5000 * part(i, 3))];
    const bought = age / 60 + income / 6000 + 0.6 * part(i, 5) > 1.4 ? "yes" : "no";
    return `${age},${income},${["Oslo", "Turin", "Lima"][Math.floor(3 * part(i, 7))]},${bought}`;
  });
  return ["age,income,city,bought", ...lines, ""].join("\n");
}

let server, browser, api, version, run;

/** Waits until no run of the project waits or runs. */
async function idle() {
  for (let i = 0; i < 240; i++) {
    const { running, queued } = await api("/projects/default/activity");
    if (running + queued === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  assert.fail("the runs did not end within two minutes");
}

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  api = await apiClient(server.url);
  const upload = await api("/projects/default/uploads?name=customers.csv", { method: "POST", body: Buffer.from(customers(3000)) });
  const kept = await api(`/projects/default/uploads/${upload.id}/commit`, { method: "POST", body: { name: "Customers" } });
  version = kept.summary.id;
  // Long enough for its process to be looked at a few times.
  const settings = { target: "bought", family: "realmlp", budget_seconds: 10, device: "cpu" };
  run = (await api("/projects/default/runs", { method: "POST", body: { dataset_version: version, settings } })).summary.id;
  await idle();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

for (const form of FORMS) {
  test(`settings, machine, rules and seeds, ${form.name}`, async () => {
    const page = await openPage(browser, { colorScheme: form.colorScheme, viewport: form.viewport });
    await signIn(page, server.url);
    const fits = async () => {
      const { scroll, width } = await page.evaluate(() => ({
        scroll: document.documentElement.scrollWidth,
        width: document.documentElement.clientWidth,
      }));
      assert.ok(scroll <= width, `the page is ${scroll} px wide in a window of ${width}`);
    };

    await page.goto(`${server.url}/p/default/runs/new?version=${version}&target=bought&family=trees`);
    await hydrated(page);
    await page.getByText(/Takes .+ to .+ and .+ to .+ of memory\./).waitFor();
    await page.getByText("Model settings").click();
    await page.getByLabel("Rounds at most").fill("0");
    await page.getByText("'trees.max_rounds' takes a whole number from 1 to 5000.").first().waitFor();
    await page.getByLabel("Rounds at most").fill("7");
    await page.getByText("one set").waitFor();
    await page.locator("summary", { hasText: "Directions" }).click();
    await page.getByLabel("Give a direction to").selectOption("income");
    await page.getByLabel("As income grows").selectOption("decreasing");
    await page.locator("summary", { hasText: "Directions" }).getByText("1 column").waitFor();
    await screenshot(page, `model-settings-${form.name}`);
    assert.deepEqual(await axe(page), []);
    await fits();

    await page.goto(`${server.url}/p/default/runs/${run}`);
    await hydrated(page);
    const rules = page.getByRole("table", { name: "Rules" });
    await rules.getByText("Loss does not fall").waitFor();
    assert.equal(await rules.getByRole("row").count(), 8);
    await page.getByText("The test rows behind these scores were looked at").waitFor();
    await screenshot(page, `run-trust-${form.name}`);
    assert.deepEqual(await axe(page), []);
    await fits();

    await page.goto(`${server.url}/p/default/runs/${run}?tab=system`);
    await hydrated(page);
    await page.getByText(/Processor cores in use: mostly/).waitFor();
    await page.getByText(/Memory, MiB: mostly/).waitFor();
    await page.getByText(/Rows a second: mostly/).waitFor();
    await screenshot(page, `run-system-${form.name}`);
    assert.deepEqual(await axe(page), []);
    await fits();
    await page.context().close();
  });
}

test("a run is repeated with other seeds, and what is set reaches the model", async () => {
  const page = await openPage(browser);
  await signIn(page, server.url);
  const settings = { target: "bought", family: "trees", parameters: { "trees.max_rounds": 7 } };
  const made = await api("/projects/default/runs", { method: "POST", body: { dataset_version: version, settings } });
  await idle();
  const { result } = await api(`/projects/default/runs/${made.summary.id}`);
  assert.ok(Number(result.parameters.rounds) <= 7, `boosted ${result.parameters.rounds} rounds`);

  await page.goto(`${server.url}/p/default/runs/${made.summary.id}`);
  await hydrated(page);
  await page.getByRole("button", { name: "Repeat with 4 other seeds" }).click();
  await page.getByText("4 runs asked for.").waitFor();
  await idle();
  await page.reload();
  await page.getByText(/ROC AUC over 5 runs: .+ on average, standard deviation .+\./).waitFor();
  const seeds = page.getByRole("table", { name: "The same run with other seeds" });
  assert.equal(await seeds.getByRole("row").count(), 6);
  await screenshot(page, "run-seeds");
  // A split is looked at by each run on it; the first one, of another family, too.
  await page.getByText("were looked at 6 times in this project").waitFor();
  await page.context().close();
});
