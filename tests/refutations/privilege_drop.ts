/**
 * Real defects of the main job, each made by overriding one step, and the checks that must fail
 * because of it.
 *
 * @module
 */

import {
  AF_PACKET,
  bind,
  dropPrivileges,
  dup,
  ETH_P_ALL,
  type Identity,
  if_nametoindex,
  O_CLOEXEC,
  O_RDONLY,
  open,
  setgroups,
  setresgid,
  setresuid,
  SOCK_CLOEXEC,
  SOCK_RAW,
  sockaddr_ll,
  socket,
  UNCHANGED,
} from "../../ffi/mod.ts";
import type { ChildRun } from "../../lib/harness/child_run.ts";
import {
  child,
  childOverrides,
  parent,
  parentOverrides,
  privilegeDrop,
} from "../../lib/experiments/privilege_drop/experiment.ts";
import { bindPacketSocket, openPacketSocket } from "../../lib/packets/socket.ts";
import type { ParentRun } from "../../lib/harness/parent_run.ts";
import { behave } from "../hostile/behaviour.ts";
import {
  dropOnOneThread,
  ignoreEverything,
  LYING_WORKERS,
  rawSetresgid,
  type Refutation,
  type Refutations,
  trustMe,
  withoutSecrets,
} from "./refutation.ts";

/** A defect: the steps of the parent that are overridden, and the child's program. */
interface Defect extends Omit<Refutation, "experiment"> {
  readonly parent?: Partial<typeof parentOverrides>;
  readonly child?: (run: ChildRun) => void | Promise<void>;
}

const dropping = (dropPrivileges: typeof childOverrides.dropPrivileges) => (run: ChildRun) =>
  child(run, { ...childOverrides, dropPrivileges });

/**
 * A child that does not try to become root again: where its threads differ, libc would abort it
 * before the parent has looked.
 */
const droppingOnly = (drop: (identity: Identity) => void) => (run: ChildRun) =>
  behave(run, { what: "drops in its own way", drop: ({ identity }) => drop(identity) });

function htons(value: number): number {
  return (value & 0xff) << 8 | value >> 8;
}

/**
 * A child that accepts any number of descriptors. With none, a descriptor that is no packet socket
 * takes the place of the missing one.
 */
const takingAll = (count: number) => (run: ChildRun) => {
  const honest = run.receive.bind(run);
  run.receive = (type, expected) => {
    const delivery = honest(type, expected === 1 ? count : expected);
    const { descriptors } = delivery;
    return { ...delivery, descriptors: expected === 1 && count === 0 ? [dup(0)] : descriptors };
  };
  return child(run);
};

