/** Each wall refuses what it should, and without it the same operation is allowed. */

import { assertEquals } from "@std/assert";
import {
  CAP_BPF,
  CAP_DAC_READ_SEARCH,
  CAP_NET_ADMIN,
  CAP_NET_RAW,
  CAP_SETUID,
  CAP_SYS_ADMIN,
  CAP_SYS_PTRACE,
} from "../../../../ffi/abi/constants.ts";
import type { OperationName } from "../../../../lib/evidence/operations.ts";
import type { Surroundings } from "../../../../lib/inspect/prediction/surroundings.ts";
import { CANNOT_TELL, type SocketState, type Subject } from "../../../../lib/inspect/subject.ts";
import type { ThreadCredentials } from "../../../../lib/inspect/threads/threads.ts";
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

/** A case: what is there, an operation, and its outcome with the wall. */
type Case = readonly [
  what: string,
  operation: OperationName,
  of: Subject,
  answer: string,
  around?: Partial<Surroundings>,
];

const socket = (different: Partial<SocketState>) => subject(daemon(), [packetSocket(different)]);

/** A process of one thread. */
function thread(
  different: Partial<ThreadCredentials>,
  { netRaw = false, ...seen }:
    & Omit<NonNullable<Parameters<typeof daemon>[0]>, "netRaw">
    & { readonly netRaw?: boolean } = {},
): Subject {
  const threads = [credentials(different)];
  return subject(daemon({ threads, netRaw: new Map([[100, netRaw]]), ...seen }));
}

/** A thread that has capabilities in its effective and permitted set. */
const able = (...bits: readonly number[]): Partial<ThreadCredentials> => ({
  capabilities: { CapEff: capabilities(...bits), CapPrm: capabilities(...bits) },
});

const unseenSiblings = subject(daemon({ siblings: undefined }));

const named = (link: string) => ({ namespaces: [{ kind: "user", link, same: true }] });

