/**
 * Violations of the claims: what a child can keep, hide, prepare or forge, by name. Each is done by
 * a real child, which reports that every check holds. A parent that believes it comes to a PASS.
 * What a child can do to the parent is in `abuses.ts`.
 *
 * @module
 */

import {
  __user_cap_data_struct as capabilitySet,
  __user_cap_header_struct as capabilityHead,
  _LINUX_CAPABILITY_VERSION_3,
  addressOf,
  AF_INET,
  AF_UNIX,
  AF_XDP,
  bind,
  bindAll,
  CAP_NET_RAW,
  CAP_SETGID,
  CAP_SETUID,
  CLONE_FILES,
  CLONE_FS,
  CLONE_PARENT,
  CLONE_UNTRACED,
  close,
  connect,
  cString,
  dup,
  Errno,
  ETH_P_ALL,
  getsockname,
  io_uring_params,
  IORING_REGISTER_FILES,
  IORING_REGISTER_PERSONALITY,
  IORING_REGISTER_RING_FDS,
  IORING_SETUP_SQPOLL,
  IPPROTO_UDP,
  libc,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  MAP_SHARED,
  mapOver,
  O_CLOEXEC,
  O_RDONLY,
  open,
  pages,
  pageSize,
  pipe,
  PR_SET_DUMPABLE,
  PR_SET_KEEPCAPS,
  PR_SET_SYSCALL_USER_DISPATCH,
  PR_SYS_DISPATCH_ON,
  prctl,
  PROT_READ,
  PTRACE_TRACEME,
  rawSyscall,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_TRACE,
  SECCOMP_RET_TRAP,
  SECCOMP_RET_USER_NOTIF,
  sendDescriptors,
  setgroups,
  setresgid,
  setresuid,
  setUpPacketRing,
  SOCK_CLOEXEC,
  SOCK_RAW,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  socket,
  socketpair,
  type SyscallName,
  UNCHANGED,
} from "../../ffi/mod.ts";
import {
  bindPacketSocket,
  describePacketSocket,
  openPacketSocket,
} from "../../lib/packets/socket.ts";
import { currentFrame, type FrameSource } from "../../lib/receive/mod.ts";
import { HEAD_LIMIT } from "../../lib/harness/protocol.ts";
import {
  dropOnOneThread,
  ignoreEverything,
  withoutFilter,
  withoutStage4,
} from "../refutations/refutation.ts";
import { type Behaviour, protectBy, returnCurrentFrame, type Situation } from "./behaviour.ts";
import { executeAtLast, executeWhenTraced } from "./executing.ts";
import { call, filterThisThread, leave, prctlWith } from "./kernel.ts";
import { haveOneselfTraced, startAnother, startSharing } from "./processes.ts";

const nothing = () => {};
const NET_RAW = 1 << CAP_NET_RAW;

/** Source: sys/mman.h. */
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

/** A file and a folder that only root may read. */
const ROOTS_FILE = "/etc/shadow", ROOTS_FOLDER = "/root";

/** Sets the capabilities of this thread. */
function capset(effective: number, permitted: number, inheritable: number): void {
  const head = capabilityHead.alloc();
  head.version = _LINUX_CAPABILITY_VERSION_3;
  const sets = new Uint8Array(2 * capabilitySet.size);
  Object.assign(capabilitySet.over(sets), { effective, permitted, inheritable });
  rawSyscall("capset", head.bytes, sets);
}

const CAP_SETUID_BIT = 1 << CAP_SETUID, CAP_SETGID_BIT = 1 << CAP_SETGID;
const BORN_WITH = NET_RAW | CAP_SETUID_BIT | CAP_SETGID_BIT;

/** Maps a file anywhere, and forgets the address. */
function mapAnywhere(fd: number, flags: number, length = pageSize(), offset = 0n): void {
  const address = libc.mmap(0n, BigInt(length), PROT_READ, flags, fd, offset);
  if (BigInt.asUintN(64, BigInt(address as unknown as bigint)) === MAP_FAILED) {
    throw new Error("mmap failed");
  }
}

function ring(flags = 0): number {
  const params = io_uring_params.alloc();
  params.flags = flags;
  return rawSyscall("io_uring_setup", 4, params.bytes);
}

/** Opens a second packet socket, ready to receive as the passed one is. */
function ownSocket({ packetFd }: Situation): number {
  const own = openPacketSocket();
  bindPacketSocket(own, describePacketSocket(packetFd).ifindex, ETH_P_ALL);
  return own;
}

