import { assert, assertEquals } from "@std/assert";
import { CAP_NET_RAW, SECCOMP_RET_ERRNO } from "../../../../ffi/abi/constants.ts";
import { receiveOnlyPolicy } from "../../../../lib/confine/policy.ts";
import { assemble, bpfLoad, bpfReturn } from "../../../../ffi/packet/bpf.ts";
import { compileFilter } from "../../../../ffi/seccomp/seccomp.ts";
import { OPERATION_NAMES, type OperationName } from "../../../../lib/evidence/operations.ts";
import {
  KIND_LIMIT,
  OTHERS,
  predict,
  PROCESS,
  SOCKET_LIMIT,
} from "../../../../lib/inspect/prediction/predict.ts";
import { CANNOT_TELL, type Subject } from "../../../../lib/inspect/subject.ts";
import {
  askedSubject,
  askedThread,
  capabilities,
  credentials,
  daemon,
  descriptor,
  filterOf,
  outcomeOf,
  packetSocket,
  predicted,
  subject,
  surroundings,
} from "../../../support/subjects.ts";

/** The outcomes of every operation, by outcome, in the first column. */
function byOutcome(of: Subject): Record<string, OperationName[]> {
  const matrix = predict(of, surroundings());
  const [column] = matrix.get("send")!.keys();
  const outcome = (name: OperationName) => matrix.get(name)!.get(column)!.outcome;
  return Object.fromEntries(Map.groupBy(OPERATION_NAMES, outcome));
}

/** What the kernel refuses to a process without privileges. */
const REFUSED: { readonly [outcome: string]: OperationName[] } = {
  EPERM: ["packet-socket", "priority", "mark", "receive-buffer", "interface-down"],
  EOPNOTSUPP: ["shutdown"],
  EBADF: ["forgotten-descriptor", "early-ring", "early-personality"],
  "no effect": ["user-namespace-socket", "early-polled-ring"],
};

Deno.test("predict() gives every operation an outcome, in the order of the catalogue", () => {
  const matrix = predict(subject(), surroundings());
  assertEquals([...matrix.keys()], OPERATION_NAMES);
  for (const columns of matrix.values()) assertEquals([...columns.keys()], ["fd 5"]);
});

Deno.test("Without privileges and filters, only what the kernel checks is refused", () => {
  const { allowed, [CANNOT_TELL]: untold, ...refused } = byOutcome(subject());
  assertEquals(refused, REFUSED);
  assertEquals(untold, ["outlive-parent"]);
  assertEquals(allowed.length, OPERATION_NAMES.length - Object.values(REFUSED).flat().length - 1);
});

Deno.test("Every reason has less than 100 characters, and whatever is refused has a wall", () => {
  const hidden = credentials({ seccomp: 2, filters: 1 });
  const of = [subject(), subject(daemon({ threads: [hidden] })), hardened, subject(daemon(), [])];
  for (const each of of) {
    for (const [name, columns] of predict(each, surroundings())) {
      for (const { outcome, wall, reason } of columns.values()) {
        assert((reason?.length ?? 0) < 100, `${name}: ${reason}`);
        const isRefused = outcome !== "allowed" && outcome !== CANNOT_TELL;
        assertEquals(wall !== null, isRefused, name);
        if (outcome !== "allowed") assert(reason !== null, name);
      }
    }
  }
});

const hardened = askedSubject(
  askedThread([
    compileFilter(receiveOnlyPolicy({ packetFd: 5, channelFd: 3, ioUring: false, pid: 100 })),
  ], { parentDeathSignal: 9 }),
);

Deno.test("Under the receive-only policy nothing is allowed but what it cannot see", () => {
  const { EPERM, ...others } = byOutcome(hardened);
  assertEquals(others, {
    // A folder of /proc may be read, as the policy says.
    "allowed": ["list-sibling"],
    "EBADF": ["forgotten-descriptor"],
    "no effect": ["early-polled-ring", "outlive-parent"],
  });
  assertEquals(EPERM.length, OPERATION_NAMES.length - 4);
  assertEquals(predicted("send", hardened).wall, "filter");
});

Deno.test("A filter with unknown content leaves refused what the kernel refuses anyway", () => {
  const hidden = subject(daemon({ threads: [credentials({ seccomp: 2, filters: 1 })] }));
  const { [CANNOT_TELL]: untold, allowed, ...refused } = byOutcome(hidden);
  assertEquals([refused, allowed], [REFUSED, undefined]);
  assertEquals(predicted("send", hidden).reason, "a filter is installed, content unknown");
  assertEquals(untold.length, OPERATION_NAMES.length - Object.values(REFUSED).flat().length);
});

Deno.test("Filters that were read only in part count as unknown", () => {
  const thread = askedThread([filterOf()], {
    credentials: credentials({ seccomp: 2, filters: 2 }),
  });
  const { outcome, reason } = predicted("send", askedSubject(thread));
  assertEquals([outcome, reason], [CANNOT_TELL, "only 1 of its filters were read"]);
});

