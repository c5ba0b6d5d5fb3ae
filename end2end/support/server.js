// Starts the product as a stranger would, on an empty data folder and a free port.
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const ADMIN = { name: "admin", password: "a first pass phrase" };

async function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/**
 * Gives `{ url, folder, data, log(), pid(), stop(), kill(), start() }` once the server answers. `stop` takes the folder
 * away unless told to keep it; after `kill` (as by `kill -9`) or a stop that kept it, `start` serves it again.
 */
export async function startServer({ env = {}, args = [] } = {}) {
  const program = process.env.TRAINYARD_PROGRAM;
  if (!program) throw new Error("TRAINYARD_PROGRAM names no server. Run: cargo xtask test browser");
  const folder = await mkdtemp(join(tmpdir(), "trainyard-e2e-"));
  const data = join(folder, "data");
  const url = `http://127.0.0.1:${await freePort()}`;
  let output = "";
  let child, ended;

  async function start(more = {}) {
    child = spawn(program, ["serve", ...args], {
      cwd: folder,
      env: {
        ...process.env,
        TRAINYARD_BIND: url.slice("http://".length),
        TRAINYARD_DATA_DIR: data,
        TRAINYARD_ADMIN_PASSWORD: ADMIN.password,
        ...env,
        ...more,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    ended = new Promise((resolve) => child.once("exit", resolve));
    const deadline = Date.now() + 60_000;
    for (;;) {
      const answer = await fetch(`${url}/health`).catch(() => null);
      if (answer?.ok) return;
      if (child.exitCode !== null || Date.now() > deadline) throw new Error(`the server did not start:\n${output}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  await start();
  return {
    url,
    folder,
    data,
    start,
    log: () => output,
    pid: () => child.pid,
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
    async stop({ keep = false } = {}) {
      child.kill("SIGTERM");
      const slow = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await ended;
      clearTimeout(slow);
      if (!keep) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Signs the admin in and gives a function that calls the API: bytes are sent as they are, anything else as JSON. */
export async function apiClient(url) {
  const json = { "content-type": "application/json" };
  const signedIn = await fetch(`${url}/api/v1/sign-in`, { method: "POST", headers: json, body: JSON.stringify(ADMIN) });
  if (!signedIn.ok) throw new Error(await signedIn.text());
  const cookie = signedIn.headers.getSetCookie()[0].split(";")[0];
  const call = async (path, { method = "GET", body } = {}) => {
    const bytes = Buffer.isBuffer(body);
    const headers = { cookie, ...(body && { "content-type": bytes ? "application/octet-stream" : "application/json" }) };
    const answer = await fetch(`${url}/api/v1${path}`, { method, headers, body: bytes || !body ? body : JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
    return answer.json();
  };
  return Object.assign(call, { cookie });
}
