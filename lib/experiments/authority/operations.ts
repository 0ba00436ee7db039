/**
 * What a compromised worker may try: each operation with what it would give an attacker, how it is attempted, and what is known
 * to come of it. Knowledge and attempts only; who runs them is `experiments/authority.ts`.
 *
 * An attempt counts as allowed when its *effect* was seen, where there is one to see: a frame arrived, another interface's
 * frame was received. That a call returned 0 is not enough then.
 *
 * @module
 */

import {
  AF_INET,
  AF_PACKET,
  AF_UNIX,
  CLONE_NEWUSER,
  ETH_P_ALL,
  ETH_P_IP,
  O_CLOEXEC,
  O_RDONLY,
  O_WRONLY,
  PACKET_AUXDATA,
  PACKET_FANOUT,
  PACKET_QDISC_BYPASS,
  PACKET_RX_RING,
  PACKET_TIMESTAMP,
  PACKET_VNET_HDR,
  PR_GET_DUMPABLE,
  PR_SET_DUMPABLE,
  PTRACE_SEIZE,
  SHUT_RDWR,
  SIOCGSTAMP_OLD,
  SIOCSIFFLAGS,
  SO_ATTACH_BPF,
  SO_MARK,
  SO_PRIORITY,
  SO_RCVBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_SEQPACKET,
  SOL_PACKET,
  SOL_SOCKET,
} from "../../../ffi/abi/constants.ts";
import { Errno, SystemError } from "../../../ffi/abi/errno.ts";
import { ifreq, io_uring_params, iovec } from "../../../ffi/abi/layouts.ts";
import { cString } from "../../../ffi/abi/libc.ts";
import { rawSyscall } from "../../../ffi/abi/raw_syscall.ts";
import {
  assemble,
  attachedFilter,
  attachFilter,
  bpfReturn,
  detachFilter,
} from "../../../ffi/packet/bpf.ts";
import { bpfSocketFilter } from "../../../ffi/packet/ebpf.ts";
import { close, dup, ioctl, write } from "../../../ffi/process/descriptor.ts";
import { open, readLink, readTextFile } from "../../../ffi/process/file.ts";
import { parentDeathSignal, prctl } from "../../../ffi/process/process.ts";
import {
  bind,
  getsockoptInt,
  sendTo,
  setsockopt,
  shutdown,
  socket,
  socketpair,
} from "../../../ffi/socket/calls.ts";
import {
  becomePromiscuous,
  mapRing,
  markInUserNamespace,
  PERL,
  rebind,
  runs,
  sendByIoUring,
  sendByRing,
} from "./attacks.ts";
import type { EarlyRings } from "../../confine/early_rings.ts";
import { NOT_TRIED } from "../../evidence/evidence.ts";
import { isUnprivilegedIoUring, systemSetting, whyNoOwnRing } from "../../host/kernel.ts";
import { markedFrame } from "../../packets/marks.ts";
import { sendFrame, whenThereIsRoom } from "../../packets/send.ts";
import { describePacketSocket, packetAddress } from "../../packets/socket.ts";
import { ALL_PROTECTIONS, type Protection } from "../../confine/protections.ts";

/** What came of an attempt: `allowed`, `no effect` (it returned 0, and nothing happened), {@linkcode NOT_TRIED}, or the errno by name. */
export type Outcome = string;

/** Where an effect of the attempt is looked for by the parent. */
export type Witness = "far" | "other";

/** What the attacker has to work with. */
export interface Attacker {
  readonly packetFd: number;
  /** The ifindex of the interface that the socket was bound to. */
  readonly ifindex: number;
  /** The ifindex of another interface of the namespace. */
  readonly otherIfindex: number;
  /**
   * Another process of the same uid that holds a packet socket, and the number of it there. /proc is that of the parent's PID namespace, and has another
   * number for it.
   */
  readonly sibling: { readonly pid: number; readonly pidInProc: number; readonly fd: number };
  /** A descriptor that the parent forgot to close: the writing end of a pipe. */
  readonly forgottenFd: number;
  /** Rings that were made before the drop; where such cannot be made, why; null for one that has no use for them. */
  readonly rings: EarlyRings | SystemError | null;
  /** Has the parent send a frame to the other interface. */
  provoke(): void;
}

