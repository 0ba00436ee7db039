/** A question leaves the descriptors of a process as they were, whatever its filters answer. */

import { assertEquals } from "@std/assert";
import {
  assemble,
  bpfJumpEqual,
  bpfLoad,
  bpfReturn,
  Errno,
  openDescriptors,
  StoppedThread,
  syscallNumber,
} from "../../../../ffi/mod.ts";
import { askEverything, askForPacketSocket } from "../../../../lib/inspect/asking/questions.ts";
import { startDaemon } from "../../../support/daemon.ts";
import { testNeeding } from "../../../support/needs.ts";

const needs = { root: true, programs: { cc: "gcc" } };
const { EPERM } = Errno;
const SUCCESS = 0x00050000; // SECCOMP_RET_ERRNO with errno 0

const filter = assemble([
  bpfLoad(0), // offsetof(struct seccomp_data, nr)
  bpfJumpEqual(syscallNumber("socket")!, 0, 1),
  bpfReturn(SUCCESS),
  bpfReturn(0x7fff0000),
]).toHex();

function stop(pid: number): StoppedThread {
  const thread = StoppedThread.stop(pid, 5000);
  if (thread === undefined) throw new Error("It has ended");
  return thread;
}

testNeeding(
  needs,
  "no question closes descriptor 0 when a filter reports it as a new socket",
  async () => {
    const words = ["groups=", "gid=65534", "uid=65534", "no-new-privs", `filter=${filter}`];
    await using daemon = await startDaemon(words);
    const before = openDescriptors(daemon.pid);
    {
      using thread = stop(daemon.pid);
      assertEquals(askForPacketSocket(thread, true), 0);
      const { asItIs, beneath } = askEverything(thread, true);
      assertEquals([asItIs.socket, beneath?.socket], [0, EPERM]);
    }
    assertEquals(openDescriptors(daemon.pid), before);
    await daemon.run("copies=0,1"); // it still has its standard input
  },
);

testNeeding(needs, "a packet socket that a thread could create is closed again", async () => {
  await using daemon = await startDaemon([]);
  const before = openDescriptors(daemon.pid);
  {
    using thread = stop(daemon.pid);
    for (const isFiltered of [true, false]) {
      assertEquals(askForPacketSocket(thread, isFiltered), 0);
      assertEquals(openDescriptors(daemon.pid), before);
    }
  }
  await daemon.run("copies=0,1");
});
