// The inbox: what a pipeline's run leaves in it, the count in the top bar, reading, and what a person does not want.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { apiClient, startServer } from "../support/server.js";
import { axe, hydrated, openPage, screenshot, signIn, startBrowser } from "../support/browser.js";

const DOCUMENT = `name: tell
steps:
  - {id: people, type: source, dataset: People}
  - {id: clean, type: deduplicate, input: people}
  - {id: out, type: write_out, input: clean, dataset: Once}
  - {id: say, type: notify, after: [out], message: The table Once is ready.}
  - {id: ok, type: approval, after: [say], message: May it go to the board?}
`;

let server, browser, api;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  api = await apiClient(server.url);
  let csv = "id,age\n";
  for (let i = 0; i < 60; i++) csv += `${i % 50},${20 + (i % 50)}\n`;
  const { id } = await api("/projects/default/uploads?name=people.csv", { method: "POST", body: Buffer.from(csv) });
  await api(`/projects/default/uploads/${id}/commit`, { method: "POST", body: { name: "People" } });
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

async function runOnce() {
  const pipelines = await api("/projects/default/pipelines");
  const known = pipelines.find((pipeline) => pipeline.name === "tell");
  const id = known?.id ?? (await api("/projects/default/pipelines", { method: "POST", body: { document: DOCUMENT } })).summary.id;
  const run = (await api(`/projects/default/pipelines/${id}/runs`, { method: "POST", body: {} })).summary.id;
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
    const { state } = (await api(`/projects/default/pipeline-runs/${run}`)).summary;
    if (!["queued", "running"].includes(state)) return { run, state };
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`the run did not end:\n${server.log()}`);
}

test("an empty inbox says what will come", async () => {
  const page = await openPage(browser);
  await signIn(page, server.url);
  await page.goto(`${server.url}/inbox`);
  await hydrated(page);
  await page.getByRole("heading", { name: "No message yet" }).waitFor();
  await page.getByRole("link", { name: "Inbox", exact: true }).waitFor();
  await page.context().close();
});

test("messages are counted, opened and read", async () => {
  const { run, state } = await runOnce();
  assert.equal(state, "waiting");
  const page = await openPage(browser);
  await signIn(page, server.url);
  await page.goto(`${server.url}/settings`);
  await hydrated(page);
  const bell = page.getByRole("link", { name: "Inbox, 2 unread" });
  await bell.click();
  await page.waitForURL(`${server.url}/inbox`);
  const message = page.getByRole("link", { name: "The table Once is ready." });
  await message.waitFor();
  await page.getByText("May it go to the board?", { exact: false }).waitFor();
  assert.deepEqual(await page.locator("main tbody .badge").allInnerTexts(), ["Warning", "Note"]);
  await screenshot(page, "inbox-unread-light-1440");
  assert.deepEqual(await axe(page), []);

  // Following a message marks it as read.
  await message.click();
  await page.waitForURL(`${server.url}/p/default/pipeline-runs/${run}`);
  await page.getByRole("link", { name: "Inbox, 1 unread" }).click();
  await page.getByRole("link", { name: "Unread", exact: true }).click();
  await page.getByRole("link", { name: "Pipeline 'tell' #1 waits for an approval" }).waitFor();
  await message.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Mark all as read" }).click();
  await page.getByText("Marked 1 message as read.").waitFor();
  await page.getByRole("heading", { name: "Nothing unread" }).waitFor();
  await page.getByRole("link", { name: "Inbox", exact: true }).waitFor();
  await page.goto(`${server.url}/inbox`);
  await message.waitFor();
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("what a person switches off does not come", async () => {
  const page = await openPage(browser);
  await signIn(page, server.url);
  await page.goto(`${server.url}/settings`);
  await hydrated(page);
  const choice = page.getByLabel("Messages that pipelines send");
  assert.equal(await choice.isChecked(), true);
  await choice.uncheck();
  await page.locator("#inbox").getByRole("button", { name: "Save" }).click();
  await page.getByText("It holds for what happens from now on", { exact: false }).waitFor();
  await page.reload();
  await hydrated(page);
  assert.equal(await choice.isChecked(), false);
  await runOnce();
  const unread = await api("/inbox?state=unread");
  assert.deepEqual(unread.items.map((notice) => notice.kind), ["approval_waiting"]);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});
