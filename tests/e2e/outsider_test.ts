/**
 * The main job as strace sees it: an outsider who believes neither the parent nor the child.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { FDPASS_WITHOUT_PTRACE } from "./here.ts";
import { type Call, descriptorsIn, parseTrace, straced, type Trace } from "./strace.ts";

const strace = { root: true, programs: { strace: "strace" } };
const CALLS = "network,process,%creds,fcntl,close_range";

let whole: Promise<Trace> | undefined;
/** The one run that all tests look at. */
const mainJob = () => whole ??= straced(CALLS, [...FDPASS_WITHOUT_PTRACE, "-q", "veth-fdpass"]);

const succeeded = ({ result }: Call) => !result.startsWith("-1");

/** The processes that became Deno, in order: the parent and the child. */
function programs({ calls }: Trace): number[] {
  const becameDeno = (call: Call) =>
    call.name === "execve" && succeeded(call) && call.args.startsWith(`"${Deno.execPath()}"`);
  return calls.filter(becameDeno).map(({ tid }) => tid);
}

const CLONES = ["clone", "clone3", "fork", "vfork"];
const isThread = ({ args }: Call) => args.includes("CLONE_THREAD");

/** The threads of a process, from its start, each with its position in the output. */
function threadsOf(pid: number, { calls }: Trace): Map<number, number> {
  const threads = new Map([[pid, 0]]);
  for (const call of calls) {
    if (CLONES.includes(call.name) && threads.has(call.tid) && isThread(call) && succeeded(call)) {
      threads.set(Number.parseInt(call.result), call.ended);
    }
  }
  return threads;
}

/** The passed socket: the inode of the one descriptor in the `SCM_RIGHTS` message. */
function passedSocket({ calls }: Trace) {
  // The order of the two calls does not matter: the receiver may already be waiting.
  const messages = calls.filter(({ args }) => args.includes("SCM_RIGHTS"))
    .toSorted((one, other) => other.name.localeCompare(one.name));
  assertEquals(messages.map(({ name }) => name), ["sendmsg", "recvmsg"]);
  const carried = messages.map(({ args }) =>
    descriptorsIn(args.match(/cmsg_type=SCM_RIGHTS, cmsg_data=\[(.*?>)\]\}/)![1])
  );
  assertEquals(carried.map((descriptors) => descriptors.length), [1, 1]);
  const [[sent], [received]] = carried;
  return { sent, received, sendmsg: messages[0], recvmsg: messages[1] };
}

testNeeding(strace, "strace sees one SCM_RIGHTS message with one descriptor", async () => {
  const trace = await mainJob();
  assertEquals(trace.outcome.code, 0, trace.outcome.stderr);
  const [parent, child, ...more] = programs(trace);
  assertEquals(more, []);

  const { sent, received, sendmsg, recvmsg } = passedSocket(trace);
  assertEquals([sendmsg.tid, recvmsg.tid], [parent, child]);
  assertEquals(received.inode, sent.inode);
  assert(sendmsg.began < recvmsg.ended, "it is sent before it is received");
  for (const { args } of [sendmsg, recvmsg]) {
    assertEquals(args.match(/cmsg_len/g)?.length, 1);
    assertMatch(args, /cmsg_len=20, cmsg_level=SOL_SOCKET/);
    assert(!args.includes("MSG_CTRUNC"));
  }
  assertMatch(recvmsg.args, /MSG_CMSG_CLOEXEC/);
});