const withOwnSocket =
  (hide: (own: number, situation: Situation) => void) => (situation: Situation) =>
    hide(ownSocket(situation), situation);

function abstractAddress(): Uint8Array<ArrayBuffer> {
  const family = Uint8Array.of(AF_UNIX, 0); // without a path: the kernel chooses an abstract name
  return family;
}

/** Installs filters that refuse what root may do, on a thread that has every privilege. */
function answerForRoot(answer = SECCOMP_RET_ERRNO | Errno.EPERM): void {
  const calls: SyscallName[] = ["socket", "setgroups", "setresgid", "setresuid"];
  for (const name of calls) filterThisThread(name, answer);
}

/** Returns the frames that it receives, altered. */
const returning = (
  alter: (frame: { bytes: number; head: Uint8Array<ArrayBuffer> }, count: number) => number,
) =>
({ run }: Situation, source: FrameSource) => {
  let count = 0;
  do {
    while (source.next()) {
      const head = currentFrame(source).slice(0, HEAD_LIMIT);
      const times = alter({ bytes: source.length, head }, count++);
      for (let i = 0; i < times; i++) returnCurrentFrame(run, source, head);
    }
  } while (run.readable(source.fd) === "descriptor");
};

const EITHER = ["FAIL", "INCONCLUSIVE"] as const;