Deno.test("The thread that may do most decides", () => {
  const refusing = [filterOf({ syscall: "sendto", action: "EPERM" })];
  const bound = askedThread(refusing);
  const free = askedThread([], { tid: 101 });
  assertEquals(
    outcomeOf("send", askedSubject(bound, askedThread(refusing, { tid: 101 }))),
    "EPERM",
  );
  assertEquals(outcomeOf("send", askedSubject(bound, free)), "allowed");
});

Deno.test("Threads whose filters differ only in their content are two kinds", () => {
  const filters = (refused: "sendto" | "sendmsg") => [
    filterOf({ syscall: refused, action: "EPERM" }),
  ];
  const bound = askedThread(filters("sendto"));
  const other = askedThread(filters("sendmsg"), { tid: 101 });
  assertEquals(outcomeOf("send", askedSubject(bound)), "EPERM");
  assertEquals(outcomeOf("send", askedSubject(bound, other)), "allowed");
});

Deno.test("A capability of one thread is enough, and the filter of another does not matter", () => {
  const raw = credentials({
    tid: 101,
    capabilities: { CapEff: capabilities(CAP_NET_RAW), CapPrm: capabilities(CAP_NET_RAW) },
  });
  const seen = daemon({
    threads: [credentials(), raw],
    netRaw: new Map([[100, false], [101, true]]),
  });
  assertEquals(outcomeOf("packet-socket", subject(seen)), "allowed");
  assertEquals(outcomeOf("packet-socket", subject(daemon())), "EPERM");
});

Deno.test("A thread of the kernel, which polls a ring as root, makes no system call", () => {
  const root = credentials({
    tid: 101,
    uids: [0, 0, 0, 0],
    capabilities: { CapEff: capabilities(CAP_NET_RAW) },
  });
  const seen = daemon({
    threads: [credentials(), root],
    netRaw: new Map([[100, false], [101, true]]),
    rings: [{ fd: 7, files: [], personalities: [], pollingThread: 101 }],
  });
  const outcome = (kernelThreads: readonly number[]) =>
    outcomeOf("packet-socket", subject(seen), surroundings({ kernelThreads }));
  assertEquals([outcome([101]), outcome([])], ["EPERM", "allowed"]);
});

Deno.test("Each packet socket has a column of its own: a lock on one leaves the other open", () => {
  const locked = packetSocket({ isLocked: true });
  const open = packetSocket({ fd: 6 });
  const matrix = predict(subject(daemon(), [locked, open]), surroundings());
  const outcomes = (name: OperationName) =>
    [...matrix.get(name)!].map(([column, { outcome }]) => [column, outcome]);
  assertEquals(outcomes("attach-filter"), [["fd 5", "EPERM"], ["fd 6", "allowed"]]);
  assertEquals(outcomes("send"), [["fd 5", "allowed"], ["fd 6", "allowed"]]);
});

Deno.test("Packet sockets beyond the limit share a column in which nothing can be told", () => {
  const sockets = Array.from({ length: SOCKET_LIMIT + 3 }, (_, i) => packetSocket({ fd: 5 + i }));
  const columns = predict(subject(daemon(), sockets), surroundings()).get("shutdown")!;
  assertEquals(columns.size, SOCKET_LIMIT + 1);
  const { outcome, reason } = columns.get(OTHERS)!;
  assertEquals([outcome, reason], [CANNOT_TELL, "3 more packet sockets"]);
});

Deno.test("More kinds of threads than are examined leave every refusal in doubt", () => {
  const kinds = (count: number) =>
    subject(daemon({
      threads: Array.from({ length: count }, (_, i) => credentials({ tid: 100 + i, groups: [i] })),
    }));
  assertEquals(outcomeOf("shutdown", kinds(KIND_LIMIT)), "EOPNOTSUPP");
  assertEquals(outcomeOf("shutdown", kinds(KIND_LIMIT + 1)), CANNOT_TELL);
  assertEquals(outcomeOf("send", kinds(KIND_LIMIT + 1)), "allowed");
});

Deno.test("A thousand threads that are alike are one kind", () => {
  const filters = [filterOf({ syscall: "sendto", action: "EPERM" })];
  const threads = Array.from({ length: 1000 }, (_, i) => askedThread(filters, { tid: 100 + i }));
  assertEquals(outcomeOf("send", askedSubject(...threads)), "EPERM");
});

Deno.test("A process that shares its descriptors may do more, so no refusal is certain", () => {
  const sharer = { pid: 300, name: "x", sharesMemory: false, sharesDescriptors: true };
  const { outcome, reason } = predicted("shutdown", subject(daemon({ sharers: [sharer] })));
  assertEquals([outcome, reason], [
    CANNOT_TELL,
    "process 300 shares its memory or its descriptors, as a thread does",
  ]);
});

