import { assertEquals, assertThrows } from "@std/assert";
import { readInstalledFilters, readTextFile, SystemError } from "../../../ffi/mod.ts";
import { testNeeding } from "../../support/needs.ts";
import { command } from "../programs.ts";
import { end, nextWords, sendLine, start, withCompiled } from "../talking.ts";

const TIMEOUT = 5000;
const root = { root: true };

/** The number of filters that /proc reports. Source: proc_pid_status(5). */
function filtersOf(pid: number): number {
  const status = readTextFile(`/proc/${pid}/status`);
  return Number(status.match(/^Seccomp_filters:\s*(\d+)$/m)![1]);
}

testNeeding(
  root,
  "readInstalledFilters() returns the programs as they were installed, the oldest first",
  async () => {
    const child = start(command("ffi/seccomp/programs/two_filters.ts"));
    const printed: string[] = JSON.parse(await nextWords(child));
    const found = readInstalledFilters(child.pid, TIMEOUT).map((program) => program.toBase64());
    assertEquals(found.slice(-2), printed); // filters of the surroundings come first
    assertEquals(printed.length, 2);
    assertEquals(await end(child), 7);
  },
);

testNeeding(
  root,
  "readInstalledFilters() lets the process continue as before, however often it is called",
  async () => {
    const child = start(["sh", "-c", "echo ready; read line; exit 7"]);
    await nextWords(child);
    const before = readInstalledFilters(child.pid, TIMEOUT).length;
    for (let i = 0; i < 50; i++) {
      assertEquals(readInstalledFilters(child.pid, TIMEOUT).length, before);
    }
    assertEquals(await end(child), 7);
  },
);

testNeeding(
  { ...root, programs: { cc: "gcc" } },
  "readInstalledFilters() loses no signal of the process",
  () =>
    withCompiled("asked.c", async (program) => {
      const child = start([program, "signals", "3000"]);
      assertEquals(await nextWords(child), "ready\n");
      const error = assertThrows(() => {
        for (;;) readInstalledFilters(child.pid, TIMEOUT);
      }, SystemError);
      assertEquals(error.code, "ESRCH"); // it has received them all
      assertEquals(await end(child), 7);
    }),
);

testNeeding(
  { ...root, programs: { strace: "strace" } },
  "readInstalledFilters() throws EPERM if there is another tracer",
  async () => {
    // strace is the parent of the program, which therefore prints its own pid.
    const child = start(["strace", "-o", "/dev/null", "sh", "-c", "echo $$; read line"]);
    const pid = Number(await nextWords(child));
    const error = assertThrows(() => readInstalledFilters(pid, TIMEOUT), SystemError);
    assertEquals([error.syscall, error.code], ["ptrace", "EPERM"]);
    await end(child);
  },
);

testNeeding(
  { ...root, programs: { cc: "gcc" } },
  "readInstalledFilters() throws ETIMEDOUT for a process that does not stop, and resumes it once it does",
  () =>
    withCompiled("vforked.c", async (program) => {
      const child = start([program]);
      assertEquals(await nextWords(child), "ready\n");
      const error = assertThrows(() => readInstalledFilters(child.pid, 20), SystemError);
      assertEquals([error.syscall, error.code], ["ptrace", "ETIMEDOUT"]);
      await sendLine(child);
      assertEquals(await nextWords(child), "on\n");
      assertEquals(readInstalledFilters(child.pid, TIMEOUT).length, filtersOf(child.pid));
      assertEquals(await end(child), 7);
    }),
);

testNeeding(root, "readInstalledFilters() throws ESRCH if there is no such process", () => {
  const highest = 4194305; // PID_MAX_LIMIT + 1
  const error = assertThrows(() => readInstalledFilters(highest, TIMEOUT), SystemError);
  assertEquals(error.code, "ESRCH");
});