/** One operation. */
export interface Operation {
  readonly name: string;
  /** What an attacker would get from it. */
  readonly gives: string;
  /** The kernel's function, or the manual page, that decides. */
  readonly source: string;
  /** What comes of it with the socket as it was passed; where the kernel's settings decide, found out when it is asked for. */
  readonly plain: Outcome | (() => Outcome);
  /** Why it cannot be tried here, if it cannot. */
  readonly whyNotTried?: () => string | undefined;
  /** Where a protection alone changes that. */
  readonly under?: { readonly [protection in Protection]?: Outcome };
  /** With all protections, if another one than the receive-only filter refuses it first. */
  readonly hardened?: Outcome;
  /** The same for a worker that may enter a ring, since it receives by one: it has the number of the early one, which was closed. */
  readonly hardenedWithRing?: Outcome;
  /** Where the parent must see a frame that carries the operation's name. */
  readonly witness?: Witness;
  /** Attempts it, undoing it where it can. Throws what the system refuses; returns false if it had no effect. */
  attempt(attacker: Attacker): boolean | void | typeof NOT_TRIED;
}

const option = (level: number, name: number, value: number) => ({ packetFd }: Attacker) =>
  setsockopt(packetFd, level, name, value);

/** `SOF_TIMESTAMPING_RAW_HARDWARE`. Source: linux/net_tstamp.h. */
const CARDS_CLOCK = 1 << 6;

/** Sets an option of a packet socket, looks whether it is set, and takes it back. */
const onAndOff = (name: number, value = 1) => ({ packetFd }: Attacker): boolean => {
  setsockopt(packetFd, SOL_PACKET, name, value);
  const isOn = getsockoptInt(packetFd, SOL_PACKET, name) === value;
  setsockopt(packetFd, SOL_PACKET, name, 0);
  return isOn;
};

/** eBPF for everybody: not where the setting is missing, since such a kernel is older than it, or has no bpf(2). */
const isUnprivilegedBpf = () => systemSetting("kernel/unprivileged_bpf_disabled", "1") === "0";
/** User namespaces for everybody. Debian and Ubuntu have settings of their own beside the kernel's. */
const isUnprivilegedUserNamespace = () =>
  systemSetting("user/max_user_namespaces", "0") !== "0" &&
  systemSetting("kernel/unprivileged_userns_clone", "1") !== "0" &&
  systemSetting("kernel/apparmor_restrict_unprivileged_userns", "0") !== "1";
/** ptrace of any process of the same uid. The setting is Yama's; without Yama it is so. */
const isPtraceOfSiblings = () => systemSetting("kernel/yama/ptrace_scope", "0") === "0";

/** What a filter of system calls that was here before us says to io_uring_setup(2), or a kernel without it. */
const REFUSED_TO_ALL: number[] = [Errno.EPERM, Errno.ENOSYS];

/** Asked once: the answer is for this whole run. */
const once = <T>(ask: () => T): () => T => {
  let answer: [T] | undefined;
  return () => (answer ??= [ask()])[0];
};

const whyNoRing = once(() => whyNoOwnRing());

/** Asked by the parent and by its worker: either may open a file for reading. */
const whyNoPerl = once(() => {
  try {
    close(open(PERL, O_RDONLY | O_CLOEXEC));
    return undefined;
  } catch (error) {
    if (error instanceof SystemError && error.errno === Errno.ENOENT) return error.message;
    throw error;
  }
});

/** What comes of it for whoever asks: `allowed`, or the errno if it is refused to all of us. */
const setUpOutcome = once((): Outcome => {
  try {
    close(rawSyscall("io_uring_setup", 4, io_uring_params.alloc().bytes));
    return "allowed";
  } catch (error) {
    if (error instanceof SystemError && REFUSED_TO_ALL.includes(error.errno)) return error.code;
    throw error;
  }
});

