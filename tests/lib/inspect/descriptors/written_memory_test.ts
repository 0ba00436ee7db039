/** Descriptors by which a process may write the memory of another one. */

import { assert, assertEquals } from "@std/assert";
import { seeDaemon } from "../../../../lib/inspect/daemon.ts";
import { TOO_LONG } from "../../../../lib/inspect/links.ts";
import { mayBeMemory } from "../../../../lib/inspect/descriptors/written_memory.ts";
import { startDaemon } from "../../../support/daemon.ts";
import { testNeeding } from "../../../support/needs.ts";

const NOBODY = ["groups=", "gid=65534", "uid=65534"];
const compiled = { root: true, programs: { cc: "gcc" } };

testNeeding(compiled, "The memory of a process of root's, open for writing, is found", async () => {
  await using root = await startDaemon();
  await using daemon = await startDaemon([`open=/proc/${root.pid}/mem`, ...NOBODY]);
  assertEquals(seeDaemon(daemon.pid).writtenMemories, [
    `descriptor 3 (/proc/${root.pid}/mem) writes the memory of a process, which may have privileges`,
  ]);
});

testNeeding(compiled, "It is found under another name, and where its mount is gone", async () => {
  await using root = await startDaemon();
  const file = await Deno.makeTempFile();
  const mounting = `mount --bind /proc/${root.pid}/mem ${file}; exec 9<>${file}; `;
  for (const [more, isFound] of [["", /mem\)|tmp/], [`umount -l ${file}; `, /\(\/\)/]] as const) {
    const through = ["unshare", "--mount", "sh", "-c", `${mounting}${more}exec "$0" "$@"`];
    await using daemon = await startDaemon(NOBODY, { through });
    const { writtenMemories } = seeDaemon(daemon.pid);
    assertEquals(writtenMemories.length, 1);
    assert(isFound.test(writtenMemories[0]), writtenMemories[0]);
  }
  // In a mount namespace that does not show, under the name of a file of memory.
  const memory = "/memfd:x";
  const elsewhere = `mount -t tmpfs none /mnt; mkdir -p /mnt/old; touch /mnt${memory}; ` +
    `mount --bind /proc/${root.pid}/mem /mnt${memory}; exec 9<>/mnt${memory}; ` +
    'exec nsenter --mount=/proc/1/ns/mnt "$0" "$@"';
  await using daemon = await startDaemon(NOBODY, {
    through: ["unshare", "--mount", "sh", "-c", elsewhere],
  });
  assertEquals(seeDaemon(daemon.pid).writtenMemories.length, 1);
  await Deno.remove(file);
});

testNeeding(compiled, "A descriptor that fills memory, or answers calls, is found", async () => {
  await using daemon = await startDaemon(["userfaultfd", "answer-calls", ...NOBODY]);
  assertEquals(seeDaemon(daemon.pid).writtenMemories, [
    "descriptor 3 (anon_inode:[userfaultfd]) controls a process, which may have privileges",
    "descriptor 4 (anon_inode:seccomp notify) controls a process, which may have privileges",
  ]);
});

testNeeding(compiled, "Other files that are open for writing are none", async () => {
  const folder = await Deno.makeTempDir();
  const script = `exec 7<>/proc/self/oom_score_adj 8<>${folder}/mem; ` +
    'mount -t tmpfs none /mnt; exec 9<>/mnt/log; umount -l /mnt; exec "$0" "$@"';
  await using daemon = await startDaemon(
    ["open-path=/proc/self/mem", "open=/dev/null", ...NOBODY],
    { through: ["unshare", "--mount", "sh", "-c", script] },
  );
  assertEquals(seeDaemon(daemon.pid).writtenMemories, []);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("mayBeMemory() knows the name by the mount, if that shows", () => {
  const proc = { root: "/", type: "proc" };
  assert(mayBeMemory("/proc/1/mem", proc));
  assert(mayBeMemory("/proc/1/task/1/mem (deleted)", proc));
  assert(mayBeMemory("/tmp/log", { root: "/1/mem", type: "proc" }));
  assert(mayBeMemory("/mem", undefined));
  assert(mayBeMemory("/", undefined));
  assert(mayBeMemory(`/${"x".repeat(255)}`, proc));
  assert(mayBeMemory(TOO_LONG, proc));
  assert(!mayBeMemory(TOO_LONG, { root: "/", type: "ext4" }));
  assert(!mayBeMemory("/tmp/mem", { root: "/", type: "ext4" }));
  assert(!mayBeMemory("/proc/sys/vm/overcommit_memory", proc));
});
