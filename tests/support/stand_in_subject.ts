/** A stand-in for the look at a daemon, until that is there. */

import {
  getsockoptInt,
  PACKET_FANOUT,
  SO_LOCK_FILTER,
  SO_TIMESTAMPNS,
  SO_TYPE,
  SOL_PACKET,
  SOL_SOCKET,
} from "../../ffi/mod.ts";
import { attachedFilter } from "../../ffi/packet/bpf.ts";
import { openDescriptors } from "../../ffi/process/proc.ts";
import { readLink, readTextFile } from "../../ffi/process/file.ts";
import { copyDescriptor } from "../../ffi/process/pidfd.ts";
import { linksOfPacketSockets } from "../../lib/inspect/packet_sockets.ts";
import { StoppedProcesses } from "../../lib/inspect/stopped.ts";
import type { AskedDaemon, SeenDaemon, SocketState, Subject } from "../../lib/inspect/subject.ts";
import { threadCredentials } from "../../lib/inspect/threads.ts";
import { describePacketSocket } from "../../lib/packets/socket.ts";

const ACCESS = ["read", "write", "read and write"] as const;

export function seeDaemon(pid: number, siblings: SeenDaemon["siblings"]): SeenDaemon {
  const open = openDescriptors(pid);
  const threads = threadCredentials(pid);
  const info = (fd: number) => readTextFile(`/proc/${pid}/fdinfo/${fd}`);
  const limits = readTextFile(`/proc/${pid}/limits`);
  const descriptors = [...open].map(([fd, refers_to]) => {
    const flags = parseInt(info(fd).match(/^flags:\s*(\d+)/m)![1], 8);
    return { fd, refers_to, access: ACCESS[flags & 3], note: "", tids: [] };
  });
  return {
    pid,
    shown: {
      root: readLink(`/proc/${pid}/root`),
      descriptors,
      descriptors_left_out: 0,
      namespaces: ["user", "mnt", "net"].map((kind) => {
        const link = readLink(`/proc/${pid}/ns/${kind}`);
        return { kind, link, same: link === readLink(`/proc/self/ns/${kind}`) };
      }),
    } as unknown as SeenDaemon["shown"],
    threads,
    netRaw: new Map(
      threads.map(({ tid, capabilities }) => [
        tid,
        (BigInt(`0x${capabilities.CapEff}`) >> 13n & 1n) === 1n,
      ]),
    ),
    descriptorLimit: Number(limits.match(/^Max open files +(\d+)/m)![1]),
    rings: [...open].filter(([, link]) => link === "anon_inode:[io_uring]").map(([fd]) => {
      const text = info(fd);
      const polling = Number(text.match(/^SqThread:\s*(-?\d+)/m)?.[1] ?? -1);
      const personalities = [...text.matchAll(/^\s+Uid:\s*(\d+)/gm)].map(([, uid]) => Number(uid));
      return { fd, files: [], personalities, pollingThread: polling > 0 ? polling : undefined };
    }),
    descriptors,
    mapped: [],
    siblings,
  };
}

export function seePacketSockets({ pid, shown }: SeenDaemon): SocketState[] {
  const links = linksOfPacketSockets();
  return shown.descriptors.filter(({ refers_to }) => links.has(refers_to)).map((
    { fd, refers_to },
  ) => {
    using copy = copyDescriptor(pid, fd);
    const { boundProtocol, ifindex } = describePacketSocket(copy.fd);
    const type = getsockoptInt(copy.fd, SOL_SOCKET, SO_TYPE);
    return {
      link: refers_to,
      fd,
      fds: [fd],
      type: type === 3 ? "SOCK_RAW" : "SOCK_DGRAM",
      ifindex,
      protocol: boundProtocol,
      filter: attachedFilter(copy.fd),
      isLocked: getsockoptInt(copy.fd, SOL_SOCKET, SO_LOCK_FILTER) === 1,
      isPinned: getsockoptInt(copy.fd, SOL_PACKET, PACKET_FANOUT) !== 0,
      rings: [],
      mark: 0,
      hasOffloadHeader: false,
      isStamped: getsockoptInt(copy.fd, SOL_SOCKET, SO_TIMESTAMPNS) === 1,
      isInOwnNamespace: true,
    };
  });
}

export function askDaemon({ pid }: SeenDaemon): AskedDaemon {
  using stopped = new StoppedProcesses(() => [pid]);
  const credentials = new Map(threadCredentials(pid).map((each) => [each.tid, each]));
  const threads = [...stopped.threads].map(([tid, thread]) => ({
    tid,
    credentials: credentials.get(tid)!,
    filters: thread.filters(),
    asItIs: {},
    beneath: {},
    notAsked: [],
    parentDeathSignal: undefined,
  }));
  return { threads, stopped: 0 };
}

export function subjectOf(
  pid: number,
  siblings: SeenDaemon["siblings"],
  ask: boolean,
): Subject {
  const daemon = seeDaemon(pid, siblings);
  return {
    daemon,
    sockets: seePacketSockets(daemon),
    asked: ask ? askDaemon(daemon) : undefined,
  };
}