/** An attempt that is made where there can be rings. */
const whereRingsAre =
  (attempt: (rings: EarlyRings, attacker: Attacker) => boolean) => (attacker: Attacker) => {
    const { rings } = attacker;
    return rings === null || rings instanceof SystemError ? NOT_TRIED : attempt(rings, attacker);
  };

/** Has a ring from before the drop open root's file. */
const byEarlyRing = (open: (rings: EarlyRings) => number | undefined) =>
  whereRingsAre((rings) => {
    const fd = open(rings);
    if (fd === undefined) return false;
    close(fd);
    return true;
  });

/** What a worker may try, the harmless before what ends its use of the socket. */
export const OPERATIONS: readonly Operation[] = [
  {
    name: "packet-socket",
    gives: "every frame of every interface",
    source: "packet_create: ns_capable(CAP_NET_RAW)",
    plain: "EPERM",
    attempt: () => close(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)),
  },
  {
    name: "rebind-interface",
    gives: "the frames of another interface",
    source: "packet_do_bind: no capability asked; EINVAL for a member of a fanout group",
    plain: "allowed",
    under: { "fanout-pin": "EINVAL" },
    attempt: ({ packetFd, ifindex, otherIfindex, provoke }) =>
      rebind(packetFd, [ifindex, otherIfindex], provoke, "rebind-interface"),
  },
  {
    name: "rebind-all",
    gives: "the frames of all interfaces",
    source: "packet_do_bind",
    plain: "allowed",
    under: { "fanout-pin": "EINVAL" },
    attempt: ({ packetFd, ifindex, provoke }) =>
      rebind(packetFd, [ifindex, 0], provoke, "rebind-all"),
  },
  {
    name: "rebind-protocol",
    gives: "the frames of another protocol",
    source: "packet_do_bind",
    plain: "allowed",
    under: { "fanout-pin": "EINVAL" },
    attempt: ({ packetFd, ifindex }) => {
      bind(packetFd, packetAddress(ifindex, ETH_P_IP));
      const { boundProtocol } = describePacketSocket(packetFd);
      bind(packetFd, packetAddress(ifindex, ETH_P_ALL));
      return boundProtocol === ETH_P_IP;
    },
  },
  {
    name: "promiscuous",
    gives: "frames for other hosts; the interface stays so as long as anybody holds the socket",
    source: "packet_mc_add: no capability asked",
    plain: "allowed",
    attempt: ({ packetFd, otherIfindex }) => becomePromiscuous(packetFd, otherIfindex),
  },
  {
    name: "send",
    gives: "forged frames on the interface that it is bound to",
    source: "packet_snd: no capability asked",
    plain: "allowed",
    witness: "far",
    attempt: ({ packetFd }) => sendFrame(packetFd, markedFrame("send")),
  },
  {
    name: "sendto-elsewhere",
    gives: "forged frames on any interface",
    source: "packet_snd: the address names the interface",
    plain: "allowed",
    witness: "other",
    attempt: ({ packetFd, otherIfindex }) =>
      whenThereIsRoom(() =>
        sendTo(
          packetFd,
          markedFrame("sendto-elsewhere"),
          0,
          packetAddress(otherIfindex, ETH_P_ALL),
        )
      ),
  },
  {
    name: "write",
    gives: "forged frames, by a call that no socket filter sees",
    source: "sock_write_iter → packet_sendmsg",
    plain: "allowed",
    witness: "far",
    attempt: ({ packetFd }) => whenThereIsRoom(() => write(packetFd, markedFrame("write"))),
  },
  {
    name: "attach-filter",
    gives: "what the parent's filter keeps back",
    source: "sk_attach_filter; SOCK_FILTER_LOCKED: EPERM",
    plain: "allowed",
    under: { "locked-filter": "EPERM" },
    attempt: ({ packetFd }) => attachFilter(packetFd, assemble([bpfReturn(0xffffffff)])),
  },
  {
    name: "detach-filter",
    gives: "the same",
    source: "sk_detach_filter; SOCK_FILTER_LOCKED: EPERM",
    plain: "allowed",
    under: { "locked-filter": "EPERM" },
    attempt: ({ packetFd }) => {
      detachFilter(packetFd);
      return attachedFilter(packetFd).length === 0;
    },
  },
  {
    name: "rx-ring",
    gives: "kernel memory for a ring; frames taken past the others who hold the socket",
    source: "packet_set_ring: no capability asked",
    plain: "allowed",
    attempt: ({ packetFd }) => mapRing(packetFd, PACKET_RX_RING),
  },
  {
    name: "tx-ring",
    gives: "kernel memory, and forged frames that no call carries",
    source: "packet_set_ring, tpacket_snd: no capability asked",
    plain: "allowed",
    witness: "far",
    attempt: ({ packetFd }) => sendByRing(packetFd, markedFrame("tx-ring")),
  },
  {
    name: "qdisc-bypass",
    gives: "sending past the queueing discipline",
    source: "packet_setsockopt",
    plain: "allowed",
    attempt: onAndOff(PACKET_QDISC_BYPASS),
  },
  {
    name: "vnet-hdr",
    gives: "another layout of every frame, for all who hold the socket",
    source: "packet_setsockopt",
    plain: "allowed",
    attempt: onAndOff(PACKET_VNET_HDR),
  },
  {
    name: "auxdata",
    gives: "lengths, VLAN tags and status of every frame",
    source: "packet_setsockopt",
    plain: "allowed",
    attempt: onAndOff(PACKET_AUXDATA),
  },
  {
    name: "timestamp",
    gives: "another clock on the frames, for all who hold the socket",
    source: "packet_setsockopt",
    plain: "allowed",
    attempt: onAndOff(PACKET_TIMESTAMP, CARDS_CLOCK),
  },
  {
    name: "last-timestamp",
    gives: "when the last frame came (nothing while SO_TIMESTAMPNS stamps each: ENOENT)",
    source: "sock_gettstamp",
    plain: "ENOENT",
    attempt: ({ packetFd }) => ioctl(packetFd, SIOCGSTAMP_OLD, new Uint8Array(16)),
  },
  {
    name: "priority",
    gives: "a queue that is for others (SO_PRIORITY 7)",
    source: "sk_setsockopt: CAP_NET_RAW or CAP_NET_ADMIN above 6",
    plain: "EPERM",
    attempt: option(SOL_SOCKET, SO_PRIORITY, 7),
  },
  {
    name: "mark",
    gives: "another routing table (SO_MARK)",
    source: "sk_setsockopt: CAP_NET_RAW or CAP_NET_ADMIN",
    plain: "EPERM",
    attempt: option(SOL_SOCKET, SO_MARK, 1),
  },
  {
    name: "receive-buffer",
    gives: "kernel memory beyond net.core.rmem_max (SO_RCVBUFFORCE)",
    source: "sk_setsockopt: CAP_NET_ADMIN",
    plain: "EPERM",
    attempt: option(SOL_SOCKET, SO_RCVBUFFORCE, 1 << 28),
  },
  {
    name: "interface-down",
    gives: "the interface (SIOCSIFFLAGS)",
    source: "dev_ioctl: CAP_NET_ADMIN",
    plain: "EPERM",
    attempt: ({ packetFd }) => {
      const request = ifreq.alloc();
      request.ifr_name.set(cString("lo"));
      ioctl(packetFd, SIOCSIFFLAGS, request.bytes);
    },
  },
  {
    name: "shutdown",
    gives: "an end of the parent's reception",
    source: "AF_PACKET has no shutdown: sock_no_shutdown",
    plain: "EOPNOTSUPP",
    attempt: ({ packetFd }) => shutdown(packetFd, SHUT_RDWR),
  },
  {
    name: "duplicate",
    gives: "the socket under a number that no rule knows",
    source: "dup(2)",
    plain: "allowed",
    attempt: ({ packetFd }) => close(dup(packetFd)),
  },
  {
    name: "hoard",
    gives: "the descriptors of the whole process",
    source: "getrlimit(2), RLIMIT_NOFILE",
    plain: "allowed",
    under: { "resource-limits": "EMFILE" },
    attempt: ({ packetFd }) => {
      const hoard: number[] = [];
      try {
        while (hoard.length < 64) hoard.push(dup(packetFd));
      } finally {
        hoard.forEach(close);
      }
    },
  },
  {
    name: "socketpair",
    gives: "a way to hand the socket on",
    source: "socketpair(2)",
    plain: "allowed",
    attempt: () => socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0).forEach(close),
  },
  {
    name: "udp-socket",
    gives: "the network, as anybody may use it",
    source: "socket(2)",
    plain: "allowed",
    attempt: () => close(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)),
  },
  {
    name: "forgotten-descriptor",
    gives: "whatever the parent forgot to close",
    source: "open(2), O_CLOEXEC",
    plain: "allowed",
    under: { "closed-descriptors": "EBADF", "receive-only": "allowed" },
    hardened: "EBADF",
    attempt: ({ forgottenFd }) => void write(forgottenFd, Uint8Array.of(0)),
  },
  {
    name: "open-for-writing",
    gives: "files that anybody may write",
    source: "open(2)",
    plain: "allowed",
    attempt: () => close(open("/dev/null", O_WRONLY | O_CLOEXEC)),
  },
  {
    name: "execute",
    gives: "any program, with the socket in its hands",
    source: "posix_spawn(3): clone(2), execve(2)",
    plain: "allowed",
    attempt: () => runs("/bin/true", ["true"]),
  },
  {
    name: "set-uid-program",
    gives: "a process of root's, by whatever is wrong with su(1)",
    source:
      "bprm_fill_uid: no_new_privs; an empty bounding set takes its capabilities, not its uid",
    plain: "allowed",
    under: { "no-new-privs": "no effect" },
    // Without a capability, too, it owns root's files.
    attempt: () => runs("/usr/bin/su", ["su", "--version"], /^Uid:\s*\d+\s+0\s/m),
  },
  {
    name: "user-namespace",
    gives:
      "every capability, over what is in a namespace of its own (a process with one thread may: here EINVAL)",
    source: "check_unshare_flags: one thread",
    plain: "EINVAL",
    attempt: () => void rawSyscall("unshare", CLONE_NEWUSER),
  },
  {
    name: "user-namespace-program",
    gives:
      "the same, by a program with one thread: CAP_NET_RAW, though not over this network namespace",
    source: "create_user_ns: no capability asked; user.max_user_namespaces",
    plain: () => isUnprivilegedUserNamespace() ? "allowed" : "no effect",
    attempt: () =>
      runs(
        "/usr/bin/unshare",
        ["unshare", "--user", "--map-root-user", "/bin/true"],
        /^CapEff:\s*0*[1-9a-f]/m,
      ),
  },
  {
    name: "user-namespace-socket",
    gives: "CAP_NET_ADMIN over the passed socket, which such a program inherits",
    source: "sk_setsockopt, SO_MARK: ns_capable of the network namespace that the socket is of",
    whyNotTried: whyNoPerl,
    plain: "no effect",
    attempt: ({ packetFd }) =>
      whyNoPerl() === undefined ? markInUserNamespace(packetFd) : NOT_TRIED,
  },
  {
    name: "io-uring",
    gives: "a way round a filter of system calls",
    source: "io_uring_setup(2)",
    plain: () => isUnprivilegedIoUring() ? setUpOutcome() : "EPERM",
    attempt: () => close(rawSyscall("io_uring_setup", 4, io_uring_params.alloc().bytes)),
  },
  {
    name: "io-uring-send",
    gives: "forged frames past a filter that refuses every call that sends",
    source: "io_uring/net.c: io_send; seccomp(2) sees io_uring_enter(2), and not what is asked for",
    whyNotTried: whyNoRing,
    plain: () => isUnprivilegedIoUring() ? setUpOutcome() : "EPERM",
    witness: "far",
    attempt: whereRingsAre((_rings, { packetFd }) =>
      sendByIoUring(packetFd, markedFrame("io-uring-send"))
    ),
  },
  {
    name: "early-ring",
    gives: "nothing: a plain ring from before the drop acts as whoever uses it",
    source: "io_uring/io_uring.c: the submitter's credentials",
    whyNotTried: whyNoRing,
    plain: "EACCES",
    under: { "closed-descriptors": "EBADF" },
    hardened: "EPERM",
    hardenedWithRing: "no effect",
    attempt: byEarlyRing((rings) => rings.plainly("open")),
  },
  {
    name: "early-personality",
    gives: "root's files: a personality registered before the drop is still root",
    source: "io_init_req: the registered credentials",
    whyNotTried: whyNoRing,
    plain: "allowed",
    under: { "closed-descriptors": "EBADF" },
    hardened: "EPERM",
    hardenedWithRing: "no effect",
    attempt: byEarlyRing((rings) => rings.asPersonality("open")),
  },
  {
    name: "early-polled-ring",
    gives:
      "root's files, without a system call that a filter could refuse: the kernel's thread is still root",
    source: "io_sq_thread: the credentials of whoever made the ring",
    whyNotTried: whyNoRing,
    plain: "allowed",
    under: { "closed-descriptors": "no effect", "receive-only": "allowed" },
    hardened: "no effect",
    attempt: byEarlyRing((rings) => rings.byPolling("open")),
  },
  {
    name: "ebpf",
    gives: "a program in the kernel, as the filter of the socket",
    source: "bpf(2); kernel.unprivileged_bpf_disabled; sk_attach_bpf",
    plain: () => isUnprivilegedBpf() ? "allowed" : "EPERM",
    under: { "locked-filter": "EPERM" },
    attempt: ({ packetFd }) => {
      const programFd = bpfSocketFilter();
      try {
        setsockopt(packetFd, SOL_SOCKET, SO_ATTACH_BPF, programFd);
      } finally {
        close(programFd);
      }
    },
  },
  {
    name: "make-dumpable",
    gives: "this process to its siblings",
    source: "prctl(2), PR_SET_DUMPABLE",
    plain: "allowed",
    attempt: () => {
      prctl(PR_SET_DUMPABLE, 1);
      const isDumpable = prctl(PR_GET_DUMPABLE, 0) === 1;
      prctl(PR_SET_DUMPABLE, 0);
      return isDumpable;
    },
  },
  {
    name: "take-sibling-socket",
    gives: "another worker's packet socket (pidfd_getfd)",
    source: "pidfd_getfd → ptrace_may_access; of a sibling that is not dumpable: EPERM",
    plain: () => isPtraceOfSiblings() ? "allowed" : "EPERM",
    under: { "undumpable": "EPERM" },
    attempt: ({ sibling }) => {
      const pidfd = rawSyscall("pidfd_open", sibling.pid, 0);
      try {
        close(rawSyscall("pidfd_getfd", pidfd, sibling.fd, 0));
      } finally {
        close(pidfd);
      }
    },
  },
  {
    name: "list-sibling",
    gives: "what another worker holds (/proc/PID/fd)",
    source: "proc_pid_fd(5): ptrace_may_access",
    plain: "allowed",
    under: { "undumpable": "EACCES", "receive-only": "allowed" },
    hardened: "EACCES",
    attempt: ({ sibling }) => void readLink(`/proc/${sibling.pidInProc}/fd/${sibling.fd}`),
  },
  {
    name: "trace-sibling",
    gives: "another worker as a whole (ptrace)",
    source: "ptrace_attach → ptrace_may_access",
    plain: () => isPtraceOfSiblings() ? "allowed" : "EPERM",
    under: { "undumpable": "EPERM" },
    attempt: ({ sibling }) => {
      rawSyscall("ptrace", PTRACE_SEIZE, sibling.pid, 0, 0);
      const status = readTextFile(`/proc/${sibling.pidInProc}/status`);
      return status.match(/^TracerPid:\s*(\d+)/m)?.[1] === readLink("/proc/self");
    },
  },
  {
    name: "read-sibling-memory",
    gives: "another worker's memory (process_vm_readv)",
    source:
      "process_vm_rw_core → ptrace_may_access: EPERM; EFAULT once it is granted, for address 0",
    plain: () => isPtraceOfSiblings() ? "EFAULT" : "EPERM",
    under: { "undumpable": "EPERM" },
    attempt: ({ sibling }) => {
      const nowhere = iovec.alloc();
      nowhere.iov_len = 8;
      rawSyscall("process_vm_readv", sibling.pid, nowhere.bytes, 1, nowhere.bytes, 1, 0);
    },
  },
  {
    name: "kill-sibling",
    gives: "an end of another worker",
    source: "kill(2): the same uid",
    plain: "allowed",
    attempt: ({ sibling }) => void rawSyscall("kill", sibling.pid, 0),
  },
  {
    name: "outlive-parent",
    gives: "a worker that nobody watches",
    source: "prctl(2), PR_SET_PDEATHSIG",
    plain: "allowed",
    under: { "parent-death-signal": "no effect", "receive-only": "allowed" },
    hardened: "no effect",
    attempt: () => parentDeathSignal() === 0,
  },
  {
    name: "fanout-join",
    gives: "a share of a group's frames, and a share lost to it when it stops reading",
    source: "fanout_add; EALREADY for a member",
    plain: "allowed",
    under: { "fanout-pin": "EALREADY" },
    attempt: ({ packetFd }) => {
      const group = Number(readLink("/proc/self")) & 0xffff;
      setsockopt(packetFd, SOL_PACKET, PACKET_FANOUT, group);
      return (getsockoptInt(packetFd, SOL_PACKET, PACKET_FANOUT) & 0xffff) === group;
    },
  },
];