Deno.test("Filters that are too long to run for every call leave it open, in bounded time", () => {
  // 4,000 instructions that change nothing before each refusal, on eight kinds of threads
  const program = assemble([...new Array(4000).fill(bpfLoad(0)), bpfReturn(SECCOMP_RET_ERRNO | 1)]);
  const threads = Array.from({ length: 8 }, (_, i) => {
    const filters = new Array(8 - i % 2).fill(program);
    return askedThread(filters, {
      tid: 100 + i,
      credentials: credentials({ tid: 100 + i, seccomp: 2, filters: filters.length, groups: [i] }),
    });
  });
  const of = {
    ...askedSubject(...threads),
    sockets: [5, 6, 7, 8].map((fd) => packetSocket({ fd })),
  };
  const began = performance.now();
  const matrix = predict(of, surroundings());
  assert(performance.now() - began < 20_000);
  const { outcome, reason } = matrix.get("make-dumpable")!.get("fd 8")!;
  assertEquals([outcome, reason], [CANNOT_TELL, "its filters are too long to try every call"]);
});

Deno.test("Threads that were not seen leave refusals open, unless all were stopped", () => {
  const unseenThreads = ["the credentials of 7 threads: there are too many"];
  const seen = subject(daemon({ unseenThreads }));
  const { outcome, reason } = predicted("shutdown", seen);
  assertEquals([outcome, reason], [CANNOT_TELL, "not all of its threads were seen"]);
  assertEquals(outcomeOf("send", seen), "allowed");
  const asked = { ...seen, asked: { threads: [askedThread([])], stopped: 1 } };
  assertEquals(outcomeOf("shutdown", asked), "EOPNOTSUPP");
});

Deno.test("Without any thread nothing can be told", () => {
  const none = subject(daemon({ threads: [] }));
  const { outcome, reason } = predicted("shutdown", none);
  assertEquals([outcome, reason], [CANNOT_TELL, "none of its threads was seen"]);
});

Deno.test("Without a packet socket there is one column, and no operation on a socket", () => {
  const none = subject(daemon(), []);
  assertEquals([...predict(none, surroundings()).get("send")!.keys()], [PROCESS]);
  assertEquals(outcomeOf("send", none), "EBADF");
  assertEquals(outcomeOf("udp-socket", none), "allowed");
});

Deno.test("A process that may create a packet socket may do with it whatever a holder may", () => {
  const raw = (netRaw: boolean | undefined) =>
    subject(daemon({ netRaw: new Map([[100, netRaw]]) }), []);
  assertEquals(outcomeOf("sendto-elsewhere", raw(true)), "allowed");
  assertEquals(outcomeOf("sendto-elsewhere", raw(false)), "EBADF");
  assertEquals(outcomeOf("sendto-elsewhere", raw(undefined)), CANNOT_TELL);
});

Deno.test("A new socket can be bound before it sends, by whatever call", () => {
  const able = subject(daemon({ netRaw: new Map([[100, true]]) }), []);
  const matrix = predict(able, surroundings());
  for (
    const name of ["send", "write", "write-vector", "splice", "tx-ring", "io-uring-send"] as const
  ) assertEquals(matrix.get(name)!.get(PROCESS)!.outcome, "allowed", name);
});

Deno.test("A descriptor that was left open is named, however long its link is", () => {
  const left = descriptor(7, `/var/log/${"x".repeat(200)}`, "write");
  const { reason } = predicted(
    "forgotten-descriptor",
    subject(daemon({ shown: { descriptors: [left] } })),
  );
  assertEquals(reason, `descriptor 7: /var/log/${"x".repeat(51)}`);
  const hostile = { descriptors: [descriptor(7, "/tmp/\x1b[2J\n", "write")] };
  const remark = predicted("forgotten-descriptor", subject(daemon({ shown: hostile }))).reason;
  assertEquals(remark, "descriptor 7: /tmp/\\u{1b}[2J\\u{a}");
});

Deno.test("The answer of a thread decides on a new packet socket where its namespace is unseen", () => {
  const answering = (asItIs: { socket?: number }): Subject => {
    const asked = [askedThread([], { asItIs })];
    return {
      ...askedSubject(...asked),
      daemon: daemon({ netRaw: new Map([[100, undefined]]) }),
    };
  };
  assertEquals(outcomeOf("packet-socket", answering({ socket: 0 })), "allowed");
  assertEquals(outcomeOf("packet-socket", answering({ socket: 1 })), "EPERM");
  assertEquals(outcomeOf("packet-socket", answering({})), CANNOT_TELL);
});

Deno.test("Behind a filter, the answer beneath it decides", () => {
  const thread = askedThread([filterOf()], { asItIs: { socket: 1 }, beneath: { socket: 0 } });
  const of = { ...askedSubject(thread), daemon: daemon({ netRaw: new Map([[100, undefined]]) }) };
  assertEquals(outcomeOf("packet-socket", of), "allowed");
});

Deno.test("A descriptor table of a thread's own does not count towards the limit", () => {
  const own = { ...descriptor(6, "/dev/null"), tids: [101] };
  const shown = { descriptors: [descriptor(5, "socket:[5]"), own] };
  const of = subject(daemon({ descriptorLimit: 2, shown }));
  assertEquals(outcomeOf("duplicate", of, surroundings({ mostDescriptors: 2 })), "allowed");
});
