// Leaks found before a run, taken away by their buttons; and what each column alone says of a target.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { apiClient, startServer } from "../support/server.js";
import { axe, hydrated, openPage, screenshot, signIn, startBrowser } from "../support/browser.js";

const FORMS = [
  { name: "light-1440", colorScheme: "light", viewport: { width: 1440, height: 900 } },
  { name: "dark-1440", colorScheme: "dark", viewport: { width: 1440, height: 900 } },
  { name: "light-390", colorScheme: "light", viewport: { width: 390, height: 844 } },
  { name: "dark-390", colorScheme: "dark", viewport: { width: 390, height: 844 } },
];

/** Rentals: two kinds of riders add up to the count, and the whole table stands there twice. */
function rentals(rows) {
  const part = (i, s) => (i * Math.sqrt(s)) % 1;
  const lines = Array.from({ length: rows }, (_, i) => {
    const temp = 5 + 30 * part(i, 2);
    const casual = Math.floor(temp * part(i, 3) * 4);
    const registered = Math.floor(200 * part(i, 5) + 3 * temp);
    const wind = part(i, 7) < 0.2 - temp / 300 ? "" : (20 * part(i, 11)).toFixed(2);
    return `${temp.toFixed(2)},${wind},${["clear", "mist", "rain"][Math.floor(3 * part(i, 13))]},${casual},${registered},${casual + registered}`;
  });
  return ["temp,wind,weather,casual,registered,count", ...lines, ...lines, ""].join("\n");
}

let server, browser, api, version, dataset;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  api = await apiClient(server.url);
  const upload = await api("/projects/default/uploads?name=rentals.csv", { method: "POST", body: Buffer.from(rentals(1500)) });
  const kept = await api(`/projects/default/uploads/${upload.id}/commit`, { method: "POST", body: { name: "Rentals" } });
  [version, dataset] = [kept.summary.id, kept.dataset];
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

for (const form of FORMS) {
  test(`leaks and relations, ${form.name}`, async () => {
    const page = await openPage(browser, { colorScheme: form.colorScheme, viewport: form.viewport });
    await signIn(page, server.url);
    await page.goto(`${server.url}/p/default/runs/new?version=${version}&target=count`);
    await hydrated(page);
    await page.getByRole("button", { name: "Look for leaks" }).click();
    await page.getByText("Tells the target").first().waitFor();
    await page.getByText("Copies across parts").waitFor();
    await screenshot(page, `leaks-${form.name}`);
    assert.deepEqual(await axe(page), []);

    await page.getByRole("button", { name: "Leave out casual and registered" }).click();
    await page.getByRole("button", { name: "Look for leaks" }).click();
    await page.getByRole("button", { name: "Remove copies of rows" }).click();
    await page.getByText("copies left out").waitFor();
    await page.getByRole("button", { name: "Look for leaks" }).click();
    await page.getByText("Nothing was found").waitFor();
    await screenshot(page, `leaks-removed-${form.name}`);

    await page.goto(`${server.url}/p/default/data/${dataset}?tab=relations`);
    await hydrated(page);
    await page.getByLabel("Target").selectOption("count");
    await page.waitForURL((address) => address.searchParams.get("target") === "count");
    await page.getByText("Mean of count by registered").first().waitFor();
    await page.getByRole("link", { name: "temp" }).click();
    await page.getByText("Mean of count by temp").first().waitFor();
    await screenshot(page, `relations-${form.name}`);
    const { scroll, width } = await page.evaluate(() => ({
      scroll: document.documentElement.scrollWidth,
      width: document.documentElement.clientWidth,
    }));
    assert.ok(scroll <= width, `the page is ${scroll} px wide in a window of ${width}`);
    assert.deepEqual(await axe(page), []);
    assert.deepEqual(page.faults, []);
    await page.context().close();
  });
}

test("a target's relation comes over the API, also without a name", async () => {
  const path = `/projects/default/dataset-versions/${version}/target-relation`;
  assert.equal(await api(path), null);
  const found = await api(`${path}?target=count`);
  assert.equal(found.sample, 3000);
  assert.equal(found.columns[0].column, "registered");
  await assert.rejects(api(`${path}?target=nothing`), /There is no column/);
});