/** The column of the socket as it was passed. */
export const PLAIN = "plain";
/** The column of all protections together. */
export const HARDENED = "hardened";

/** The columns: the socket as it was passed, each protection alone, all together. */
export const COLUMNS: readonly { readonly name: string; readonly chosen: readonly Protection[] }[] =
  [
    { name: PLAIN, chosen: [] },
    ...ALL_PROTECTIONS.map((protection) => ({ name: protection, chosen: [protection] })),
    { name: HARDENED, chosen: ALL_PROTECTIONS },
  ];

/**
 * The outcome that is expected of an operation in a column.
 *
 * @param hasRing Whether the hardened worker receives by a ring of its own, which it then may enter.
 */
export function expectedOutcome(
  { whyNotTried, plain, under, hardened, hardenedWithRing }: Operation,
  column: string,
  hasRing = false,
): Outcome {
  if (whyNotTried?.() !== undefined) return NOT_TRIED;
  const passed = typeof plain === "string" ? plain : plain();
  if (column === PLAIN) return passed;
  if (column === HARDENED) return hasRing && hardenedWithRing || (hardened ?? "EPERM");
  return under?.[column as Protection] ?? (column === "receive-only" ? "EPERM" : passed);
}

/** What came of an attempt, with the system call that was refused, and what the system said, or why it could not be tried. */
export interface Attempt {
  readonly outcome: Outcome;
  readonly syscall: string | null;
  readonly refusal: string | null;
}

/**
 * Attempts an operation.
 *
 * @throws Whatever is no refusal of the system's.
 */
export function attemptOperation({ attempt }: Operation, attacker: Attacker): Attempt {
  try {
    const result = attempt(attacker);
    const outcome = result === NOT_TRIED ? result : result === false ? "no effect" : "allowed";
    const hasNoRings = outcome === NOT_TRIED && attacker.rings instanceof SystemError;
    return { outcome, syscall: null, refusal: hasNoRings ? attacker.rings.message : null };
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return { outcome: error.code, syscall: error.syscall, refusal: error.message };
  }
}
