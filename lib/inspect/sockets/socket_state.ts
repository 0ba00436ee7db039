/**
 * Every packet socket of a process, seen from outside without a change: by a copy of each
 * descriptor, and by the kernel's reports on the network namespaces.
 *
 * @module
 */

import { listed } from "../listed.ts";
import { hiddenSockets, specialMappings } from "./hidden_sockets.ts";
import { seeRing } from "../descriptors/rings.ts";
import { networkNamespaceOf, packetTables } from "./packet_tables.ts";
import {
  type CopiedSocket,
  type CopiedSockets,
  copySockets,
  PACKET_SOCKET_LIMIT,
} from "./socket_copies.ts";
import { HOLDER_LIMIT, otherHolders, showSocket } from "./socket_evidence.ts";
import { type Holder, holdersOf } from "./socket_holders.ts";
import { SocketNamespaces, type SocketReport } from "./socket_namespaces.ts";
import type { SeenDaemon, SeenSockets, SocketState } from "../subject.ts";

/**
 * Looks at every packet socket of a process, and for those that it may hide. Nothing about a socket
 * is changed.
 *
 * @throws {SystemError} `ESRCH` or `ENOENT` if the process has ended, `EMFILE`, …
 */
export function seePacketSockets(daemon: SeenDaemon): SeenSockets {
  const { pid } = daemon;
  const own = networkNamespaceOf(pid);
  const tables = packetTables(pid);
  const maps = specialMappings(pid);
  using namespaces = new SocketNamespaces();
  const copied = copySockets(pid, daemon.descriptors, (fd, link) => namespaces.add(fd, link));
  const links = copied.packetSockets.map(({ link }) => link);
  namespaces.complete(links, tables.namespaces, pid);
  const reported = namespaces.report();
  const packetSockets = new Map([...tables.namespaces, ...reported.namespaces]);
  const { holders, withoutHolder, unseen: unsearched } = searchHolders(packetSockets, links, () => [
    ...packetTables(pid).namespaces.keys(),
    ...namespaces.report().namespaces.keys(),
  ]);

  const sockets = copied.packetSockets.map((socket) => {
    const namespace = namespaces.of(socket.link);
    const report = reported.reports.get(socket.options.cookie);
    const state = stateOf(socket, report, namespace, own);
    const others = otherHolders(socket, holders.get(socket.link) ?? []);
    return { state, shown: showSocket(socket, state, report, namespace, others) };
  }).toSorted((one, other) => one.state.fd - other.state.fd);

  const missing = whatIsMissing(pid, copied, packetSockets, holders);
  const open = copied.failures.filter(({ isGone }) => !isGone).map(({ link }) => link);
  const known = new Set([...copied.examined, ...open]);
  const { certain, possible, ofOthers } = hiddenSockets(daemon, {
    isShown: (link) =>
      known.has(link) ||
      (holders.get(link) ?? []).some((holder) => holder.pid === pid),
    stillHidden: (links) => unsearched.length > 0 ? new Set() : stillHidden(daemon, links),
    packetSockets,
    withoutHolder,
    queues: copied.queues,
    maps,
  });
  const unseenPlaces = [...copied.unseen, ...tables.unseen, ...namespaces.unseen];
  return {
    states: sockets.map(({ state }) => state),
    shown: sockets.map(({ shown }) => shown),
    hidden: [...certain, ...possible],
    certainlyHidden: certain,
    ofOthers,
    missing,
    unseenPlaces,
    otherSenders: copied.otherSenders,
    unseen: [
      ...new Set([
        ...missing,
        ...unseenPlaces,
        ...unsearched,
        ...unreported(copied.packetSockets, reported.reports, maps.sockets),
        ...sockets.filter(({ shown }) => shown.holders.length === HOLDER_LIMIT).map(
          ({ state }) => `holders of ${state.link} beyond ${HOLDER_LIMIT}`,
        ),
      ]),
    ],
  };
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
    stampsFrames: options.stampsFrames,
    isInOwnNamespace: isKnown ? namespace === own : undefined,
  };
}