const CASES: { readonly [group: string]: readonly Case[] } = {
  "the state of the socket": [
    ["a member of a fanout group", "rebind-interface", socket({ isPinned: true }), "EINVAL pin"],
    ["a member of a fanout group", "rebind-all", socket({ isPinned: true }), "EINVAL pin"],
    ["a member of a fanout group", "rebind-protocol", socket({ isPinned: true }), "EINVAL pin"],
    ["a member of a fanout group", "fanout-join", socket({ isPinned: true }), "EALREADY pin"],
    ["a member of a fanout group", "send", socket({ isPinned: true }), "allowed"],
    ["no member", "rebind-interface", socket({}), "allowed"],
    ["a locked filter", "attach-filter", socket({ isLocked: true }), "EPERM lock"],
    ["a locked filter", "detach-filter", socket({ isLocked: true }), "EPERM lock"],
    ["a locked filter", "ebpf", socket({ isLocked: true }), "EPERM lock"],
    ["a locked filter", "send", socket({ isLocked: true }), "allowed"],
    [
      "a program for a filter among its descriptors",
      "ebpf",
      subject(daemon({ descriptors: [descriptor(7, "anon_inode:bpf-prog")] })),
      CANNOT_TELL,
      { unprivilegedBpfDisabled: "2" },
    ],
    ["an open filter", "detach-filter", socket({ filter: new Uint8Array(8) }), "allowed"],
    ["an extended filter", "detach-filter", socket({ filter: undefined }), "allowed"],
    ["bound to nothing", "send", socket({ ifindex: 0 }), "allowed"],
    ["pinned to nothing", "send", socket({ ifindex: 0, isPinned: true }), "ENXIO kernel"],
    ["pinned to nothing", "write", socket({ ifindex: 0, isPinned: true }), "ENXIO kernel"],
    ["pinned to nothing", "sendto-elsewhere", socket({ ifindex: 0, isPinned: true }), "allowed"],
    ["without a protocol", "fanout-join", socket({ protocol: 0 }), "allowed"],
    ["frames with stamps", "last-timestamp", socket({ stampsFrames: true }), "ENOENT kernel"],
    ["frames without", "last-timestamp", socket({ stampsFrames: false }), "allowed"],
    ["a membership unseen", "rebind-all", socket({ isPinned: undefined }), CANNOT_TELL],
    ["a membership unseen", "fanout-join", socket({ isPinned: undefined }), CANNOT_TELL],
    ["bound to what is gone", "send", socket({ ifindex: -1, isPinned: true }), "ENXIO kernel"],
    ["rings unseen", "vnet-hdr", socket({ rings: undefined }), CANNOT_TELL],
    ["SOCK_DGRAM", "vnet-hdr", socket({ type: "SOCK_DGRAM" }), "EINVAL kernel"],
    ["a ring", "vnet-hdr", socket({ rings: ["rx"] }), CANNOT_TELL],
    ["SOCK_PACKET", "rx-ring", socket({ type: "SOCK_PACKET" }), "EOPNOTSUPP kernel"],
    ["SOCK_PACKET", "write", socket({ type: "SOCK_PACKET" }), "ENOTCONN kernel"],
    ["any", "shutdown", socket({}), "EOPNOTSUPP kernel"],
  ],
  "capabilities over the network": [
    ["none", "packet-socket", thread({}), "EPERM credential"],
    ["CAP_NET_RAW", "packet-socket", thread(able(CAP_NET_RAW), { netRaw: true }), "allowed"],
    ["CAP_NET_RAW", "mark", thread(able(CAP_NET_RAW), { netRaw: true }), "allowed"],
    ["CAP_NET_RAW", "priority", thread(able(CAP_NET_RAW), { netRaw: true }), "allowed"],
    [
      "CAP_NET_RAW",
      "interface-down",
      thread(able(CAP_NET_RAW), { netRaw: true }),
      "EPERM credential",
    ],
    [
      "CAP_NET_RAW of another namespace",
      "packet-socket",
      thread(able(CAP_NET_RAW)),
      "EPERM credential",
    ],
    ["CAP_NET_ADMIN", "interface-down", thread(able(CAP_NET_ADMIN)), "allowed"],
    ["CAP_NET_ADMIN", "receive-buffer", thread(able(CAP_NET_ADMIN)), "allowed"],
    [
      "CAP_NET_ADMIN in a user namespace",
      "receive-buffer",
      thread(able(CAP_NET_ADMIN), { shown: named("user:[1]") }),
      "EPERM credential",
    ],
    [
      "CAP_NET_ADMIN in a user namespace",
      "interface-down",
      thread(able(CAP_NET_ADMIN), { shown: named("user:[1]") }),
      CANNOT_TELL,
    ],
    ["the owner of the namespace", "interface-down", thread({}, { netRaw: true }), "allowed"],
    [
      "a permitted one",
      "packet-socket",
      thread({ capabilities: { CapPrm: capabilities(CAP_NET_RAW) } }),
      "allowed",
    ],
    [
      "a bounding one of no root",
      "packet-socket",
      thread({ capabilities: { CapBnd: capabilities(CAP_NET_RAW) } }),
      "EPERM credential",
    ],
    [
      "a bounding one of a saved root",
      "packet-socket",
      thread({ uids: [1, 1, 0, 1], capabilities: { CapBnd: capabilities(CAP_NET_RAW) } }),
      "allowed",
    ],
    [
      "the same with no_new_privs",
      "packet-socket",
      thread({
        noNewPrivs: 1,
        uids: [1, 1, 0, 1],
        capabilities: { CapBnd: capabilities(CAP_NET_RAW) },
      }),
      "EPERM credential",
    ],
    [
      "CAP_SETUID and a bounding one",
      "packet-socket",
      thread({
        capabilities: { CapPrm: capabilities(CAP_SETUID), CapBnd: capabilities(CAP_NET_RAW) },
      }),
      "allowed",
    ],
    ["a socket of another namespace", "mark", socket({ isInOwnNamespace: false }), CANNOT_TELL],
    [
      "a socket of an unseen namespace",
      "mark",
      socket({ isInOwnNamespace: undefined }),
      CANNOT_TELL,
    ],
  ],
  "limits and descriptors": [
    ["a free number", "duplicate", subject(daemon({ descriptorLimit: 5 })), "allowed", {
      mostDescriptors: 5,
    }],
    ["no free number", "duplicate", subject(daemon({ descriptorLimit: 3 })), "EMFILE limit", {
      mostDescriptors: 3,
    }],
    ["63 free numbers", "hoard", subject(daemon({ descriptorLimit: 67 })), "EMFILE limit", {
      mostDescriptors: 67,
    }],
    ["64 free numbers", "hoard", subject(daemon({ descriptorLimit: 68 })), "allowed", {
      mostDescriptors: 68,
    }],
    ["a limit that it may raise", "hoard", subject(daemon({ descriptorLimit: 4 })), "allowed"],
    ["an unseen limit", "hoard", subject(daemon({ descriptorLimit: undefined })), CANNOT_TELL],
    ["no file", "forgotten-descriptor", subject(), "EBADF kernel"],
    [
      "a file",
      "forgotten-descriptor",
      holding(descriptor(7, "/var/log/relay", "write")),
      "allowed",
    ],
    [
      "a file to read",
      "forgotten-descriptor",
      holding(descriptor(7, "/etc/relay", "read")),
      "EBADF kernel",
    ],
    ["a pipe", "forgotten-descriptor", holding(descriptor(7, "pipe:[7]", "write")), "allowed"],
    [
      "standard output once more",
      "forgotten-descriptor",
      holding(descriptor(7, "pipe:[1]", "write")),
      "EBADF kernel",
    ],
    [
      "both ends of a pipe",
      "forgotten-descriptor",
      holding(descriptor(7, "pipe:[7]", "write"), descriptor(8, "pipe:[7]", "read")),
      CANNOT_TELL,
    ],
    ["memory", "forgotten-descriptor", holding(descriptor(7, "/memfd:a (deleted)")), CANNOT_TELL],
    [
      "too many to see",
      "forgotten-descriptor",
      holding(
        ...Array.from({ length: 1001 }, (_, i) => [
          descriptor(10 + 2 * i, `pipe:[${10 + i}]`, "write"),
          descriptor(11 + 2 * i, `pipe:[${10 + i}]`, "read"),
        ]).flat(),
      ),
      CANNOT_TELL,
    ],
    ["a null device", "open-for-writing", subject(), "allowed"],
    ["another root folder", "open-for-writing", subject(), CANNOT_TELL, {
      hasNullDevice: undefined,
    }],
  ],
  "programs and user namespaces": [
    ["no_new_privs", "set-uid-program", thread({ noNewPrivs: 1 }), "no effect credential"],
    ["a set-uid program", "set-uid-program", thread({}), "allowed"],
    ["another root folder", "set-uid-program", thread({}), CANNOT_TELL, {
      hasSetUidProgram: undefined,
    }],
    ["one thread", "user-namespace", subject(), "allowed"],
    [
      "two threads",
      "user-namespace",
      subject(daemon({ threads: [credentials(), credentials({ tid: 101 })] })),
      "EINVAL kernel",
    ],
    [
      "a chroot",
      "user-namespace-program",
      subject(daemon({ shown: { root: "/run/x" } })),
      "EPERM namespace",
    ],
    [
      "an unseen root folder",
      "user-namespace-program",
      subject(daemon({ shown: { root: null } })),
      CANNOT_TELL,
    ],
    ["none at most", "user-namespace-program", subject(), "ENOSPC kernel", {
      maxUserNamespaces: "0",
    }],
    ["Debian's switch", "user-namespace-program", subject(), "EPERM credential", {
      unprivilegedUserNamespaces: "0",
    }],
    [
      "Debian's switch, and CAP_SYS_ADMIN",
      "user-namespace-program",
      thread(able(CAP_SYS_ADMIN)),
      "allowed",
      { unprivilegedUserNamespaces: "0" },
    ],
    ["AppArmor", "user-namespace-program", subject(), CANNOT_TELL, {
      restrictedUserNamespaces: "1",
    }],
    ["any", "user-namespace-socket", subject(), "no effect namespace"],
  ],
  "rings and eBPF": [
    ["no io_uring", "io-uring", subject(), "ENOSYS kernel", { hasIoUring: false }],
    ["disabled", "io-uring", subject(), "EPERM kernel", { ioUringDisabled: "2" }],
    ["for a group", "io-uring", thread({}), "EPERM credential", {
      ioUringDisabled: "1",
      ioUringGroup: "7",
    }],
    ["for its group", "io-uring", thread({ groups: [7] }), "allowed", {
      ioUringDisabled: "1",
      ioUringGroup: "7",
    }],
    ["for CAP_SYS_ADMIN", "io-uring", thread(able(CAP_SYS_ADMIN)), "allowed", {
      ioUringDisabled: "1",
    }],
    ["a new ring", "io-uring-send", subject(), "allowed"],
    ["disabled, without a ring", "io-uring-send", subject(), "EPERM kernel", {
      ioUringDisabled: "2",
    }],
    ["disabled, with a ring", "io-uring-send", withRing({}), CANNOT_TELL, { ioUringDisabled: "2" }],
    ["no ring", "early-ring", subject(), "EBADF kernel"],
    ["a ring", "early-ring", withRing({}), "EACCES credential"],
    [
      "a ring of a reader of root's",
      "early-ring",
      withRing({}, able(CAP_DAC_READ_SEARCH)),
      "allowed",
    ],
    ["a polled ring", "early-ring", withRing({ pollingThread: 101 }), "EBADF kernel"],
    ["root's personality", "early-personality", withRing({ personalities: [1, 0] }), "allowed"],
    [
      "another personality",
      "early-personality",
      withRing({ personalities: [1] }),
      "EACCES credential",
    ],
    ["none listed", "early-personality", withRing({ personalities: undefined }), CANNOT_TELL],
    ["not polled", "early-polled-ring", withRing({}), "no effect kernel"],
    ["polled by root", "early-polled-ring", polled(0), "allowed", { kernelThreads: [101] }],
    ["polled by nobody", "early-polled-ring", polled(1), "EACCES credential", {
      kernelThreads: [101],
    }],
    ["polled by one of two", "early-polled-ring", polled(0, 1), CANNOT_TELL, {
      kernelThreads: [102, 103],
    }],
    ["polled by one of two, both root", "early-polled-ring", polled(0, 0), "allowed", {
      kernelThreads: [102, 103],
    }],
    ["polled by an unseen thread", "early-polled-ring", polled(0), CANNOT_TELL],
    ["eBPF for all", "ebpf", subject(), "allowed"],
    ["eBPF for some", "ebpf", subject(), "EPERM credential", { unprivilegedBpfDisabled: "2" }],
    ["eBPF for CAP_BPF", "ebpf", thread(able(CAP_BPF)), "allowed", {
      unprivilegedBpfDisabled: "2",
    }],
    ["no such setting", "ebpf", subject(), "EPERM credential", {
      unprivilegedBpfDisabled: undefined,
    }],
  ],
  "siblings and the parent": [
    ["a dumpable one", "take-sibling-socket", siblings([200], []), "allowed"],
    ["an undumpable one", "take-sibling-socket", siblings([], [201]), "EPERM credential"],
    [
      "an undumpable one, CAP_SYS_PTRACE",
      "take-sibling-socket",
      siblings([], [201], able(CAP_SYS_PTRACE)),
      "allowed",
    ],
    ["none", "take-sibling-socket", siblings([], []), "ESRCH namespace"],
    ["Yama", "take-sibling-socket", siblings([200], []), "EPERM credential", { ptraceScope: "1" }],
    ["Yama, and none", "take-sibling-socket", siblings([], []), "ESRCH namespace", {
      ptraceScope: "1",
    }],
    [
      "Yama, for all",
      "take-sibling-socket",
      siblings([200], [], able(CAP_SYS_PTRACE)),
      "EPERM kernel",
      { ptraceScope: "3" },
    ],
    [
      "Yama, CAP_SYS_PTRACE",
      "trace-sibling",
      siblings([200], [], able(CAP_SYS_PTRACE)),
      "allowed",
      { ptraceScope: "2" },
    ],
    ["no Yama", "trace-sibling", siblings([200], []), "allowed", { ptraceScope: undefined }],
    ["a dumpable one", "read-sibling-memory", siblings([200], []), "allowed"],
    ["an undumpable one", "read-sibling-memory", siblings([], [201]), "EPERM credential"],
    ["Yama", "list-sibling", siblings([200], []), "allowed", { ptraceScope: "1" }],
    ["an undumpable one", "list-sibling", siblings([], [201]), "EACCES credential"],
    ["none", "list-sibling", siblings([], []), "ENOENT namespace"],
    ["an undumpable one", "kill-sibling", siblings([], [201]), "allowed"],
    ["none", "kill-sibling", siblings([], []), "ESRCH namespace"],
    ["too many to look at", "kill-sibling", unseenSiblings, CANNOT_TELL],
    ["too many to look at", "trace-sibling", unseenSiblings, CANNOT_TELL],
    ["too many to look at", "list-sibling", unseenSiblings, CANNOT_TELL],
    [
      "no signal",
      "outlive-parent",
      askedSubject(askedThread([], { parentDeathSignal: 0 })),
      "allowed",
    ],
    [
      "SIGKILL",
      "outlive-parent",
      askedSubject(askedThread([], { parentDeathSignal: 9 })),
      "no effect kernel",
    ],
    [
      "SIGTERM, which can be caught",
      "outlive-parent",
      askedSubject(askedThread([], { parentDeathSignal: 15 })),
      "allowed",
    ],
    ["not asked", "outlive-parent", subject(), CANNOT_TELL],
  ],
};

