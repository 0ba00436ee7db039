/** A family is a process and what it has started and not left behind. */

import { assertEquals, assertThrows } from "@std/assert";
import { CannotAnswer } from "../../../../lib/evidence/errors.ts";
import { descendants } from "../../../../lib/inspect/processes/family.ts";
import { childrenOf } from "../../../../lib/inspect/processes/processes.ts";
import { startDaemon } from "../../../support/daemon.ts";
import { testNeeding } from "../../../support/needs.ts";

const needs = { root: true, programs: { cc: "gcc" } };
const CHILD = ["fork", "end"];

testNeeding(
  needs,
  "descendants() finds children of children, and none that has ended",
  async () => {
    await using daemon = await startDaemon([
      ...["fork", ...CHILD, "end"],
      ...["fork", "exit", "end"],
      // Its child is left behind, and becomes a child of init.
      ...["fork", ...CHILD, "exit", "end"],
    ]);
    const running = () => childrenOf(daemon.pid).filter(({ isAlive }) => isAlive);
    for (let tries = 0; running().length > 1 && tries < 10_000; tries++);
    const [{ pid: child }] = running();
    assertEquals(childrenOf(daemon.pid).length, 3);
    const [grandchild] = childrenOf(child).map(({ pid }) => pid);
    assertEquals(descendants(daemon.pid), [daemon.pid, child, grandchild]);
  },
);

testNeeding(needs, "descendants() throws if there are too many", async () => {
  await using daemon = await startDaemon();
  const hundred = Array.from({ length: 100 }, () => CHILD).flat();
  for (let i = 0; i < 10; i++) await daemon.run(...hundred);
  const { message } = assertThrows(() => descendants(daemon.pid), CannotAnswer);
  assertEquals(message, `Process ${daemon.pid} has 1000 descendants, more than 999`);
});
