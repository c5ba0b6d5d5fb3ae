// Every page on the demo project: no accessibility fault, no script error, no sideways scroll, readable without
// scripts; and a screenshot of each, light and dark, wide and narrow, to be looked at.
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

let server, browser, api;
const pages = {};

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  api = await apiClient(server.url);
  await api("/demo", { method: "POST" });
  let run;
  for (const deadline = Date.now() + 240_000; Date.now() < deadline; ) {
    run = (await api("/projects/demo/runs")).items[0];
    if (["succeeded", "failed"].includes(run?.job.state)) break;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  assert.equal(run?.job.state, "succeeded", JSON.stringify(run?.job));
  const dataset = (await api("/projects/demo/datasets")).items[0];
  const model = (await api("/projects/demo/models")).items[0];
  const document = `name: demo
description: Keeps each row once.
steps:
  - {id: table, type: source, dataset: ${JSON.stringify(dataset.name)}}
  - {id: rows, type: deduplicate, input: table}
  - {id: ok, type: approval, after: [rows], message: Is it fine?}
  - {id: out, type: write_out, input: rows, after: [ok], dataset: once}
`;
  const pipeline = (await api("/projects/demo/pipelines", { method: "POST", body: { document } })).summary.id;
  const started = (await api(`/projects/demo/pipelines/${pipeline}/runs`, { method: "POST", body: {} })).summary.id;
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
    const { state } = (await api(`/projects/demo/pipeline-runs/${started}`)).summary;
    if (!["queued", "running"].includes(state)) break;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  const p = "/p/demo";
  Object.assign(pages, {
    home: p,
    "home-empty": "/p/default",
    data: `${p}/data`,
    "data-upload": `${p}/data/upload`,
    "data-connections": `${p}/data/connections`,
    dataset: `${p}/data/${dataset.id}`,
    "dataset-preview": `${p}/data/${dataset.id}?tab=preview`,
    "dataset-versions": `${p}/data/${dataset.id}?tab=versions`,
    "dataset-checks": `${p}/data/${dataset.id}?tab=checks`,
    "dataset-splits": `${p}/data/${dataset.id}?tab=splits`,
    "dataset-lineage": `${p}/data/${dataset.id}?tab=lineage`,
    "dataset-relations": `${p}/data/${dataset.id}?tab=relations&target=defaulted`,
    pipelines: `${p}/pipelines`,
    "pipelines-new": `${p}/pipelines/new`,
    pipeline: `${p}/pipelines/${pipeline}`,
    "pipeline-runs": `${p}/pipelines/${pipeline}?tab=runs`,
    "pipeline-document": `${p}/pipelines/${pipeline}?tab=document`,
    "pipeline-run": `${p}/pipeline-runs/${started}`,
    runs: `${p}/runs`,
    "runs-new": `${p}/runs/new`,
    run: `${p}/runs/${run.id}`,
    "run-evaluation": `${p}/runs/${run.id}?tab=evaluation`,
    "run-explain": `${p}/runs/${run.id}?tab=explain`,
    "run-log": `${p}/runs/${run.id}?tab=log`,
    "run-lineage": `${p}/runs/${run.id}?tab=lineage`,
    "run-raw": `${p}/runs/${run.id}?tab=raw`,
    models: `${p}/models`,
    model: `${p}/models/${model.name}`,
    "model-try": `${p}/models/${model.name}?tab=try`,
    "model-api": `${p}/models/${model.name}?tab=api`,
    "model-signature": `${p}/models/${model.name}?tab=signature`,
    "model-lineage": `${p}/models/${model.name}?tab=lineage`,
    audit: "/governance/audit",
    people: "/admin/people",
    projects: "/admin/projects",
    workers: "/admin/workers",
    inbox: "/inbox",
    settings: "/settings",
    glossary: "/glossary",
    "api-docs": "/docs/api",
    "not-found": "/there-is-no-such-page",
  });
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

for (const form of FORMS) {
  test(`every page, ${form.name}`, async (t) => {
    const page = await openPage(browser, { colorScheme: form.colorScheme, viewport: form.viewport });
    await page.goto(`${server.url}/sign-in`);
    await hydrated(page);
    await screenshot(page, `sign-in-${form.name}`);
    await signIn(page, server.url);
    for (const [name, path] of Object.entries(pages)) {
      await t.test(name, async () => {
        page.faults.length = 0;
        await page.goto(server.url + path);
        await hydrated(page);
        await page.waitForLoadState("networkidle", { timeout: 5_000 }).catch(() => {});
        await screenshot(page, `${name}-${form.name}`);
        assert.deepEqual(page.faults, [], "script errors");
        const { scroll, width } = await page.evaluate(() => ({
          scroll: document.documentElement.scrollWidth,
          width: document.documentElement.clientWidth,
        }));
        assert.ok(scroll <= width, `the page is ${scroll} px wide in a window of ${width}`);
        assert.deepEqual(await axe(page), []);
      });
    }
    await page.context().close();
  });
}

test("pages can be read without scripts", async () => {
  const page = await openPage(browser, { javaScriptEnabled: false });
  await page.context().addCookies([{ name: api.cookie.split("=")[0], value: api.cookie.split("=").slice(1).join("="), url: server.url }]);
  await page.goto(server.url + pages.runs);
  assert.ok((await page.locator("table tbody tr").count()) >= 1);
  await page.goto(server.url + pages.run);
  assert.ok((await page.locator("main svg").count()) >= 1);
  assert.match(await page.locator("main").innerText(), /95 %/);
  await page.context().close();
});

test("a page that is not there says where to go, with status 404", async () => {
  const answer = await fetch(server.url + pages["not-found"], { headers: { cookie: api.cookie } });
  assert.equal(answer.status, 404);
});