function holding(...more: readonly ReturnType<typeof descriptor>[]): Subject {
  const { descriptors } = daemon().shown;
  return subject(daemon({ shown: { descriptors: [...descriptors, ...more] } }));
}

function withRing(
  ring: Partial<Subject["daemon"]["rings"][number]>,
  different: Partial<ThreadCredentials> = {},
): Subject {
  const rings = [{ fd: 7, files: [], personalities: [], pollingThread: undefined, ...ring }];
  return thread(different, { rings });
}

/**
 * A process with a ring that thread 101 polls. With two uids it has two threads of the kernel, 102
 * and 103, and the kernel names the one by a number of another PID namespace.
 */
function polled(...uids: readonly number[]): Subject {
  const rings = [{ fd: 7, files: [], personalities: [], pollingThread: 101 }];
  const pollers = uids.map((uid, i) =>
    credentials({ tid: uids.length === 1 ? 101 : 102 + i, uids: [uid, uid, uid, uid] })
  );
  return subject(daemon({ threads: [credentials(), ...pollers], rings }));
}

function siblings(
  dumpable: readonly number[],
  undumpable: readonly number[],
  different: Partial<ThreadCredentials> = {},
): Subject {
  return thread(different, { siblings: { dumpable, undumpable } });
}

for (const [group, cases] of Object.entries(CASES)) {
  Deno.test(`Each of these decides as the kernel does: ${group}`, () => {
    for (const [what, operation, of, answer, around] of cases) {
      const { outcome, wall } = predicted(operation, of, surroundings(around));
      assertEquals(
        [outcome, ...wall === null ? [] : [wall]].join(" "),
        answer,
        `${operation}: ${what}`,
      );
    }
  });
}

