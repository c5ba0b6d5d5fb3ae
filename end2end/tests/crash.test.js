// What is left when a process is killed: nothing is lost, and a job goes on to the very same model.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { apiClient, startServer } from "../support/server.js";

let server, api, version, undisturbed;

/** Two waves in six columns; enough rows for an epoch to take a moment. */
function waves(rows) {
  let state = 7;
  const random = () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
  const lines = ["a,b,c,d,kind,y"];
  for (let i = 0; i < rows; i++) {
    const [a, b, c, d] = [random(), random(), random(), random()];
    const kind = "pqrst"[Math.floor(random() * 5)];
    lines.push(`${a},${b},${c},${d},${kind},${Math.sin(6 * a) + b * c + (kind === "p" ? 1 : 0) + 0.1 * random()}`);
  }
  return lines.join("\n") + "\n";
}

async function until(what, look, seconds = 120) {
  for (const deadline = Date.now() + seconds * 1000; Date.now() < deadline; ) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`waited ${seconds} s for ${what}\n${server.log()}`);
}

async function startRun() {
  const settings = { target: "y", family: "realmlp", epochs: 60, seed: 5, device: "cpu" };
  return (await api("/projects/default/runs", { method: "POST", body: { dataset_version: version, settings } })).summary.id;
}

const read = (run) => api(`/projects/default/runs/${run}`);
const log = async (run) => (await api(`/projects/default/runs/${run}/log`)).map((line) => line.line).join("\n");

/** Waits until the net has learned for some epochs, with most of them still to come. */
async function inTheMiddle(run) {
  await until("some epochs", async () => {
    const { job } = (await read(run)).summary;
    assert.ok(["queued", "running"].includes(job.state), `the run is ${job.state} already: ${job.reason}`);
    const series = await api(`/projects/default/runs/${run}/metrics`);
    return series.some((s) => !s.key.startsWith("linear/") && s.key.endsWith("loss") && s.steps.at(-1) >= 4);
  });
}

async function finished(run, seconds) {
  return until("the run's end", async () => {
    const view = await read(run);
    return ["succeeded", "failed", "cancelled"].includes(view.summary.job.state) && view;
  }, seconds);
}

/** Process ids of the children of `parent` whose command line holds `word`. */
function children(parent, word) {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).filter((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const of = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      return of === parent && readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes(word);
    } catch {
      return false;
    }
  }).map(Number);
}

before(async () => {
  server = await startServer();
  api = await apiClient(server.url);
  const upload = await api("/projects/default/uploads?name=waves.csv", { method: "POST", body: Buffer.from(waves(6000)) });
  version = (await api(`/projects/default/uploads/${upload.id}/commit`, { method: "POST", body: { name: "Waves" } })).summary.id;
  const run = await startRun();
  const view = await finished(run);
  assert.equal(view.summary.job.state, "succeeded", JSON.stringify(view.problem));
  undisturbed = view.result;
});

after(() => server?.stop());

test("a worker asks a process for its device and its speed", async () => {
  const ask = (question) => JSON.parse(execFileSync(process.env.TRAINYARD_PROGRAM, ["job", question], { stdio: ["ignore", "pipe", "ignore"] }).toString().trim().split("\n").at(-1));
  assert.match(ask("--probe").device, /CPU|GPU|NVIDIA|AMD|Intel/);
  assert.ok(ask("--calibrate").net_seconds > 0);
});

test("the same spec gives the same weights", async () => {
  const view = await finished(await startRun());
  assert.equal(view.result.model_hash, undisturbed.model_hash);
});

test("a killed job process fails its run with the reason, and the queue goes on", async () => {
  const run = await startRun();
  const next = await startRun();
  await inTheMiddle(run);
  const [job] = children(server.pid(), "job");
  process.kill(job, "SIGKILL");
  const view = await finished(run);
  assert.equal(view.summary.job.state, "failed");
  assert.match(view.problem.message, /killed|memory/i);
  assert.equal((await finished(next)).result.model_hash, undisturbed.model_hash);
});

test("a paused run gives its device up, and goes on to the same weights when it is resumed", async () => {
  const run = await startRun();
  await inTheMiddle(run);
  const paused = await api(`/projects/default/runs/${run}/pause`, { method: "POST" });
  assert.equal(paused.summary.job.paused, true);
  await until("the job's process to end", async () => (await read(run)).summary.job.state === "queued", 60);
  assert.deepEqual(children(server.pid(), "job"), []);
  // Others pass it by.
  const other = await startRun();
  assert.equal((await finished(other)).result.model_hash, undisturbed.model_hash);
  assert.equal((await read(run)).summary.job.state, "queued");
  await api(`/projects/default/runs/${run}/resume`, { method: "POST" });
  const view = await finished(run);
  assert.equal(view.summary.job.state, "succeeded", JSON.stringify(view.problem));
  assert.match(await log(run), /Going on from the checkpoint/);
  assert.equal(view.result.model_hash, undisturbed.model_hash);
});

test("after kill -9 of the server the run goes on from its checkpoint to the same weights", async () => {
  const run = await startRun();
  const waiting = await startRun();
  await inTheMiddle(run);
  const [job] = children(server.pid(), "job");
  await server.kill();
  await until("the orphan's end", () => {
    try {
      return !readFileSync(`/proc/${job}/cmdline`, "utf8").includes("job");
    } catch {
      return true;
    }
  }, 20);
  await server.start();
  const view = await finished(run);
  assert.equal(view.summary.job.state, "succeeded", JSON.stringify(view.problem));
  assert.equal(view.summary.job.attempt, 2);
  assert.match(await log(run), /Going on from the checkpoint/);
  assert.equal(view.result.model_hash, undisturbed.model_hash);
  assert.deepEqual(view.result.metrics, undisturbed.metrics);
  assert.equal((await finished(waiting)).result.model_hash, undisturbed.model_hash);
});

test("after kill -9 of a worker another one takes its run over, to the same weights", async () => {
  await server.stop({ keep: true });
  await server.start({ TRAINYARD_WORKER: "false" });
  const worker = (name) =>
    spawn(process.env.TRAINYARD_PROGRAM, ["worker", "--data-dir", server.data, "--name", name], { cwd: server.folder, stdio: "ignore" });
  const first = worker("first");
  let second;
  try {
    const run = await startRun();
    await inTheMiddle(run);
    first.kill("SIGKILL");
    second = worker("second");
    // The dead worker's lease has to run out first.
    const view = await finished(run, 180);
    assert.equal(view.summary.job.state, "succeeded", JSON.stringify(view.problem));
    assert.equal(view.summary.job.attempt, 2);
    assert.equal(view.result.model_hash, undisturbed.model_hash);
  } finally {
    first.kill("SIGKILL");
    second?.kill("SIGKILL");
  }
});

test("the audit chain holds after all of it", () => {
  const answer = JSON.parse(execFileSync(process.env.TRAINYARD_PROGRAM, ["verify-audit", "--data-dir", server.data, "--json"], { encoding: "utf8" }));
  assert.ok(answer.intact, JSON.stringify(answer));
  assert.ok(answer.events >= 8, JSON.stringify(answer));
});