testNeeding(
  strace,
  "strace sees the socket made close-on-exec, bound only afterwards",
  async () => {
    const trace = await mainJob();
    const [parent] = programs(trace);
    const { inode } = passedSocket(trace).sent;
    const sockets = trace.calls.filter(({ name, args }) =>
      name === "socket" && /^AF_PACKET/.test(args)
    );
    for (const { args } of sockets) {
      assertMatch(args, /^AF_PACKET, SOCK_RAW\|SOCK_CLOEXEC, (htons\()?0\b/);
    }
    const [made] = sockets.filter(({ result }) => descriptorsIn(result)[0]?.inode === inode);
    const binds = trace.calls
      .filter(({ name, args }) => name === "bind" && descriptorsIn(args)[0]?.inode === inode);
    assertEquals([made.tid, ...binds.map(({ tid }) => tid)], [parent, parent]);
    assertMatch(
      binds[0].args,
      /sll_protocol=htons\(ETH_P_ALL\), sll_ifindex=if_nametoindex\("veth-fdpass"\)/,
    );
    assert(made.ended < binds[0].began);
  },
);

testNeeding(strace, "strace sees that the child does not inherit the socket", async () => {
  const trace = await mainJob();
  const [parent, child] = programs(trace);
  const { sent, recvmsg } = passedSocket(trace);
  const exec = trace.calls.find(({ name, tid }) => name === "execve" && tid === child)!;

  const crossing = trace.calls.filter(({ tid, name, args, began }) =>
    tid === parent && name === "fcntl" && /F_SETFD, 0/.test(args) && began < exec.ended
  );
  assertEquals(crossing.length, 1, "one descriptor is made to cross exec");
  const [channel] = descriptorsIn(crossing[0].args);
  assertEquals(descriptorsIn(recvmsg.args)[0], channel);
  const [closing] = trace.calls.filter(({ tid, name }) => tid === parent && name === "close_range");
  assertMatch(closing.args, /^3, .*CLOSE_RANGE_CLOEXEC/);
  assert(closing.ended < crossing[0].began && crossing[0].ended < exec.began);

  // The child asks what each descriptor is before the message arrives; strace shows the answers.
  const threads = threadsOf(child, trace);
  const before = trace.calls
    .filter(({ tid, began }) => threads.has(tid) && began > exec.ended && began < recvmsg.began)
    .flatMap(({ args }) => descriptorsIn(args));
  assert(before.some(({ inode }) => inode === channel.inode), "its descriptors are shown");
  assertEquals(before.filter(({ inode }) => inode === sent.inode), []);
});

testNeeding(
  strace,
  "strace sees setgroups, setresgid, setresuid, each on every thread",
  async () => {
    const trace = await mainJob();
    const child = programs(trace)[1];
    const threads = threadsOf(child, trace);
    const changes = [
      ["setgroups", "0, NULL"],
      ["setresgid", "65534, 65534, 65534"],
      ["setresuid", "65534, 65534, 65534"],
    ].map(([name, args]) =>
      trace.calls.filter((call) =>
        call.name === name && call.args === args && threads.has(call.tid)
      )
    );
    for (const calls of changes) {
      const alive = [...threads].filter(([tid, since]) =>
        since < calls[0].began && (trace.exits.get(tid) ?? Infinity) > calls.at(-1)!.ended
      );
      assert(alive.length > 1, "the child has threads");
      assertEquals(calls.map(({ tid }) => tid).sort(), alive.map(([tid]) => tid).sort());
      assertEquals(calls.filter(({ result }) => result !== "0"), []);
    }
    const [groups, gids, uids] = changes.map((calls) => ({
      first: Math.min(...calls.map(({ began }) => began)),
      last: Math.max(...calls.map(({ ended }) => ended)),
    }));
    assert(groups.last < gids.first && gids.last < uids.first, "in that order");

    const others = trace.calls.filter(({ tid, name, began }) =>
      threads.has(tid) && /^set.*[ug]id|^setgroups/.test(name) && began < groups.first
    );
    assertEquals(others, [], "no credential is changed before");
  },
);

testNeeding(strace, "strace sees no fork without exec", async () => {
  const trace = await mainJob();
  const forked = trace.calls
    .filter((call) => CLONES.includes(call.name) && !isThread(call))
    .map(({ result }) => Number.parseInt(result));
  const becamePrograms = new Set(
    trace.calls.filter((call) => call.name === "execve" && succeeded(call)).map(({ tid }) => tid),
  );
  assertEquals(forked.filter((pid) => !becamePrograms.has(pid)), []);
  assertEquals(forked.at(-1), programs(trace)[1], "the child is the last");
});

Deno.test("parseTrace() joins interrupted calls", () => {
  const { calls, exits } = parseTrace([
    "11    bind(3<socket:[7]>, {a=(1)}, 20 <unfinished ...>",
    "12    getuid() = 0",
    "11    <... bind resumed>)             = -1 EINVAL",
    "12    --- SIGRT_1 {si_signo=SIGRT_1} ---",
    "12    +++ exited with 0 +++",
  ].join("\n"));
  assertEquals(calls, [
    {
      tid: 11,
      name: "bind",
      args: "3<socket:[7]>, {a=(1)}, 20",
      result: "-1 EINVAL",
      began: 0,
      ended: 2,
      time: 0,
    },
    { tid: 12, name: "getuid", args: "", result: "0", began: 1, ended: 1, time: 0 },
  ]);
  assertEquals(exits.get(12), 4);
});
