import { assertEquals } from "@std/assert";
import { ownThreads, WaitingThreads } from "../../../ffi/mod.ts";
import { testNeeding } from "../../support/needs.ts";
import { command, resultOf } from "../programs.ts";
import { threads } from "./tasks.ts";

Deno.test("ownThreads() agrees with /proc", () => {
  using _threads = new WaitingThreads(5);
  const own = ownThreads();
  assertEquals(new Set([...own.keys()].map(String)), threads());
  assertEquals(own.get(Deno.pid), `/proc/self/task/${Deno.pid}`);
});

for (
  const { where, words } of [
    { where: "in an outer PID namespace", words: [] },
    {
      where: "nowhere",
      words: ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh"],
    },
  ]
) {
  testNeeding(
    { root: true },
    `ownThreads() finds the ids of this PID namespace where /proc shows them ${where}`,
    async () => {
      const program = command("ffi/process/programs/without_proc.ts", ["list"]);
      await resultOf(program); // fills the cache, which needs /proc
      const { pid, accepted, found } = await resultOf([
        "unshare",
        "--pid",
        "--fork",
        ...words,
        ...program,
      ]);
      assertEquals(accepted, found);
      assertEquals([pid, found.includes(pid)], [1, true]);
    },
  );
}
