import { assert, assertEquals } from "@std/assert";
import { seeSurroundings } from "../../../../lib/inspect/prediction/surroundings.ts";
import { threadCredentials } from "../../../../lib/inspect/threads/threads.ts";
import { testNeeding } from "../../../support/needs.ts";
import { ROOT, runProgram } from "../../../support/programs.ts";
import { credentials, daemon } from "../../../support/subjects.ts";

/** This process, in the form of a daemon. */
const self = (shown: Parameters<typeof daemon>[0] = {}) =>
  daemon({ pid: Deno.pid, threads: threadCredentials("self"), ...shown });

Deno.test("seeSurroundings() reads the settings of this kernel, and the limits of the process", () => {
  const seen = seeSurroundings(self());
  const setting = (path: string) => {
    try {
      return Deno.readTextFileSync(`/proc/sys/${path}`).trim();
    } catch {
      return undefined;
    }
  };
  assertEquals(seen.ioUringDisabled, setting("kernel/io_uring_disabled"));
  assertEquals(seen.unprivilegedBpfDisabled, setting("kernel/unprivileged_bpf_disabled"));
  assertEquals(seen.maxUserNamespaces, setting("user/max_user_namespaces"));
  assertEquals(seen.ptraceScope, setting("kernel/yama/ptrace_scope"));
  const [, hard] = Deno.readTextFileSync("/proc/self/limits").match(
    /^Max open files +\S+ +(\d+)/m,
  )!;
  assertEquals(seen.mostDescriptors, Number(hard));
  assertEquals(seen.kernelThreads, []);
});

Deno.test("seeSurroundings() looks into no root folder but its own", () => {
  assertEquals(seeSurroundings(self()).hasNullDevice, true);
  const elsewhere = [
    { root: "/run/x" },
    { root: null },
    { namespaces: [{ kind: "mnt", link: "mnt:[1]", same: false }] },
    { namespaces: [] },
  ];
  for (const shown of elsewhere) {
    const { hasNullDevice, hasSetUidProgram } = seeSurroundings(self({ shown }));
    assertEquals([hasNullDevice, hasSetUidProgram], [undefined, undefined]);
  }
});

Deno.test("seeSurroundings() knows a kernel thread, and nothing of a process that is gone", () => {
  const kthreadd = credentials({ tid: 2 });
  const { kernelThreads } = seeSurroundings(daemon({ threads: [kthreadd] }));
  const isVisible = () => Deno.readTextFileSync("/proc/2/comm").trim() === "kthreadd";
  try {
    if (isVisible()) assertEquals(kernelThreads, [2]);
  } catch {
    assertEquals(kernelThreads, []); // another PID namespace
  }
  assertEquals(seeSurroundings(daemon({ pid: 1 << 22 })).mostDescriptors, undefined);
});

if (Deno.build.arch === "x86_64") {
  testNeeding(
    { programs: { cc: "gcc" } },
    "A filter that does not look at the architecture refuses no call of 32-bit programs",
    async () => {
      const source = `${ROOT}/tests/lib/inspect/prediction/programs/by_32_bits.c`;
      const program = await Deno.makeTempFile();
      try {
        const { stderr } = await runProgram("cc", ["-o", program, source]);
        assertEquals(stderr, "");
        const { code, stdout } = await runProgram(program, []);
        const takes32Bits = seeSurroundings(self()).abis.includes("i386");
        // Without such programs the gate ends the process.
        assert(takes32Bits ? stdout === "-1 1\n" : code !== 0, `${code} ${stdout}`);
      } finally {
        await Deno.remove(program);
      }
    },
  );
}
