/**
 * A packet socket of an inspected process, as the evidence shows it.
 *
 * @module
 */

import {
  PACKET_FANOUT_CBPF,
  PACKET_FANOUT_CPU,
  PACKET_FANOUT_EBPF,
  PACKET_FANOUT_FLAG_ROLLOVER,
  PACKET_FANOUT_HASH,
  PACKET_FANOUT_LB,
  PACKET_FANOUT_QM,
  PACKET_FANOUT_RND,
  PACKET_FANOUT_ROLLOVER,
  PACKET_MR_ALLMULTI,
  PACKET_MR_MULTICAST,
  PACKET_MR_PROMISC,
  PACKET_MR_UNICAST,
} from "../../../ffi/abi/constants.ts";
import { SystemError } from "../../../ffi/abi/errno.ts";
import { disassemble } from "../../../ffi/packet/disassemble.ts";
import { isSameFile } from "../../../ffi/process/kcmp.ts";
import type { InspectedSocket } from "../../evidence/inspected.ts";
import { listed } from "../listed.ts";
import type { CopiedSocket } from "./socket_copies.ts";
import type { Holder } from "./socket_holders.ts";
import type { NamedMembership, SocketReport } from "./socket_namespaces.ts";
import type { SocketState } from "../subject.ts";

/**
 * Shows a packet socket.
 *
 * @param state Its state.
 * @param report The kernel's report; undefined if there is none.
 * @param namespace Its network namespace; undefined if that cannot be read.
 * @param holders The other holders: {@linkcode otherHolders}.
 */
export function showSocket(
  { options }: CopiedSocket,
  state: SocketState,
  report: SocketReport | undefined,
  namespace: string | undefined,
  holders: InspectedSocket["holders"],
): InspectedSocket {
  return {
    link: state.link,
    fds: state.fds,
    type: state.type,
    interface: options.interface,
    ifindex: state.ifindex,
    protocol: state.protocol,
    namespace: namespace ?? null,
    filter: state.filter === undefined
      ? null
      : disassemble(state.filter, options.hasEthernetHeader),
    locked: state.isLocked,
    fanout: state.isPinned === true ? showFanout(options.fanout) : null,
    rings: state.rings ?? null,
    mark: state.mark,
    vnet_hdr: options.hasOffloadHeader,
    memberships: report?.memberships === undefined ? null : showMemberships(report.memberships),
    holders,
  };
}

const MODES = {
  PACKET_FANOUT_HASH,
  PACKET_FANOUT_LB,
  PACKET_FANOUT_CPU,
  PACKET_FANOUT_ROLLOVER,
  PACKET_FANOUT_RND,
  PACKET_FANOUT_QM,
  PACKET_FANOUT_CBPF,
  PACKET_FANOUT_EBPF,
};

function showFanout(option: number): InspectedSocket["fanout"] {
  const number = option >>> 16 & 0xff;
  const mode = Object.entries(MODES).find(([, value]) => value === number)?.[0] ?? `mode ${number}`;
  const flag = (option >>> 16 & PACKET_FANOUT_FLAG_ROLLOVER) === 0
    ? ""
    : "|PACKET_FANOUT_FLAG_ROLLOVER";
  return { group: option & 0xffff, mode: mode + flag };
}

const MEMBERSHIPS: Readonly<Record<number, string>> = {
  [PACKET_MR_MULTICAST]: "multicast",
  [PACKET_MR_PROMISC]: "promiscuous",
  [PACKET_MR_ALLMULTI]: "all multicast",
  [PACKET_MR_UNICAST]: "unicast",
};

function showMemberships(memberships: readonly NamedMembership[]): string[] {
  const words = memberships.map(({ type, address, ifindex, interface: name }) => {
    const kind = MEMBERSHIPS[type] ?? `membership ${type}`;
    const hasAddress = type === PACKET_MR_MULTICAST || type === PACKET_MR_UNICAST;
    const bytes = [...address].map((byte) => byte.toString(16).padStart(2, "0"));
    return `${kind}${hasAddress ? ` ${bytes.join(":")}` : ""} on ${name ?? `interface ${ifindex}`}`;
  });
  return listed(words);
}

/** The most other holders that are listed. */
export const HOLDER_LIMIT = 64;

/**
 * Returns the other processes that hold a socket, and threads of this one with descriptors of their
 * own, up to {@linkcode HOLDER_LIMIT}.
 *
 * @param holders All descriptors with its link.
 */
export function otherHolders(
  { descriptors: [{ fd }], tid }: CopiedSocket,
  holders: readonly Holder[],
): InspectedSocket["holders"] {
  return holders.values()
    .filter((holder) => holder.tid !== tid && !isOtherFile(tid, fd, holder))
    .take(HOLDER_LIMIT)
    .map((holder) => ({ pid: holder.tid, name: holder.name, fd: holder.fd }))
    .toArray();
}

/** Whether two descriptors with the same link are different files; false if that is unknown. */
function isOtherFile(tid: number, fd: number, holder: Holder): boolean {
  try {
    return !isSameFile(tid, fd, holder.tid, holder.fd);
  } catch (error) {
    if (error instanceof SystemError) return false;
    throw error;
  }
}
