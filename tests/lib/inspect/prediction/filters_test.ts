/** Filters as a wall: which way through them is found, and what cannot be told. */

import { assertEquals, assertMatch } from "@std/assert";
import {
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_KILL_THREAD,
  SECCOMP_RET_LOG,
  SECCOMP_RET_TRACE,
  SECCOMP_RET_TRAP,
  SECCOMP_RET_USER_NOTIF,
} from "../../../../ffi/abi/constants.ts";
import {
  I386_SECOND_SYSCALLS,
  I386_SOCKETCALL,
  I386_SYSCALLS,
} from "../../../../ffi/abi/other_abis.ts";
import { seccomp_data } from "../../../../ffi/abi/layouts.ts";
import { type SyscallName, syscallNumber } from "../../../../ffi/abi/syscalls.ts";
import { assemble, bpfJumpEqual, bpfLoad, bpfReturn } from "../../../../ffi/packet/bpf.ts";
import { intIs, longIs, type SyscallCondition } from "../../../../ffi/seccomp/seccomp.ts";
import type { OperationName } from "../../../../lib/evidence/operations.ts";
import type { OtherAbi } from "../../../../lib/inspect/prediction/calls.ts";
import { CANNOT_TELL, type Subject } from "../../../../lib/inspect/subject.ts";
import {
  allowlistOf,
  askedSubject,
  askedThread,
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

/** A process with one thread, which has these filters. */
const behind = (...filters: readonly Uint8Array<ArrayBuffer>[]) =>
  askedSubject(askedThread(filters));

/** Rules that refuse these calls. */
const refusals = (...names: readonly SyscallName[]) =>
  names.map((syscall) => ({ syscall, action: "EPERM" } as const));

/** Filters that refuse these calls. */
const refusing = (...names: readonly SyscallName[]) => behind(filterOf(...refusals(...names)));

/** Rules that refuse these calls on descriptor 5. */
const refusingOn5 = (...names: readonly SyscallName[]) =>
  names.map((syscall) => ({ syscall, action: "EPERM", when: [intIs(0, 5)] } as const));

/** The calls that send, and the one operation that each of them does. */
const SENDING = {
  sendto: "send",
  sendmsg: "send-message",
  sendmmsg: "send-messages",
  write: "write",
  writev: "write-vector",
  splice: "splice",
  io_uring_enter: "io-uring-send",
} as const satisfies { readonly [name in SyscallName]?: OperationName };

/** All calls that one of these could be replaced by, and those that make copies. */
const REST = [
  "io_submit",
  "pwritev2",
  "sendfile",
  "dup",
  "dup2",
  "dup3",
  "fcntl",
  "pidfd_getfd",
  "recvmsg",
] as const;

for (const [call, operation] of Object.entries(SENDING)) {
  Deno.test(`A filter that lets only ${call} through leaves ${operation}, and that is found`, () => {
    const others = Object.keys(SENDING).filter((each) => each !== call) as SyscallName[];
    const helpers = call === "splice" ? ["write"] : [];
    const refused = [...others.filter((each) => !helpers.includes(each)), ...REST, "recvmmsg"];
    const of = refusing(...refused as SyscallName[]);
    assertEquals(outcomeOf(operation, of), "allowed");
    for (const other of Object.entries(SENDING)) {
      if (refused.includes(other[0])) assertEquals(outcomeOf(other[1], of), "EPERM", other[1]);
    }
    assertEquals(
      outcomeOf(operation, refusing(...refused as SyscallName[], call as SyscallName)),
      "EPERM",
    );
  });
}

Deno.test("sendfile(2) sends from a file where splice(2) is refused", () => {
  assertEquals(outcomeOf("splice", refusing("splice")), "allowed");
  assertEquals(outcomeOf("splice", refusing("splice", "memfd_create")), "allowed");
  assertEquals(outcomeOf("splice", refusing("splice", "sendfile")), "EPERM");
});

Deno.test("Where no pipe can be made, splice(2) needs one of the process's own", () => {
  const of = refusing("pipe2", "pipe", "sendfile");
  const { outcome, reason } = predicted("splice", of);
  assertEquals([outcome, reason], [CANNOT_TELL, "a pipe or a file may come from elsewhere"]);
  const holding = (...ends: readonly ReturnType<typeof descriptor>[]): Subject => ({
    ...of,
    daemon: { ...of.daemon, descriptors: [...of.daemon.descriptors, ...ends] },
  });
  const [reading, writing] = [
    descriptor(7, "pipe:[7]", "read"),
    descriptor(8, "pipe:[7]", "write"),
  ];
  assertEquals(outcomeOf("splice", holding(reading)), CANNOT_TELL);
  assertEquals(outcomeOf("splice", holding(reading, writing)), "allowed");
  assertEquals(outcomeOf("splice", refusing("splice", "sendfile")), "EPERM");
});

Deno.test("pwritev2(2) does the same as writev(2)", () => {
  assertEquals(outcomeOf("write-vector", refusing("writev")), "allowed");
  assertEquals(outcomeOf("write-vector", refusing("writev", "pwritev2", "io_submit")), "EPERM");
});

Deno.test("io_submit(2) does the same as write(2) and writev(2), out of sight", () => {
  for (
    const [operation, ...calls] of [["write", "write"], ["write-vector", "writev", "pwritev2"]]
  ) {
    const name = operation as "write" | "write-vector";
    const refused = calls as SyscallName[];
    assertEquals(outcomeOf(name, refusing(...refused)), "allowed");
    assertEquals(outcomeOf(name, refusing(...refused, "io_setup")), CANNOT_TELL);
    assertEquals(outcomeOf(name, refusing(...refused, "io_submit")), "EPERM");
  }
});

Deno.test("A descriptor of a process may come from elsewhere", () => {
  const others = ["dup", "dup2", "dup3", "fcntl", "socketpair"] as const;
  assertEquals(outcomeOf("duplicate", refusing(...others)), "allowed");
  assertEquals(outcomeOf("duplicate", refusing(...others, "pidfd_open")), CANNOT_TELL);
  assertEquals(outcomeOf("duplicate", refusing(...others, "pidfd_getfd")), "EPERM");
  assertEquals(outcomeOf("take-sibling-socket", refusing("pidfd_open")), CANNOT_TELL);
});

Deno.test("A process is killed by its limits too, and as the owner of a descriptor", () => {
  const signals = [
    ...["kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"] as const,
    "pidfd_send_signal",
  ] as const;
  assertEquals(outcomeOf("kill-sibling", refusing(...signals)), "allowed");
  assertEquals(outcomeOf("kill-sibling", refusing(...signals, "fcntl")), "allowed");
  assertEquals(outcomeOf("kill-sibling", refusing(...signals, "fcntl", "ioctl")), CANNOT_TELL);
  assertEquals(
    outcomeOf("kill-sibling", refusing(...signals, "fcntl", "ioctl", "prlimit64")),
    "EPERM",
  );
});

const COPYING = ["dup", "dup2", "dup3", "fcntl", "pidfd_getfd", "socketpair"] as const;

/** Rules that refuse every copy. */
const NO_COPY = refusals(...COPYING);

Deno.test("A rule for one number is passed by a copy under another", () => {
  const elsewhere = { syscall: "io_submit", action: "EPERM" } as const; // its descriptor is hidden
  const rules = [...refusingOn5("write"), elsewhere];
  assertEquals(outcomeOf("write", behind(filterOf(...rules))), "allowed");
  for (const left of COPYING) {
    const refused = COPYING.filter((each) => each !== left);
    const of = behind(filterOf(...rules, ...refusals(...refused)));
    assertEquals(outcomeOf("write", of), "allowed", left);
  }
  assertEquals(outcomeOf("write", behind(filterOf(...rules, ...NO_COPY))), "EPERM");
});

Deno.test("A rule for one number does not hold for another number that the socket has", () => {
  const of = behind(filterOf(...refusingOn5("bind"), ...NO_COPY));
  const twice = { ...of, sockets: [packetSocket({ fds: [5, 9] })] };
  assertEquals([outcomeOf("rebind-all", of), outcomeOf("rebind-all", twice)], ["EPERM", "allowed"]);
});

Deno.test("A rule that compares all 64 bits of a descriptor is passed by the high half", () => {
  const outcome = (condition: SyscallCondition) =>
    outcomeOf(
      "rebind-all",
      behind(filterOf({ syscall: "bind", action: "EPERM", when: [condition] }, ...NO_COPY)),
    );
  assertEquals(outcome(intIs(0, 5)), "EPERM");
  assertEquals(outcome(longIs(0, 5n)), "allowed");
});

Deno.test("A rule for an address that is null leaves an address that is not", () => {
  const without = [longIs(4, 0n)];
  const of = behind(filterOf({ syscall: "sendto", action: "EPERM", when: without }));
  assertEquals(outcomeOf("sendto-elsewhere", of), "allowed");
  const only = behind(allowlistOf({ syscall: "sendto", action: "allow", when: without }));
  assertEquals([outcomeOf("send", only), outcomeOf("sendto-elsewhere", only)], [
    "allowed",
    "EPERM",
  ]);
});

Deno.test("A rule for flags is passed with others", () => {
  const of = behind(filterOf({ syscall: "sendmsg", action: "EPERM", when: [intIs(2, 0)] }));
  assertEquals(outcomeOf("send-message", of), "allowed");
});

const NR = seccomp_data.fields.nr[0];

/** A program that answers one call with a value, and allows all others. */
const answering = (call: SyscallName, value: number) =>
  assemble([
    bpfLoad(NR),
    bpfJumpEqual(syscallNumber(call)!, 0, 1),
    bpfReturn(value),
    bpfReturn(SECCOMP_RET_ALLOW),
  ]);

Deno.test("Each action of a filter has its outcome, and the reason names the rule", () => {
  const outcomes: [value: number, outcome: string, reason: RegExp | null][] = [
    [SECCOMP_RET_ALLOW, "allowed", null],
    [SECCOMP_RET_LOG, "allowed", null],
    [SECCOMP_RET_ERRNO | 13, "EACCES", /^prctl: filter 0, instruction 2$/],
    [SECCOMP_RET_ERRNO, "no effect", /^prctl: filter 0, instruction 2$/],
    [SECCOMP_RET_TRAP, "killed", /instruction 2, by SIGSYS$/],
    [SECCOMP_RET_KILL_THREAD, "killed", /instruction 2$/],
    [SECCOMP_RET_KILL_PROCESS, "killed", /instruction 2$/],
  ];
  for (const [value, outcome, reason] of outcomes) {
    const found = predicted("make-dumpable", behind(answering("prctl", value)));
    assertEquals(found.outcome, outcome);
    assertEquals(found.wall, reason === null ? null : "filter");
    if (reason !== null) assertMatch(found.reason!, reason);
  }
});

Deno.test("Where another process answers for the filter, only the kernel's refusal is certain", () => {
  for (const value of [SECCOMP_RET_TRACE, SECCOMP_RET_USER_NOTIF]) {
    const { outcome, reason } = predicted(
      "send-message",
      behind(answering("sendmsg", value)),
    );
    assertEquals([outcome, reason], [
      CANNOT_TELL,
      "sendmsg: filter 0, instruction 2 leaves it to another process",
    ]);
    assertEquals(outcomeOf("shutdown", behind(answering("shutdown", value))), "EOPNOTSUPP");
  }
});

const POINTER = seccomp_data.fields.instruction_pointer[0];

/** A program that allows or refuses every call, by the address of its instruction. */
const byAddress = (where: number, here: number, elsewhere: number) =>
  assemble([
    bpfLoad(POINTER),
    bpfJumpEqual(where, 0, 1),
    bpfReturn(here),
    bpfReturn(elsewhere),
  ]);

Deno.test("A filter that looks at the address of the call leaves it in doubt", () => {
  const refuse = SECCOMP_RET_ERRNO | 1;
  const doubts: [program: Uint8Array<ArrayBuffer>, reason: string][] = [
    [
      byAddress(0, SECCOMP_RET_ALLOW, refuse),
      "write: filter 0, instruction 2 looks at the address of the call",
    ],
    [
      byAddress(4096, SECCOMP_RET_ALLOW, refuse),
      "the filter may let write pass in another form",
    ],
  ];
  for (const [program, doubt] of doubts) {
    const { outcome, reason } = predicted("write", behind(program));
    assertEquals([outcome, reason], [CANNOT_TELL, doubt]);
  }
  assertEquals(outcomeOf("write", behind(byAddress(0, refuse, refuse))), "EPERM");
});

Deno.test("A way through that only a certain argument opens is never taken for a refusal", () => {
  const doors: [call: SyscallName, operation: OperationName, argument: number, value: number][] = [
    ["sendto", "send", 2, 777],
    ["sendto", "send", 3, 0x800],
    ["sendto", "sendto-elsewhere", 5, 99],
    ["setsockopt", "promiscuous", 4, 4711],
    ["bind", "rebind-all", 2, 128],
    ["write", "write", 2, 1],
    ["execve", "execute", 0, 0x1000],
    ["openat", "open-for-writing", 2, 0x101001],
    ["socket", "udp-socket", 2, 17],
    ["prctl", "make-dumpable", 4, 1],
    ["kill", "kill-sibling", 1, 15],
    ["io_uring_setup", "io-uring", 0, 4096],
  ];
  for (const [call, operation, argument, value] of doors) {
    const door = { syscall: call, action: "allow", when: [intIs(argument, value)] } as const;
    const { outcome, reason } = predicted(operation, behind(allowlistOf(door)));
    assertEquals(outcome, CANNOT_TELL, `${call}, ${argument}: ${reason}`);
    assertMatch(reason!, /may let \w+ pass in another form/);
  }
});

Deno.test("A door for another descriptor, another option or a thread is none", () => {
  const doors: [call: SyscallName, operation: OperationName, argument: number, value: number][] = [
    ["sendto", "send", 0, 3],
    ["setsockopt", "promiscuous", 1, 1],
    ["setsockopt", "promiscuous", 2, 2],
    ["prctl", "make-dumpable", 0, 15],
    ["socket", "udp-socket", 0, 1],
  ];
  for (const [call, operation, argument, value] of doors) {
    const door = { syscall: call, action: "allow", when: [intIs(argument, value)] } as const;
    assertEquals(outcomeOf(operation, behind(allowlistOf(door))), "EPERM", `${call}, ${argument}`);
  }
  const thread = [longIs(0, 0x10000n, 0x10000n)];
  const of = behind(allowlistOf({ syscall: "clone", action: "allow", when: thread }));
  assertEquals(outcomeOf("execute", of), "EPERM");
});

Deno.test("A filter that does not look at the architecture is passed by the call of a 32-bit program", () => {
  const of = behind(answering("prctl", SECCOMP_RET_ERRNO | 1));
  const outcome = (...abis: readonly OtherAbi[]) =>
    outcomeOf("make-dumpable", of, surroundings({ abis }));
  assertEquals([outcome(), outcome("i386"), outcome("x32")], ["EPERM", "allowed", "allowed"]);
  const looking = behind(filterOf({ syscall: "prctl", action: "EPERM" }));
  const around = surroundings({ abis: ["i386", "x32"] });
  assertEquals(outcomeOf("make-dumpable", looking, around), "EPERM");
});

Deno.test("On aarch64 a filter that lets 32-bit programs pass leaves refusals in doubt", () => {
  const around = surroundings({ abis: ["arm"] });
  const outcome = (of: Subject) => outcomeOf("make-dumpable", of, around);
  assertEquals(outcome(behind(answering("prctl", SECCOMP_RET_ERRNO | 1))), CANNOT_TELL);
  assertEquals(outcome(behind(filterOf({ syscall: "prctl", action: "EPERM" }))), "EPERM");
});

/** Filters that refuse these numbers, whatever the architecture of the call. */
const refusingNumbers = (refused: readonly number[]) =>
  behind(assemble([
    bpfLoad(NR),
    ...refused.flatMap((nr) => [bpfJumpEqual(nr, 0, 1), bpfReturn(SECCOMP_RET_ERRNO | 1)]),
    bpfReturn(SECCOMP_RET_ALLOW),
  ]));

Deno.test("fcntl(2) of 32-bit programs has a second number", () => {
  const numbers = COPYING.flatMap((name) => [I386_SYSCALLS[name], syscallNumber(name)]);
  const known = [...numbers.filter((nr) => typeof nr === "number"), I386_SOCKETCALL];
  const outcome = (...refused: readonly number[]) =>
    outcomeOf("duplicate", refusingNumbers(refused), surroundings({ abis: ["i386"] }));
  const second = I386_SECOND_SYSCALLS.fcntl!;
  assertEquals([outcome(...known), outcome(...known, second)], ["allowed", "EPERM"]);
});

Deno.test("socketcall(2) of 32-bit programs hides the call and its arguments", () => {
  const numbers = [I386_SYSCALLS.bind!, syscallNumber("bind")!];
  const outcome = (...refused: readonly number[]) =>
    outcomeOf("rebind-all", refusingNumbers(refused), surroundings({ abis: ["i386"] }));
  assertEquals([outcome(...numbers), outcome(...numbers, I386_SOCKETCALL)], ["allowed", "EPERM"]);
});

Deno.test("Of several filters the strictest answers, and the reason names it", () => {
  const of = behind(
    answering("prctl", SECCOMP_RET_ERRNO | 13),
    answering("prctl", SECCOMP_RET_ALLOW),
  );
  assertEquals(predicted("make-dumpable", of).reason, "prctl: filter 0, instruction 2");
});

Deno.test("A program that the kernel would not take counts as unknown", () => {
  const { outcome, reason } = predicted("write", behind(new Uint8Array(8)));
  assertEquals(outcome, CANNOT_TELL);
  assertMatch(reason!, /^its filter cannot be run: /);
});

Deno.test("In strict mode only read, write and the end are left", () => {
  const of: Subject = subject(daemon({ threads: [credentials({ seccomp: 1 })] }));
  assertEquals([outcomeOf("write", of), outcomeOf("send", of)], ["allowed", "killed"]);
});

Deno.test("A filter does not refuse what takes no call, whatever is in it", () => {
  const poller = credentials({ tid: 101, uids: [0, 0, 0, 0] });
  const hidden = subject(daemon({
    threads: [credentials({ seccomp: 2, filters: 1 }), poller],
    rings: [{ fd: 7, files: [], personalities: [], pollingThread: 101 }],
  }));
  const around = surroundings({ kernelThreads: [101] });
  assertEquals(outcomeOf("early-polled-ring", hidden, around), "allowed");
  const nothing = behind(allowlistOf());
  assertEquals(outcomeOf("outlive-parent", nothing), "allowed");
  assertEquals(outcomeOf("early-polled-ring", nothing), "no effect");
});
