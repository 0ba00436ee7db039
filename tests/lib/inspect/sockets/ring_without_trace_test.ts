import { assert, assertEquals } from "@std/assert";
import { OwnedFd, readLink, setCloseOnExec } from "../../../../ffi/mod.ts";
import { askDaemon } from "../../../../lib/inspect/asking/asking.ts";
import { seeDaemon } from "../../../../lib/inspect/daemon.ts";
import { whyRingWithoutTrace } from "../../../../lib/inspect/sockets/ring_without_trace.ts";
import { seePacketSockets } from "../../../../lib/inspect/sockets/socket_state.ts";
import { boundPacketSocket } from "../../../../lib/packets/socket.ts";
import { ringTest } from "../../../ffi/io_uring/rings.ts";
import { command } from "../../../ffi/programs.ts";
import { startDaemon } from "../../../support/daemon.ts";
import { testNeeding } from "../../../support/needs.ts";

/** Starts a process that hides a socket, and looks at it while this process holds that or not. */
async function hiding(isHeldHere: boolean, look: (pid: number, link: string) => void) {
  using bound = new OwnedFd(boundPacketSocket(1, 0).fd);
  const link = readLink(`/proc/self/fd/${bound.fd}`);
  setCloseOnExec(bound.fd, false);
  const [program, ...args] = command("lib/inspect/programs/ring_without_trace.ts", [`${bound.fd}`]);
  const child = new Deno.Command(program, { args, stdin: "null", stdout: "piped" }).spawn();
  setCloseOnExec(bound.fd, true);
  try {
    const output = child.stdout.getReader();
    assertEquals(new TextDecoder().decode((await output.read()).value), "0");
    await output.cancel();
    if (!isHeldHere) bound.close();
    look(child.pid, link);
  } finally {
    child.kill("SIGKILL");
    await child.status;
  }
}

if (Deno.uid() === 0) {
  ringTest(
    "A socket in a ring without a trace, which another process shows, is found by asking",
    () =>
      hiding(true, (pid, link) => {
        const daemon = seeDaemon(pid);
        const sockets = seePacketSockets(daemon);
        assertEquals([sockets.states, sockets.hidden, sockets.ofOthers], [[], [], [link]]);
        assert(whyRingWithoutTrace(sockets, undefined)?.includes(`(${link}); --ask tells`));
        const reason = whyRingWithoutTrace(sockets, askDaemon(daemon));
        assert(reason?.endsWith(`(${link}): thread ${pid} has used one`), reason);
      }),
  );

  ringTest(
    "A socket in a ring without a trace, which no process shows, is possibly hidden",
    () =>
      hiding(false, (pid, link) => {
        const sockets = seePacketSockets(seeDaemon(pid));
        assertEquals([sockets.ofOthers, sockets.hidden.length], [[], 1]);
        assert(sockets.hidden[0].includes(`${link} in net:[`), sockets.hidden[0]);
        assertEquals(whyRingWithoutTrace(sockets, undefined), undefined);
      }),
  );
}

testNeeding(
  { root: true, programs: { cc: "gcc" } },
  "Threads that have never used a ring answer so, with a filter or without",
  async () => {
    using _other = boundPacketSocket(1, 0);
    const drop = ["groups=", "gid=65534", "uid=65534"];
    const allow = "060000000000ff7f"; // BPF_RET, SECCOMP_RET_ALLOW
    for (const filter of [[], [`filter=${allow}`]]) {
      await using daemon = await startDaemon([...filter, ...drop, "threads=2"]);
      const seen = seeDaemon(daemon.pid);
      const sockets = seePacketSockets(seen);
      assertEquals(sockets.ofOthers.length, 1);
      const asked = askDaemon(seen);
      assertEquals(asked.threads.map(({ usedRing }) => usedRing), [false, false, false]);
      assertEquals(whyRingWithoutTrace(sockets, asked), undefined);
    }
  },
);

Deno.test("whyRingWithoutTrace() needs every thread's answer", () => {
  const asked = (...answers: (boolean | undefined)[]) => ({
    threads: answers.map((usedRing, i) => ({ tid: 10 + i, usedRing })) as never,
  });
  const sockets = { ofOthers: ["socket:[1]", "socket:[2]", "socket:[3]", "socket:[4]"] };
  const may = "an io_uring that shows nowhere may use packet sockets of other processes " +
    "(socket:[1], socket:[2], socket:[3], …)";
  assertEquals(whyRingWithoutTrace(sockets, asked(false, false)), undefined);
  const of = (...answers: (boolean | undefined)[]) =>
    whyRingWithoutTrace(sockets, asked(...answers));
  assertEquals(of(false, undefined), `${may}: thread 11 cannot be asked`);
  assertEquals(of(undefined, true), `${may}: thread 11 has used one`);
  assertEquals(whyRingWithoutTrace({ ofOthers: [] }, asked(true)), undefined);
});
