/**
 * Every packet socket of a process, seen from outside without a change: by a copy of each
 * descriptor, and by the kernel's reports on the network namespaces.
 *
 * @module
 */

import { Errno, SystemError } from "../../ffi/abi/errno.ts";
import { readLink } from "../../ffi/process/file.ts";
import { listed } from "./listed.ts";
import { hiddenSockets, specialMappings } from "./hidden_sockets.ts";
import { packetTables } from "./packet_tables.ts";
import { type CopiedSocket, type CopiedSockets, copySockets } from "./socket_copies.ts";
import { HOLDER_LIMIT, otherHolders, showSocket } from "./socket_evidence.ts";
import { type Holder, holdersOf } from "./socket_holders.ts";
import { SocketNamespaces, type SocketReport } from "./socket_namespaces.ts";
import type { SeenDaemon, SeenSockets, SocketState } from "./subject.ts";

/**
 * Looks at every packet socket of a process, and for those that it may hide. Nothing about a socket
 * is changed.
 *
 * @throws {SystemError} `ESRCH` or `ENOENT` if the process has ended, `EMFILE`, …
 */
export function seePacketSockets(daemon: SeenDaemon): SeenSockets {
  const { pid } = daemon;
  const own = readLinkOrNothing(`/proc/${pid}/ns/net`);
  const tables = packetTables(pid);
  const maps = specialMappings(pid);
  using namespaces = new SocketNamespaces();
  const copied = copySockets(pid, daemon.shown.descriptors, (fd, link) => namespaces.add(fd, link));
  const links = copied.packetSockets.map(({ link }) => link);
  namespaces.complete(links, tables.namespaces, pid);
  const reported = namespaces.report();
  const packetSockets = new Map([...tables.namespaces, ...reported.namespaces]);
  const holders = holdersOf(new Set([...packetSockets.keys(), ...links]));

  const sockets = copied.packetSockets.map((socket) => {
    const namespace = namespaces.of(socket.link);
    const report = reported.reports.get(socket.options.cookie);
    const state = stateOf(socket, report, namespace, own);
    const others = otherHolders(pid, socket, holders.byLink.get(socket.link) ?? []);
    return { state, shown: showSocket(socket, state, report, namespace, others) };
  }).toSorted((one, other) => one.state.fd - other.state.fd);

  const missing = whatIsMissing(daemon, copied, holders.byLink);
  const shown = new Set(daemon.shown.descriptors.map(({ refers_to }) => refers_to));
  const { certain, possible } = hiddenSockets(daemon, {
    shown,
    packetSockets,
    withoutHolder: withoutHolder(packetSockets, holders.byLink, () => [
      ...packetTables(pid).namespaces.keys(),
      ...namespaces.report().namespaces.keys(),
    ]),
    queues: copied.queues,
    maps,
  });
  return {
    states: sockets.map(({ state }) => state),
    shown: sockets.map(({ shown }) => shown),
    hidden: [...certain, ...possible],
    certainlyHidden: certain,
    missing,
    unseen: [
      ...missing,
      ...copied.unseen,
      ...tables.unseen,
      ...namespaces.unseen,
      ...holders.unseen,
      ...listed(
        copied.packetSockets.flatMap(({ link, options }) =>
          unreported(link, reported.reports.get(options.cookie), maps.sockets.has(link))
        ),
      ),
      ...listed(
        sockets.filter(({ shown }) => shown.holders.length === HOLDER_LIMIT).map(
          ({ state }) => `further holders of ${state.link} than the ${HOLDER_LIMIT} listed`,
        ),
      ),
    ],
  };
}

function readLinkOrNothing(path: string): string | undefined {
  try {
    return readLink(path);
  } catch (error) {
    if (error instanceof SystemError && error.errno !== Errno.ENOENT) return undefined;
    throw error;
  }
}

function numbersOf({ descriptors }: CopiedSocket): number[] {
  return [...new Set(descriptors.map(({ fd }) => fd))].toSorted((one, other) => one - other);
}

function stateOf(
  socket: CopiedSocket,
  report: SocketReport | undefined,
  namespace: string | undefined,
  own: string | undefined,
): SocketState {
  const { link, options } = socket;
  const fds = numbersOf(socket);
  const isKnown = namespace !== undefined && own !== undefined;
  return {
    link,
    fd: fds[0],
    fds,
    type: options.type,
    ifindex: options.ifindex,
    protocol: options.protocol ?? report?.protocol ?? 0,
    filter: options.filter,
    isLocked: options.isLocked,
    isPinned: isPinned(options.fanout, report),
    rings: report?.rings,
    mark: options.mark,
    hasOffloadHeader: options.hasOffloadHeader,
    isStamped: options.isStamped,
    isInOwnNamespace: isKnown ? namespace === own : undefined,
  };
}

/** The option of the group 0 of the mode 0 reads as no group; only the report tells them apart. */
function isPinned(option: number, report: SocketReport | undefined): boolean | undefined {
  if (option !== 0) return true;
  return report === undefined ? undefined : report.fanout !== undefined;
}

/** Returns why packet sockets of the process may be missing. */
function whatIsMissing(
  { pid, shown }: SeenDaemon,
  { packetSockets, missing }: CopiedSockets,
  holders: ReadonlyMap<string, readonly Holder[]>,
): string[] {
  const examined = new Set(packetSockets.map(({ link }) => link));
  const later = holders.entries().filter(([link]) => !examined.has(link)).flatMap(([link, all]) =>
    all.filter((holder) => holder.pid === pid).slice(0, 1).map(({ fd }) =>
      `packet socket ${link}, descriptor ${fd}, appeared while it was looked at`
    )
  ).toArray();
  const { descriptors_left_out: left } = shown;
  return [
    ...left === 0 ? [] : [`${left} more descriptors, which may be packet sockets`],
    ...listed(missing),
    ...listed(later),
  ];
}

/**
 * Returns the packet sockets that no process shows, although they go on to exist.
 *
 * @param existing Lists the packet sockets once more.
 */
function withoutHolder(
  packetSockets: ReadonlyMap<string, string>,
  holders: ReadonlyMap<string, readonly Holder[]>,
  existing: () => string[],
): string[] {
  const left = packetSockets.keys().filter((link) => !holders.has(link)).toArray();
  if (left.length === 0) return [];
  // It may have been passed on, or closed, between the two looks.
  const still = new Set(existing());
  const again = holdersOf(new Set(left)).byLink;
  return left.filter((link) => still.has(link) && !again.has(link));
}

/** Returns what the kernel's report does not show of a socket. */
function unreported(link: string, report: SocketReport | undefined, isMapped: boolean): string[] {
  if (report === undefined) {
    const ring = isMapped ? " (it is mapped, so it has a ring)" : "";
    return [`the rings, the memberships and a fanout group of ${link}${ring}`];
  }
  return report.memberships === undefined
    ? [`the memberships of ${link}: the kernel's report has no room for them`]
    : [];
}