/** Every violation. */
export const VIOLATIONS = {
  // ── Keeping privilege. ──
  "root-kept": { what: "drops nothing", drop: nothing },
  "root-on-a-thread": {
    what: "drops the uid on one thread alone",
    drop: ({ identity }) => dropOnOneThread(identity),
  },
  "root-saved": {
    what: "keeps uid 0 as the saved one",
    drop({ identity: { uid, gid } }) {
      setgroups([]);
      setresgid(gid, gid, gid);
      setresuid(uid, uid, UNCHANGED);
    },
  },
  "root-regained": {
    what: "drops the effective uid while the parent looks, and takes it back",
    drop({ identity: { uid, gid } }) {
      setgroups([]);
      setresgid(gid, gid, gid);
      setresuid(uid, uid, UNCHANGED);
    },
    free: () => setresuid(0, 0, 0),
  },
  "gid-kept": {
    what: "keeps gid 0",
    drop({ identity: { uid } }) {
      setgroups([]);
      setresuid(uid, uid, uid);
    },
  },
  "groups-kept": {
    what: "keeps a supplementary group",
    drop({ identity: { uid, gid } }) {
      setgroups([42]);
      setresgid(gid, gid, gid);
      setresuid(uid, uid, uid);
    },
  },
  "another-uid": {
    what: "becomes another user than ordered",
    drop({ identity: { uid, gid } }) {
      setgroups([]);
      setresgid(gid, gid, gid);
      setresuid(uid - 1, uid - 1, uid - 1);
    },
  },
  "capability-kept": {
    what: "keeps CAP_NET_RAW on one thread",
    drop({ identity: { uid, gid } }) {
      setgroups([]);
      setresgid(gid, gid, gid);
      prctl(PR_SET_KEEPCAPS, 1);
      setresuid(uid, uid, uid);
      capset(NET_RAW, NET_RAW, 0);
    },
  },
  "capability-permitted": {
    what: "keeps CAP_SETUID on one thread, permitted and not effective",
    drop({ identity: { uid, gid } }) {
      setgroups([]);
      setresgid(gid, gid, gid);
      prctl(PR_SET_KEEPCAPS, 1);
      setresuid(uid, uid, uid);
      capset(0, CAP_SETUID_BIT, 0);
    },
    free: () => capset(CAP_SETUID_BIT, CAP_SETUID_BIT, 0),
  },
  "capability-inheritable": {
    what: "keeps CAP_NET_RAW inheritable",
    root: () => capset(BORN_WITH, BORN_WITH, NET_RAW),
    drop({ identity: { uid, gid } }) {
      setgroups([]);
      setresgid(gid, gid, gid);
      setresuid(uid, uid, uid); // empties the other sets
    },
  },
  "undumpable-root": {
    what: "drops nothing, and makes itself undumpable",
    drop: () => prctl(PR_SET_DUMPABLE, 0),
  },

  // ── Keeping another process. ──
  "second-process": {
    what: "keeps root in a second process",
    root: startAnother,
  },
  "process-with-its-descriptors": {
    what:
      "keeps root in a process that shares its memory and its descriptors, and is not among its threads",
    root: () => startSharing(CLONE_FILES | CLONE_UNTRACED),
  },
  "process-of-the-parent": {
    what: "keeps root in a process that is the parent's child",
    root: () => startSharing(CLONE_FILES | CLONE_PARENT),
  },
  "process-with-its-memory": {
    what: "keeps root in a process that shares its memory, and has descriptors of its own",
    root: () => startSharing(0),
  },
  "own-tracer": {
    what: "is traced by a process of its own, so that nobody else can",
    reported: /has started other processes/,
    root: haveOneselfTraced,
  },
  "traced-by-parent": {
    what: "makes the parent its tracer",
    verdicts: EITHER,
    root: () => void call("ptrace", PTRACE_TRACEME, 0, 0, 0),
    drop: nothing,
  },
  "dying": {
    what: "ends while the parent looks",
    reported: /The child's first thread has ended|The child ended early/,
    looked: () => leave(),
  },
  "executing": {
    what: "executes a program from its second thread while the parent stops the others",
    reported: /could not be inspected|ended early|fell silent/,
    args: ["-t", "5"],
    dropped: executeWhenTraced,
    free: executeAtLast,
  },
  "late-process": {
    what: "starts a second process after the parent has looked",
    free: startAnother,
  },

  // ── Keeping another packet socket, or another way to one. ──
  "socket-open": {
    what: "keeps a second packet socket open",
    root: withOwnSocket(nothing),
  },
  "socket-replaced": {
    what: "replaces the passed socket by a packet socket of its own",
    root: withOwnSocket((own, { packetFd }) => {
      rawSyscall("dup3", own, packetFd, 0);
      close(own);
    }),
  },
  "socket-replaced-at-once": {
    what: "replaces the passed socket by a packet socket of its own before the first look",
    received: withOwnSocket((own, { packetFd }) => {
      rawSyscall("dup3", own, packetFd, 0);
      close(own);
    }),
  },
  "socket-lost": {
    what: "replaces the passed socket by an ordinary one",
    root({ packetFd }) {
      const [one, other] = socketpair(AF_UNIX, SOCK_SEQPACKET, 0);
      rawSyscall("dup3", one, packetFd, 0);
      close(one);
      void other;
    },
  },
  "socket-in-flight": {
    what: "hides a second packet socket in the queue of a socket pair",
    root: withOwnSocket((own) => {
      const [one] = socketpair(AF_UNIX, SOCK_SEQPACKET, 0);
      sendDescriptors(one, [own]);
      close(own);
    }),
  },
  "socket-in-flight-twice": {
    what: "hides a second packet socket in a queue within a queue",
    root: withOwnSocket((own) => {
      const [inner, end] = socketpair(AF_UNIX, SOCK_STREAM, 0);
      sendDescriptors(inner, [own]);
      const [outer] = socketpair(AF_UNIX, SOCK_STREAM, 0);
      sendDescriptors(outer, [end]);
      close(own);
      close(end);
    }),
  },
  "socket-unaccepted": {
    what: "hides a second packet socket in a connection that nobody has accepted",
    root: withOwnSocket((own) => {
      const listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      bind(listening, abstractAddress());
      rawSyscall("listen", listening, 1);
      const client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      connect(client, getsockname(listening));
      sendDescriptors(client, [own]);
      close(own);
      close(client);
    }),
  },
  "socket-sent-back": {
    what: "sends a second packet socket to the parent",
    reported: /MSG_CTRUNC/,
    root: withOwnSocket((own, { run }) => {
      sendDescriptors(run.channelFd, [own]);
      close(own);
    }),
  },
  "socket-registered": {
    what: "hides a second packet socket in an io_uring",
    root: withOwnSocket((own) => {
      const list = new Uint8Array(Int32Array.of(own).buffer);
      rawSyscall("io_uring_register", ring(), IORING_REGISTER_FILES, list, 1);
      close(own);
    }),
  },
  "socket-mapped": {
    what: "keeps the ring of a second packet socket mapped, and closes the socket",
    root: withOwnSocket((own) => {
      setUpPacketRing(own, RING);
      mapOver(pages(RING.blockSize), MAP_SHARED, own);
      close(own);
    }),
  },
  "socket-mapped-privately": {
    what: "keeps a private mapping of the ring of a second packet socket, and closes the socket",
    root: withOwnSocket((own) => {
      setUpPacketRing(own, RING);
      mapAnywhere(own, MAP_PRIVATE, RING.blockSize);
      close(own);
    }),
  },
  "socket-polled": {
    what: "has the kernel poll a second packet socket, which is closed",
    root: withOwnSocket((own) => {
      const context = new BigUint64Array(1);
      call("io_setup", 4, new Uint8Array(context.buffer));
      const request = new Uint8Array(64), view = new DataView(request.buffer);
      view.setUint16(16, 5, true); // IOCB_CMD_POLL
      view.setInt32(20, own, true);
      view.setBigUint64(24, 0x2000n, true); // POLLRDHUP: an event that never comes
      call("io_submit", context[0], 1, addressedBy(request));
      close(own);
    }),
  },
  "socket-in-own-table": {
    what: "keeps a second packet socket in the descriptor table of its other threads",
    root: withOwnSocket((own) => {
      rawSyscall("unshare", CLONE_FILES);
      close(own);
    }),
  },
  "raw-ip-socket": {
    what: "keeps a raw IP socket",
    root: () => void socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP),
  },
  "xdp-socket": {
    what: "keeps an AF_XDP socket",
    root: () => void socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0),
  },

  // ── Keeping something that acts as root. ──
  "ring-open": { what: "keeps an io_uring", root: () => void ring() },
  "ring-mapped": {
    what: "keeps an io_uring mapped, and closes it",
    root() {
      const fd = ring();
      mapAnywhere(fd, MAP_SHARED);
      close(fd);
    },
  },
  "ring-mapped-privately": {
    what: "keeps a private mapping of an io_uring, and closes it",
    root() {
      const fd = ring();
      mapAnywhere(fd, MAP_PRIVATE);
      close(fd);
    },
  },
  "ring-polled": {
    what: "keeps an io_uring that the kernel polls",
    root: () => void ring(IORING_SETUP_SQPOLL),
  },
  "ring-registered": {
    what: "keeps an io_uring as a registered ring only",
    root() {
      const fd = ring();
      const update = new Uint8Array(16);
      new DataView(update.buffer).setUint32(0, UNCHANGED, true); // any slot
      new DataView(update.buffer).setBigUint64(8, BigInt(fd), true);
      rawSyscall("io_uring_register", fd, IORING_REGISTER_RING_FDS, update, 1);
      close(fd);
    },
  },
  "ring-with-personality": {
    what: "keeps an io_uring that can act as root",
    root: () => void rawSyscall("io_uring_register", ring(), IORING_REGISTER_PERSONALITY, 0, 0),
  },
  "file-open": {
    what: "keeps a file of root's open",
    root: () => void open(ROOTS_FILE, O_RDONLY | O_CLOEXEC),
  },
  "file-mapped": {
    what: "keeps a file of root's mapped",
    root() {
      const fd = open(ROOTS_FILE, O_RDONLY | O_CLOEXEC);
      mapAnywhere(fd, MAP_SHARED);
      close(fd);
    },
  },
  "file-mapped-privately": {
    what: "keeps a private mapping of a file of root's",
    root() {
      const fd = open(ROOTS_FILE, O_RDONLY | O_CLOEXEC);
      mapAnywhere(fd, MAP_PRIVATE);
      close(fd);
    },
  },
  "folder-open": {
    what: "keeps a folder of root's open",
    root: () => void open(ROOTS_FOLDER, O_RDONLY | O_CLOEXEC),
  },
  "folder": {
    what: "has a working directory of root's",
    root() {
      bindAll(); // Deno's permission for libc is relative to the working directory
      call("chdir", cString(ROOTS_FOLDER));
    },
  },
  "folder-of-a-thread": {
    what: "has a thread whose working directory is root's",
    root() {
      bindAll();
      rawSyscall("unshare", CLONE_FS);
      call("chdir", cString(ROOTS_FOLDER));
    },
  },
  "pipe": { what: "keeps a pipe of its own", root: () => void pipe() },
  "shared-memory": {
    what: "keeps a shared mapping",
    root: () => mapAnywhere(-1, MAP_SHARED | MAP_ANONYMOUS),
  },
  "terminal": {
    what: "keeps a terminal",
    root: () => void open("/dev/ptmx", O_RDONLY | O_CLOEXEC),
  },

  // ── Answering in the kernel's place. ──
  "filter-answers": {
    what: "drops nothing, and has a filter that refuses what root may do",
    drop: () => answerForRoot(),
  },
  "filter-lies": {
    what: "has a filter that reports success for every call",
    dropped: () => answerForRoot(SECCOMP_RET_ERRNO),
  },
  "filter-kills": {
    what: "has a filter that kills the process that asks",
    reported: /the thread has ended|ended early, by SIGSYS/,
    dropped: () => answerForRoot(SECCOMP_RET_KILL_PROCESS),
  },
  "filter-traps": {
    what: "has a filter that answers with a signal",
    reported: /SECCOMP_RET_TRAP/,
    dropped: () => answerForRoot(SECCOMP_RET_TRAP),
  },
  "filter-traces": {
    what: "has a filter that asks its tracer",
    dropped: () => answerForRoot(SECCOMP_RET_TRACE),
  },
  "filter-notifies": {
    what: "has a filter that asks itself",
    reported: /the call does not return/,
    dropped: () => void filterThisThread("socket", SECCOMP_RET_USER_NOTIF, true),
  },
  "dispatch": {
    what: "intercepts its own system calls while the parent looks",
    // V8 may make a system call within the loop, and then the child dies of its own interception.
    reported: /intercepts its system calls|first thread has ended|ended early, by SIGSYS/,
    looked() {
      const selector = pages(1);
      prctlWith(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, addressOf(selector));
      selector[0] = 1; // SYSCALL_DISPATCH_FILTER_BLOCK
      for (let turns = 0; turns < 5e8; turns++); // no system call meanwhile
      selector[0] = 0;
    },
  },

  // ── Frames. ──
  "frames-altered": {
    what: "alters the frames that it returns",
    args: ["-t", "3"],
    receive: returning(({ head }) => {
      head.fill(0, 40);
      return 1;
    }),
  },
  "frames-repeated": {
    what: "returns the first frame again and again",
    args: ["-t", "3"],
    receive: returning((_, count) => count === 0 ? 5 : 0),
  },
  "frames-half": {
    what: "returns the first half of the frames",
    args: ["-t", "3"],
    receive: returning((_, count) => count < 2 ? 1 : 0),
  },
  "frames-kept": {
    what: "returns no frame",
    args: ["-t", "3"],
    receive: returning(() => 0),
  },
  "socket-deaf": {
    what: "attaches a filter to the passed socket that drops every frame",
    args: ["-t", "3"],
    free: ({ packetFd }) => ignoreEverything(packetFd),
  },
  "socket-closed": {
    what: "closes the passed socket after the first frames",
    args: ["-t", "3"],
    receive({ run, packetFd }, source) {
      for (let i = 0; i < 2; i++) {
        while (!source.next()) source.wait(100);
        returnCurrentFrame(run, source);
      }
      const [one] = socketpair(AF_UNIX, SOCK_SEQPACKET, 0);
      rawSyscall("dup3", one, packetFd, 0);
      close(one);
    },
  },

  // ── With `--harden`. ──
  "hardened-root": { what: "keeps the uid that it started with", harden: true, drop: nothing },
  "hardened-unprotected": {
    what: "puts no protection on itself",
    harden: true,
    protect: (situation, source) =>
      protectBy(situation, source, withoutStage4(situation.protections)),
  },
  "hardened-without-filter": {
    what: "has a filter that allows everything",
    harden: true,
    protect: (situation, source) =>
      protectBy(situation, source, withoutFilter(situation.protections)),
  },
  "hardened-process": {
    what: "starts a process that shares its memory and its descriptors",
    harden: true,
    root: () => startSharing(CLONE_FILES | CLONE_UNTRACED),
  },
  "hardened-copy": {
    what: "holds a copy of the passed socket in the queue of a socket pair",
    harden: true,
    free({ packetFd }) {
      const [one] = socketpair(AF_UNIX, SOCK_SEQPACKET, 0);
      const copy = dup(packetFd);
      sendDescriptors(one, [copy]);
      close(copy);
    },
  },
  "hardened-file": {
    what: "keeps a file open that it opened before its protections",
    harden: true,
    root: () => void open("/etc/passwd", O_RDONLY | O_CLOEXEC),
  },
} as const satisfies { readonly [name: string]: Behaviour };

/** The name of a violation. */
export type ViolationName = keyof typeof VIOLATIONS;

const RING = { blockSize: 1 << 16, blockCount: 1, retireTimeout: 8 };

/**
 * A list of one pointer. SAFETY: the caller keeps the request referenced until its call is over.
 */
function addressedBy(request: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(BigUint64Array.of(addressOf(request)).buffer);
}
