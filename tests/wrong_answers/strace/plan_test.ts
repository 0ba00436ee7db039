/** The plan follows from an undisturbed run: no call is forgotten, and every errno exists. */

import { assert, assertEquals } from "@std/assert";
import { errnoName } from "../../../ffi/mod.ts";
import { errnosOf, GENERAL } from "./errnos.ts";
import type { LoggedCall, RunRecord } from "./injection.ts";
import { parseMarkedLog } from "./log.ts";
import { planFor, unknownCalls } from "./plan.ts";

const RUN = { by: "strace" as const, args: ["veth-fdpass"], limit: 1000 };

function call(name: string, libc: string, ordinal = 1): LoggedCall {
  return {
    ...{ tid: 1, side: "parent", name, ordinal, args: "", result: "0", injected: false },
    ...{ libc, place: "here", turn: ordinal, nth: 1 },
  };
}

function recordOf(...calls: LoggedCall[]): RunRecord {
  const most = Object.fromEntries(calls.map(({ name, ordinal }) => [name, ordinal]));
  return {
    ...{ job: RUN, code: 0, stdout: "", stderr: "", milliseconds: 0, hung: false },
    ...{
      left: { processes: [], interfaces: [], files: [], sockets: [] },
      injected: [],
      untrue: [],
    },
    ...{ calls, elsewhere: [], most },
  };
}

Deno.test("planFor() tries every errno of a call, the general ones, and a success that did not happen", () => {
  const record = recordOf(call("bind", "bind"));
  const answers = planFor(RUN, record, record).map(({ answer }) => answer);
  const errnos = answers.flatMap((each) => "errno" in each ? [each.errno] : []);
  assertEquals(new Set(errnos), new Set(errnosOf("bind")));
  assert(GENERAL.every((errno) => errnos.includes(errno)));
  assert(answers.some((each) => "result" in each && each.result === 0));
});

Deno.test("planFor() tries every place, and in a loop the first turns and the last", () => {
  const loop = Array.from({ length: 50 }, (_, i) => call("bind", "bind", i + 1));
  const record = recordOf(...loop, { ...call("bind", "bind", 51), place: "there", turn: 1 });
  const turns = planFor(RUN, record, record).map(({ place, turn }) => `${place} ${turn}`);
  const here = [1, 2, 3, 4, 5, 50].map((turn) => `here ${turn}`);
  assertEquals(new Set(turns), new Set([...here, "there 1"]));
});

Deno.test("unknownCalls() names a system call that is not in the table", () => {
  const record = recordOf(call("fanotify_init", "syscall"), call("bind", "bind"));
  assertEquals(unknownCalls(record), ["fanotify_init"]);
});

Deno.test("planFor() leaves out the calls that libc makes for itself, and those in one run only", () => {
  const record = recordOf(call("futex", "close"), call("mmap", "open"), call("bind", "bind"));
  assertEquals(planFor(RUN, record, recordOf()), []);
  const names = planFor(RUN, record, record).map(({ syscall }) => syscall);
  assertEquals(new Set(names), new Set(["bind"]));
});

Deno.test("Every errno of the table exists", () => {
  const names = new Set(Array.from({ length: 134 }, (_, errno) => errnoName(errno)));
  for (const syscall of ["bind", "openat", "sendmsg", "io_uring_enter", "prctl"]) {
    for (const errno of errnosOf(syscall)) assert(names.has(errno), `${syscall}: ${errno}`);
  }
});

const LOG = `
7 1.000001 bind(3, {sa_family=AF_UNIX}, 20) = 0
7 1.000002 access("fdpass-mark/begin/bind/bind@socket.ts:37 parent@x.ts:1", F_OK) = -1 ENOENT (No such file or directory)
9 1.000003 bind(4, {sa_family=AF_UNIX}, 20) = 0
7 1.000004 bind(5, {sa_family=AF_PACKET}, 20) = -1 EIO (Input/output error) (INJECTED)
7 1.000005 access("fdpass-mark/end/bind", F_OK) = -1 ENOENT (No such file or directory)
7 1.000006 close(5) = 0
`;

Deno.test("parseMarkedLog() tells the tool's system calls from its runtime's, thread by thread", () => {
  const seen = parseMarkedLog(LOG).map(({ tid, side, name, libc, ordinal, injected, place }) =>
    [tid, side, name, libc, ordinal, injected, place].join(" ").trim()
  );
  assertEquals(seen, [
    "7 parent bind  1 false",
    "9  bind  1 false",
    "7 parent bind bind 2 true bind@socket.ts:37 parent@x.ts:1",
    "7 parent close  1 false",
  ]);
});
