import { assert, assertEquals, assertThrows } from "@std/assert";
import { readInstalledFilters, SystemError } from "../../ffi/mod.ts";
import { testNeeding } from "../support/needs.ts";
import { command, run } from "./programs.ts";

const TIMEOUT = 5000;
const root = { root: true };

function start([program, ...args]: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(program, { args, stdin: "piped", stdout: "piped" }).spawn();
}

/** What a program has told so far. */
async function firstWords(child: Deno.ChildProcess): Promise<string> {
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  return new TextDecoder().decode(value);
}

async function end(child: Deno.ChildProcess): Promise<number> {
  await child.stdin.close();
  await child.stdout.cancel();
  return (await child.status).code;
}

testNeeding(
  root,
  "readInstalledFilters() returns the programs as they were installed, the oldest first",
  async () => {
    const child = start(command("two_filters.ts"));
    const told: string[] = JSON.parse(await firstWords(child));
    const found = readInstalledFilters(child.pid, TIMEOUT).map((program) => program.toBase64());
    assertEquals(found.slice(-2), told); // what all of this runs under comes before
    assertEquals(told.length, 2);
    assertEquals(await end(child), 7);
  },
);

testNeeding(
  root,
  "readInstalledFilters() lets the process go on as before, however often",
  async () => {
    const child = start(["sh", "-c", "echo ready; read line; exit 7"]);
    await firstWords(child);
    const before = readInstalledFilters(child.pid, TIMEOUT).length;
    for (let i = 0; i < 50; i++) {
      assertEquals(readInstalledFilters(child.pid, TIMEOUT).length, before);
    }
    assertEquals(await end(child), 7);
  },
);

testNeeding(
  { ...root, programs: { strace: "strace" } },
  "readInstalledFilters() throws EPERM if another tracer is there",
  async () => {
    // strace is the parent of what it traces: the program tells its own pid.
    const child = start(["strace", "-o", "/dev/null", "sh", "-c", "echo $$; read line"]);
    const pid = Number(await firstWords(child));
    const error = assertThrows(() => readInstalledFilters(pid, TIMEOUT), SystemError);
    assertEquals([error.syscall, error.code], ["ptrace", "EPERM"]);
    await end(child);
  },
);

testNeeding(
  { ...root, programs: { cc: "gcc" } },
  "readInstalledFilters() throws ETIMEDOUT for a process that does not stop, and lets it go on when it does",
  async () => {
    const folder = await Deno.makeTempDir();
    try {
      const program = `${folder}/vforked`;
      const source = new URL("programs/vforked.c", import.meta.url).pathname;
      await run(["cc", "-Wall", "-Werror", "-o", program, source]);
      const child = start([program]);
      const watchdog = setTimeout(() => child.kill("SIGKILL"), TIMEOUT);
      assertEquals(await firstWords(child), "ready\n");
      const error = assertThrows(() => readInstalledFilters(child.pid, 20), SystemError);
      assertEquals([error.syscall, error.code], ["ptrace", "ETIMEDOUT"]);
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode("\n"));
      writer.releaseLock();
      assertEquals(await firstWords(child), "on\n");
      assert(Array.isArray(readInstalledFilters(child.pid, TIMEOUT)), "it can be asked again");
      assertEquals(await end(child), 7);
      clearTimeout(watchdog);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

testNeeding(root, "readInstalledFilters() throws ESRCH if there is no such process", () => {
  const highest = 4194305; // PID_MAX_LIMIT + 1
  const error = assertThrows(() => readInstalledFilters(highest, TIMEOUT), SystemError);
  assertEquals(error.code, "ESRCH");
});