/** The option of the group 0 of the mode 0 reads as no group; only the report tells them apart. */
function isPinned(option: number, report: SocketReport | undefined): boolean | undefined {
  if (option !== 0) return true;
  return report === undefined ? undefined : report.fanout !== undefined;
}

/**
 * Returns why packet sockets of the process may be missing.
 *
 * A socket that was closed meanwhile does not count, unless it is in a table of packet sockets.
 */
function whatIsMissing(
  pid: number,
  { examined, failures, left }: CopiedSockets,
  packetSockets: ReadonlyMap<string, string>,
  holders: ReadonlyMap<string, readonly Holder[]>,
): string[] {
  const failed = failures.filter(({ link, isGone }) => !isGone || packetSockets.has(link));
  const known = new Set([...examined, ...failed.map(({ link }) => link)]);
  const later = [...holders].filter(([link]) => !known.has(link)).flatMap(([link, all]) =>
    all.filter((holder) => holder.pid === pid).slice(0, 1).map(({ fd }) =>
      `descriptor ${fd}, packet socket ${link}: it appeared while the others were looked at`
    )
  );
  return [
    ...left === 0 ? [] : [`${left} packet sockets more than ${PACKET_SOCKET_LIMIT}`],
    ...listed(failed.map(({ reason }) => reason)),
    ...listed(later),
  ];
}

/** The processes that hold packet sockets. */
interface SearchResult {
  /** By the link of the socket. */
  readonly holders: ReadonlyMap<string, readonly Holder[]>;
  /** The links of packet sockets that go on to exist, although no process shows them. */
  readonly withoutHolder: readonly string[];
  /** Why holders may be missing; empty if none can be. */
  readonly unseen: readonly string[];
}

/**
 * Searches the holders of packet sockets. Those without a holder are searched for once more: they
 * may have been passed on, or closed, meanwhile.
 *
 * @param tables All packet sockets, by their link.
 * @param examined The links of those that the process has.
 * @param existing Lists the links of all packet sockets again.
 */
function searchHolders(
  tables: ReadonlyMap<string, string>,
  examined: readonly string[],
  existing: () => string[],
): SearchResult {
  const { byLink, unseen } = holdersOf(new Set([...tables.keys(), ...examined]));
  const left = tables.keys().filter((link) => !byLink.has(link)).toArray();
  if (left.length === 0) return { holders: byLink, withoutHolder: [], unseen };
  const again = holdersOf(new Set(left));
  const still = new Set(existing());
  return {
    holders: new Map([...byLink, ...again.byLink]),
    withoutHolder: left.filter((link) => !again.byLink.has(link) && still.has(link)),
    unseen: [...unseen, ...again.unseen],
  };
}

/** Looks again for sockets that are mapped or registered, and that no descriptor shows. */
function stillHidden(daemon: SeenDaemon, links: ReadonlySet<string>): Set<string> {
  if (links.size === 0) return new Set();
  const { pid } = daemon;
  const { byLink } = holdersOf(links);
  const mapped = specialMappings(pid).sockets;
  const registered = new Set(
    daemon.descriptors.filter(({ refers_to }) => refers_to === "anon_inode:[io_uring]").flatMap(
      ({ fd, tids: [tid = pid] }) =>
        seeRing(`/proc/${pid}/task/${tid}/fdinfo/${fd}`, fd).ring.files,
    ),
  );
  return new Set(
    [...links].filter((link) =>
      (mapped.has(link) || registered.has(link)) &&
      !byLink.get(link)?.some((holder) => holder.pid === pid)
    ),
  );
}

/** Returns what the kernel's reports do not show of some sockets. */
function unreported(
  sockets: readonly CopiedSocket[],
  reports: ReadonlyMap<bigint, SocketReport>,
  mapped: ReadonlySet<string>,
): string[] {
  return listed(sockets.flatMap(({ link, options }) => {
    const report = reports.get(options.cookie);
    if (report === undefined) {
      const ring = mapped.has(link) ? " (it is mapped, so it has a ring)" : "";
      return [`the rings, the memberships and the fanout group of ${link}${ring}`];
    }
    if (report.memberships !== undefined) return [];
    return [`the memberships of ${link}: the kernel's report has no room for them`];
  }));
}
