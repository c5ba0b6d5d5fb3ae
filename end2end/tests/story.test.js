// The whole story, as a stranger lives it: sign in, upload a table, train, read the verdict, register, predict.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { hydrated, openPage, signIn, startBrowser } from "../support/browser.js";
import { startServer } from "../support/server.js";

let server, browser, page;

/** Customers who leave or stay, by a rule that a linear model can find. */
function customers(rows) {
  let state = 42;
  const random = () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
  const lines = ["customer,contract,monthly,months,churned"];
  for (let i = 0; i < rows; i++) {
    const contract = random() < 0.5 ? "monthly" : "yearly";
    const monthly = 20 + Math.round(random() * 800) / 10;
    const months = 1 + Math.floor(random() * 60);
    const score = (contract === "monthly" ? 1.2 : -1.2) + (monthly - 60) / 25 - (months - 30) / 20;
    lines.push(`C${10000 + i},${contract},${monthly},${months},${random() < 1 / (1 + Math.exp(-score)) ? "yes" : "no"}`);
  }
  return lines.join("\n") + "\n";
}

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  page = await openPage(browser);
  await writeFile(join(server.folder, "customers.csv"), customers(1500));
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

test("a wrong password is refused without telling which field was wrong", async () => {
  await page.goto(`${server.url}/sign-in`);
  await page.getByLabel("Name").fill("admin");
  await page.getByLabel("Password").fill("not the password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("The name or the password is wrong").waitFor();
});

test("the first visit offers three ways to begin", async () => {
  await signIn(page, server.url);
  await page.goto(`${server.url}/p/default`);
  await hydrated(page);
  assert.equal(await page.getByRole("heading", { level: 2 }).count(), 3);
});

test("an uploaded table shows how it is read and becomes a data set", async () => {
  await page.goto(`${server.url}/p/default/data/upload`);
  await hydrated(page);
  await page.getByLabel("File to upload").setInputFiles(join(server.folder, "customers.csv"));
  await page.getByLabel("Type of months").waitFor();
  assert.equal(await page.getByLabel("Type of months").inputValue(), "integer");
  assert.equal(await page.getByLabel("Type of monthly").inputValue(), "float");
  assert.equal(await page.getByLabel("Type of contract").inputValue(), "text");
  await page.getByLabel("Name", { exact: true }).fill("Customers");
  await page.getByRole("button", { name: "Create data set" }).click();
  await page.getByRole("heading", { level: 1, name: "Customers" }).waitFor();
  const text = await page.locator("main").innerText();
  assert.match(text, /1,500/);
  assert.match(text, /customer/);
});

test("training draws its curves and ends with a verdict", async () => {
  await page.getByRole("link", { name: /Train model/ }).first().click();
  await page.waitForURL(/\/runs\/new/);
  await hydrated(page);
  await page.locator("select[name=target], #target").first().selectOption("churned");
  await page.getByText("1,500").first().waitFor();
  await page.getByRole("radio", { name: /Linear/ }).check();
  await page.getByRole("button", { name: "Train model" }).click();
  await page.waitForURL(/\/runs\/[0-9a-f-]{36}/);
  await page.locator(".verdict-sentence").waitFor({ timeout: 120_000 });
  const text = await page.locator("main").innerText();
  assert.match(text, /ROC AUC/i);
  assert.match(text, /95 %/);
});

test("the evaluation shows its plots with words and a table", async () => {
  await page.getByRole("link", { name: "Evaluation" }).click();
  await page.waitForURL(/tab=evaluation/);
  await page.locator("figure svg").first().waitFor();
  assert.ok((await page.locator("figure svg").count()) >= 3);
  const magic = { SVG: "<svg ", PNG: "\x89PNG", CSV: "" };
  for (const [kind, start] of Object.entries(magic)) {
    const saved = page.waitForEvent("download");
    await page.getByRole("button", { name: kind }).first().click();
    const file = await saved;
    assert.match(file.suggestedFilename(), new RegExp(`\\.${kind.toLowerCase()}$`));
    const bytes = await readFile(await file.path());
    assert.ok(bytes.length > 100 && bytes.toString("latin1").startsWith(start), `${kind} holds ${bytes.subarray(0, 20)}`);
  }
});

test("the registered model becomes champion and predicts in the browser", async () => {
  await page.getByRole("button", { name: "Register model" }).click();
  await page.getByLabel("Model name").fill("churn");
  await page.getByRole("dialog").getByRole("button", { name: /^Register/ }).click();
  await page.waitForURL(/\/models\/churn/);
  await page.getByText("champion", { exact: false }).first().waitFor();
  await page.goto(`${server.url}/p/default/models/churn?tab=try`);
  await hydrated(page);
  await page.getByRole("button", { name: "Predict" }).click();
  await page.getByText("By version 1").waitFor();
});

test("a token from the settings page predicts over HTTP", async () => {
  await page.goto(`${server.url}/settings`);
  await hydrated(page);
  await page.getByLabel("What is it for").fill("End to end");
  await page.getByRole("button", { name: "Make token" }).click();
  const token = await page.getByText(/^ty_[A-Za-z0-9_-]+$/).first().textContent();
  const headers = { authorization: `Bearer ${token.trim()}`, "content-type": "application/json" };
  const rows = [{ customer: "C1", contract: "monthly", monthly: 95.5, months: 2 }];
  const plain = await fetch(`${server.url}/api/v1/models/churn/predict`, { method: "POST", headers, body: JSON.stringify({ rows }) });
  assert.equal(plain.status, 200, await plain.clone().text());
  const answer = await plain.json();
  assert.equal(answer.predictions[0].label, "yes");
  const inputs = [
    { name: "customer", shape: [1], datatype: "BYTES", data: ["C1"] },
    { name: "contract", shape: [1], datatype: "BYTES", data: ["monthly"] },
    { name: "monthly", shape: [1], datatype: "FP64", data: [95.5] },
    { name: "months", shape: [1], datatype: "INT64", data: [2] },
  ];
  const v2 = await fetch(`${server.url}/v2/models/churn/infer`, { method: "POST", headers, body: JSON.stringify({ inputs }) });
  assert.equal(v2.status, 200, await v2.clone().text());
  const outputs = (await v2.json()).outputs;
  assert.ok(outputs.some((output) => output.data.flat().includes("yes")));
});

test("every step is in the audit trail and the chain holds", async () => {
  await page.goto(`${server.url}/governance/audit`);
  await hydrated(page);
  await page.getByRole("button", { name: "Verify the chain" }).click();
  await page.getByText(/Verified to event/).waitFor();
  const text = await page.locator("main").innerText();
  assert.match(text, /churn/);
});

test("no page had a script error", () => {
  assert.deepEqual(page.faults, []);
});
