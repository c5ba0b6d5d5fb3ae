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

/** Gives `{ url, folder, log(), stop() }` once the server answers. */
export async function startServer({ env = {}, args = [] } = {}) {
  const program = process.env.TRAINYARD_PROGRAM;
  if (!program) throw new Error("TRAINYARD_PROGRAM names no server. Run: cargo xtask test browser");
  const folder = await mkdtemp(join(tmpdir(), "trainyard-e2e-"));
  const url = `http://127.0.0.1:${await freePort()}`;
  const child = spawn(program, ["serve", ...args], {
    cwd: folder,
    env: {
      ...process.env,
      TRAINYARD_BIND: url.slice("http://".length),
      TRAINYARD_DATA_DIR: join(folder, "data"),
      TRAINYARD_ADMIN_PASSWORD: ADMIN.password,
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (output += chunk));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const deadline = Date.now() + 60_000;
  for (;;) {
    const answer = await fetch(`${url}/health`).catch(() => null);
    if (answer?.ok) break;
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`the server did not start:\n${output}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    url,
    folder,
    log: () => output,
    async stop() {
      child.kill("SIGTERM");
      const slow = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await ended;
      clearTimeout(slow);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