const DEFECTS: { readonly [name: string]: Defect } = {
  "other-interface": {
    what: "the packet socket is bound to another interface",
    refutes: ["SOCK-01"],
    timeout: 2,
    parent: {
      bindPacketSocket: (fd) => bindPacketSocket(fd, if_nametoindex("lo"), ETH_P_ALL),
    },
  },
  "unbound": {
    what: "the packet socket is bound to no interface",
    refutes: ["SOCK-01"],
    parent: {
      bindPacketSocket: (fd) => {
        const address = sockaddr_ll.alloc();
        address.sll_family = AF_PACKET;
        address.sll_protocol = ETH_P_ALL;
        bind(fd, address.bytes);
      },
    },
  },
  "protocol-before-bind": {
    what: "the packet socket has a protocol before its bind",
    refutes: ["SOCK-02"],
    timeout: 2,
    parent: {
      openPacketSocket: () => socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL)),
    },
  },
  "inherited": {
    what: "the packet socket lacks close-on-exec at the spawn",
    refutes: ["PASS-01"],
    parent: { inheritedByChild: (packetFd) => [packetFd] },
  },
  "two-descriptors": {
    what: "two descriptors are sent, and accepted",
    refutes: ["PASS-02"],
    parent: { passedToChild: (packetFd) => [packetFd, packetFd] },
    child: takingAll(2),
  },
  "three-descriptors": {
    what: "three descriptors are sent, and accepted",
    refutes: ["PASS-02"],
    parent: { passedToChild: (packetFd) => [packetFd, packetFd, packetFd] },
    child: takingAll(3),
  },
  "no-descriptor": {
    what: "the message carries no descriptor",
    refutes: ["PASS-02"],
    parent: { passedToChild: () => [] },
    child: takingAll(0),
  },
  "another-socket": {
    what: "another packet socket is sent",
    refutes: ["PASS-03"],
    timeout: 4,
    parent: { passedToChild: () => [openPacketSocket()] },
  },
  "no-setgroups": {
    what: "setgroups is forgotten",
    refutes: ["DROP-01"],
    prefix: ["setpriv", "--groups", "42"],
    child: dropping(({ uid, gid }) => {
      setresgid(gid, gid, gid);
      setresuid(uid, uid, uid);
    }),
  },
  "no-setresgid": {
    what: "setresgid is forgotten",
    refutes: ["DROP-02"],
    child: dropping(({ uid }) => {
      setgroups([]);
      setresuid(uid, uid, uid);
    }),
  },
  "raw-setresgid": {
    what: "the gid is dropped by the system call, on one thread only",
    refutes: ["DROP-02"],
    child: droppingOnly(({ uid, gid }) => {
      setgroups([]);
      rawSetresgid(gid);
      setresuid(uid, uid, uid);
    }),
  },
  "raw-setresuid": {
    what: "the uid is dropped by the system call, on one thread only",
    refutes: ["DROP-03", "DROP-04"],
    child: droppingOnly(dropOnOneThread),
  },
  "seteuid-only": {
    what: "only the effective uid is dropped",
    refutes: ["DROP-03", "DROP-05"],
    child: dropping(({ uid, gid }) => {
      setgroups([]);
      setresgid(gid, gid, gid);
      setresuid(UNCHANGED, uid, UNCHANGED);
    }),
  },
  "no-drop": {
    what: "nothing is dropped",
    refutes: ["DROP-02", "DROP-03", "DROP-04", "DROP-05", "DENY-01"],
    child: dropping(() => {}),
  },
  "deaf-socket": {
    what: "a filter on the passed socket drops every frame",
    refutes: ["RECV-01", "RECV-02", "RECV-03"],
    timeout: 4,
    child: (run) => child(run, { ...childOverrides, beforeUse: ignoreEverything }),
  },
  "frames-without-secrets": {
    what: "the child returns only what an ordinary socket reads of each frame",
    refutes: ["RECV-01", "RECV-02", "RECV-03"],
    alone: true,
    timeout: 4,
    child: (run) => {
      withoutSecrets(run);
      return child(run);
    },
  },
  "copy-kept": {
    what: "the parent keeps its copy of the socket",
    refutes: ["RECV-03"],
    parent: { closeOwnCopy: () => {} },
  },
  "capabilities-kept": {
    what: "the parent is not root, and the drop leaves the capability sets alone",
    refutes: ["DROP-04", "DROP-05", "DENY-01"],
    service: true,
    child: droppingOnly(({ uid, gid }) => {
      setgroups([]);
      setresgid(gid, gid, gid);
      setresuid(uid, uid, uid);
    }),
  },
  "child-crashes": {
    what: "the child ends in the middle",
    refutes: ["DROP-01", "DENY-01", "RECV-01"],
    endsEarly: true,
    child: dropping(() => Deno.exit(3)),
  },
  "child-leaves-early": {
    what: "the child ends with status 0 before anything is received",
    refutes: ["RECV-01", "RECV-02", "RECV-03"],
    endsEarly: true,
    child: (run) => child(run, { ...childOverrides, beforeUse: () => Deno.exit(0) }),
  },
  "child-fails-late": {
    what: "the child does everything, and exits with a status other than 0",
    refutes: [],
    endsEarly: true,
    child: async (run) => {
      await child(run);
      Deno.exit(5);
    },
  },
  "child-hangs": {
    what: "the child hangs in an endless loop",
    refutes: ["DROP-01", "DENY-01", "RECV-01"],
    timeout: 8,
    endsEarly: true,
    child: dropping(() => {
      for (;;);
    }),
  },
  "drop-refused": {
    what: "the drop is refused, and the child reports it",
    refutes: ["DROP-01", "DROP-03", "DENY-01", "RECV-01"],
    endsEarly: true,
    child: dropping(({ gid }) => dropPrivileges({ uid: 0, gid })),
  },
  "file-kept": {
    what: "the hardened worker holds a file that it was not given",
    refutes: ["HARD-03"],
    harden: true,
    child: (run) =>
      child(run, {
        ...childOverrides,
        beforeUse: () => void open("/etc/passwd", O_RDONLY | O_CLOEXEC),
      }),
  },
  ...Object.fromEntries(
    Object.entries(LYING_WORKERS).map(([name, { words, ...refutation }]) => [
      name,
      {
        ...refutation,
        child: (run: ChildRun) => {
          words(run);
          return child(run);
        },
      },
    ]),
  ),
};

/**
 * Every refutation of `privilege-drop`, by name. Each child reports that every check holds, so only
 * the parent can see the defect.
 */
export const PRIVILEGE_DROP_REFUTATIONS: Refutations = Object.fromEntries(
  Object.entries(DEFECTS).map(([name, { parent: overrides, child: defective, ...refutation }]) => [
    `${privilegeDrop.name}/${name}`,
    {
      ...refutation,
      experiment: {
        ...privilegeDrop,
        parent: (run: ParentRun) => parent(run, { ...parentOverrides, ...overrides }),
        child: (run: ChildRun) => {
          trustMe(run);
          return (defective ?? child)(run);
        },
      },
    },
  ]),
);
