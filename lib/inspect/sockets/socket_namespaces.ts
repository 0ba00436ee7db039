/**
 * The network namespaces of packet sockets, which may be others than those of their holders, and
 * the kernel's report on the sockets in each: rings, fanout groups, memberships.
 *
 * @module
 */

import {
  AF_UNIX,
  O_CLOEXEC,
  O_RDONLY,
  PACKET_SHOW_FANOUT,
  PACKET_SHOW_INFO,
  PACKET_SHOW_MCLIST,
  PACKET_SHOW_RING_CFG,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
} from "../../../ffi/abi/constants.ts";
import { SystemError } from "../../../ffi/abi/errno.ts";
import { OwnedFd } from "../../../ffi/process/descriptor.ts";
import { open, readLink } from "../../../ffi/process/file.ts";
import { socketNamespace } from "../../../ffi/process/namespaces.ts";
import { socket } from "../../../ffi/socket/calls.ts";
import {
  type PacketMembership,
  type ReportedPacketSocket,
  reportedPacketSockets,
} from "../../../ffi/socket/packet_diag.ts";
import { inNetworkNamespace } from "./network_namespace.ts";
import { nameOf } from "./socket_options.ts";

/** The kernel's report on a packet socket. */
export interface SocketReport extends Pick<ReportedPacketSocket, "protocol" | "fanout"> {
  readonly rings: readonly ("rx" | "tx")[];
  /** Undefined if the report has no room for them. */
  readonly memberships: readonly NamedMembership[] | undefined;
}

/** A membership with the name of its interface; null if that is gone. */
export interface NamedMembership extends PacketMembership {
  readonly interface: string | null;
}

/** The most namespaces that sockets of one process are in. */
const NAMESPACE_LIMIT = 64;

/** The network namespaces of some sockets. */
export class SocketNamespaces implements Disposable {
  readonly #namespaces = new Map<string, OwnedFd>();
  readonly #ofSockets = new Map<string, string>();
  #refusal: string | undefined;

  /** Everything that cannot be seen. */
  readonly unseen: string[] = [];

  /**
   * Keeps the namespace of a socket.
   *
   * @param fd A copy of it.
   * @param link Its link in /proc.
   */
  add(fd: number, link: string): void {
    try {
      const namespace = new OwnedFd(socketNamespace(fd));
      this.#ofSockets.set(link, this.#keep(namespace));
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#refusal ??= error.message;
    }
  }

  /** Keeps a namespace, and returns its link. */
  #keep(namespace: OwnedFd): string {
    const link = readLink(`/proc/self/fd/${namespace.fd}`);
    if (this.#namespaces.has(link) || this.#namespaces.size === NAMESPACE_LIMIT) namespace.close();
    else this.#namespaces.set(link, namespace);
    return link;
  }

  /**
   * Finds the namespaces of sockets for which the kernel refused them, by the tables of
   * namespaces.
   *
   * @param links The links of all sockets.
   * @param tables The namespace by the link of the socket.
   * @param pid The process that holds them.
   */
  complete(links: readonly string[], tables: ReadonlyMap<string, string>, pid: number): void {
    for (const link of links) {
      const namespace = this.#ofSockets.get(link) ?? tables.get(link);
      if (namespace !== undefined) this.#ofSockets.set(link, namespace);
    }
    if (this.#refusal === undefined) return;
    try {
      this.#keep(new OwnedFd(open(`/proc/${pid}/ns/net`, O_RDONLY | O_CLOEXEC)));
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.unseen.push(error.message);
    }
    const unknown = links.filter((link) => !this.#ofSockets.has(link));
    if (unknown.length > 0) {
      this.unseen.push(
        `the network namespace of ${unknown.length} packet sockets: ${this.#refusal}`,
      );
    }
  }

  /** The namespace of a socket, such as `net:[4026531840]`; undefined if it cannot be read. */
  of(link: string): string | undefined {
    return this.#ofSockets.get(link);
  }

  /**
   * Reads the kernel's report on all packet sockets in these namespaces.
   *
   * @returns The reports by `SO_COOKIE`; and the namespace of each socket in a report, by its link.
   */
  report(): { reports: Map<bigint, SocketReport>; namespaces: Map<string, string> } {
    const reports = new Map<bigint, SocketReport>();
    const namespaces = new Map<string, string>();
    for (const [link, namespace] of this.#namespaces) {
      try {
        inNetworkNamespace(namespace, reportHere).forEach(([inode, cookie, report]) => {
          reports.set(cookie, report);
          namespaces.set(`socket:[${inode}]`, link);
        });
      } catch (error) {
        if (!(error instanceof SystemError || error instanceof RangeError)) throw error;
        this.unseen.push(`rings, fanout groups and memberships in ${link}: ${error.message}`);
      }
    }
    return { reports, namespaces };
  }

  [Symbol.dispose](): void {
    this.#namespaces.values().forEach((namespace) => namespace.close());
  }
}

const SETTINGS = PACKET_SHOW_INFO | PACKET_SHOW_RING_CFG | PACKET_SHOW_FANOUT;

/**
 * Reports on the packet sockets of the namespace that this thread is in. A socket that is closed
 * meanwhile can make the kernel leave out another one, so it is asked twice.
 */
function reportHere(): [inode: number, cookie: bigint, report: SocketReport][] {
  const twice = (show: number) => {
    const sockets = [...reportedPacketSockets(show), ...reportedPacketSockets(show)];
    return new Map(sockets.map((each) => [each.cookie, each]));
  };
  using local = new OwnedFd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const names = new Map<number, string | null>();
  const named = (membership: PacketMembership): NamedMembership => {
    const { ifindex } = membership;
    if (!names.has(ifindex)) names.set(ifindex, nameOf(local.fd, ifindex));
    return { ...membership, interface: names.get(ifindex)! };
  };
  const memberships = twice(PACKET_SHOW_MCLIST);
  return twice(SETTINGS).values().map((each): [number, bigint, SocketReport] => [
    each.inode,
    each.cookie,
    {
      protocol: each.protocol,
      fanout: each.fanout,
      rings: [
        ...each.receiveRing === undefined ? [] : ["rx" as const],
        ...each.sendRing === undefined ? [] : ["tx" as const],
      ],
      memberships: memberships.get(each.cookie)?.memberships?.map(named),
    },
  ]).toArray();
}