Deno.test("A filter that refuses capset or execve keeps a thread from what it may have", () => {
  const permitted = { CapPrm: capabilities(CAP_NET_RAW) };
  const bounding = { CapBnd: capabilities(CAP_NET_RAW) };
  const outcome = (
    refused: "capset" | "execve" | "execveat",
    different: Partial<ThreadCredentials>,
  ) =>
    outcomeOf(
      "packet-socket",
      askedSubject(askedThread([filterOf({ syscall: refused, action: "EPERM" })], {
        credentials: credentials({ seccomp: 2, filters: 1, ...different }),
      })),
    );
  assertEquals(outcome("capset", { capabilities: permitted }), "EPERM");
  assertEquals(outcome("execve", { capabilities: permitted }), "allowed");
  assertEquals(outcome("execve", { uids: [0, 0, 0, 0], capabilities: bounding }), "allowed");
  const both = [
    filterOf({ syscall: "execve", action: "EPERM" }, { syscall: "execveat", action: "EPERM" }),
  ];
  const root = credentials({ seccomp: 2, filters: 1, uids: [0, 0, 0, 0], capabilities: bounding });
  const confined = askedSubject(askedThread(both, { credentials: root }));
  assertEquals(outcomeOf("packet-socket", confined), "EPERM");
});
