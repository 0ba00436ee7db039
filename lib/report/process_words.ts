/**
 * An inspected process in words, for the transcript and the page.
 *
 * Nothing is escaped here: the views do that.
 *
 * @module
 */

import { capabilityNames } from "../evidence/capability_names.ts";
import type {
  InspectedDescriptor,
  InspectedFilters,
  InspectedHole,
  InspectedProcess,
  InspectedSocket,
  InspectedThreads,
  NamedProcess,
} from "../evidence/inspected.ts";
import { first } from "./wrap.ts";

/** The most thread ids, groups or holders that are named in a sentence. */
const NAMED_LIMIT = 8;

/** Returns `1 thread`, `2 threads`. */
export function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}

/**
 * Returns the first things that a reviewer must know of a process: the way back to root, how its
 * threads differ, and what may be hidden.
 */
export function warningsOf({ threads, differences, hidden }: InspectedProcess): string[] {
  const all = countThreads(threads);
  const open = countThreads(threads.filter((each) => each.no_new_privs === 0));
  const where = open === all ? "" : ` on ${open} of ${all} threads`;
  return [
    ...open === 0 ? [] : [`NoNewPrivs is 0${where}: a set-uid file is a way back to root`],
    ...differences.length === 0 ? [] : ["The threads differ:"],
    ...differences,
    ...hidden,
  ];
}

/** Returns the number of threads in some groups. */
export function countThreads(groups: readonly InspectedThreads[]): number {
  return groups.reduce((sum, { tids }) => sum + tids.length, 0);
}

/** Returns `4700 (sh)`. */
export function describeProcess({ pid, name }: NamedProcess): string {
  return `${pid} (${name})`;
}

/** Returns the threads of a group: `thread 813`, `threads 812, 814`. */
export function describeTids(tids: readonly number[]): string {
  const words = first(tids.map(String), NAMED_LIMIT).join(", ");
  return `${tids.length === 1 ? "thread" : "threads"} ${words}`;
}

/** Returns the credentials that a group of threads shares. */
export function describeThreads(threads: InspectedThreads): string {
  const { uids, gids, groups, no_new_privs } = threads;
  return [
    describeIds("uid", uids),
    describeIds("gid", gids),
    groups.length === 0
      ? "no supplementary group"
      : `groups ${first(groups.map(String), NAMED_LIMIT).join(" ")}`,
    describeCapabilities(threads),
    `NoNewPrivs ${no_new_privs}`,
    describeSeccomp(threads),
  ].join(", ");
}

/** Returns `uid 982` if all four are the same, and each of them otherwise. */
export function describeIds(kind: "uid" | "gid", ids: readonly number[]): string {
  const [real, effective, saved, filesystem] = ids;
  return new Set(ids).size === 1
    ? `${kind} ${real}`
    : `${kind} ${real} (effective ${effective}, saved ${saved}, filesystem ${filesystem})`;
}

/** Returns the capabilities that a thread has, or can pass on; not the bounding set. */
export function describeCapabilities({ capabilities }: InspectedThreads): string {
  const sets = Object.entries(capabilities)
    .filter(([name, set]) => name !== "CapBnd" && BigInt(`0x${set}`) !== 0n);
  if (sets.length === 0) return "no capability";
  return [...Map.groupBy(sets, ([, set]) => set)].map(([set, same]) => {
    const names = first(capabilityNames(set), NAMED_LIMIT).join(" ");
    return `${same.map(([name]) => name).join(" and ")} ${set} (${names})`;
  }).join(", ");
}

/** Returns the bounding set in words. */
export function describeBounding({ capabilities }: InspectedThreads): string {
  const names = capabilityNames(capabilities.CapBnd);
  if (names.length === 0) return "an empty bounding set";
  return `${count(names.length, "capability").replace(/ys$/, "ies")} in the bounding set`;
}

/** Returns the system call filters of a thread in words. */
export function describeSeccomp({ seccomp, filters }: InspectedThreads): string {
  if (seccomp === 0) return "no system call filter";
  if (seccomp === 1) return "strict mode of seccomp";
  return filters === null ? "system call filters" : count(filters, "system call filter");
}

/** Returns the namespaces beside those of the caller. */
export function describeNamespaces({ namespaces }: InspectedProcess): string {
  const others = namespaces.filter(({ same }) => !same);
  if (namespaces.length === 0) return "cannot be read";
  if (others.length === 0) return "as here";
  const links = others.map(({ link }) => link).join(", ");
  return others.length === namespaces.length
    ? `all others than here: ${links}`
    : `as here, but ${links}`;
}

/** Returns the root folder, dumpable, and the mappings that are writable and executable. */
export function describeConfinement(
  { root, dumpable, wx_mappings }: InspectedProcess,
): [name: string, value: string][] {
  const unknown = "cannot be read";
  return [
    ["Root folder", root ?? unknown],
    ["Dumpable", dumpable === null ? UNTOLD : dumpable ? "yes" : "no"],
    ["Writable and executable mappings", `${wx_mappings ?? unknown}`],
  ];
}

/** So it is for a process of root's: the files of any process that is not dumpable are root's. */
const UNTOLD = "cannot be told: the owner of its files in /proc does not show it";

/** Returns whether the process was stopped and asked. */
export function describeAsking({ filters, stopped_ms }: InspectedProcess): string {
  return filters === null
    ? "no; nothing of it was stopped or changed (--ask reads its filters and asks its threads)"
    : `yes; it stood still for ${stopped_ms.toFixed(1)} ms`;
}

/** Returns how a descriptor was opened, what it is, and whose. */
export function describeDescriptor(
  { refers_to, access, note, tids }: InspectedDescriptor,
  { packet_sockets }: InspectedProcess,
): string {
  return [
    access ?? "access unknown",
    ...packet_sockets.some(({ link }) => link === refers_to) ? ["packet socket"] : [],
    ...note === "" ? [] : [note],
    ...tids.length === 0 ? [] : [`of ${describeTids(tids)} alone`],
  ].join(", ");
}

const PROTOCOLS: Readonly<Record<number, string>> = {
  0x0003: "all protocols",
  0x0800: "IPv4",
  0x0806: "ARP",
  0x86dd: "IPv6",
  0x888e: "EAPOL",
  0x88cc: "LLDP",
};

function describeProtocol(protocol: number): string {
  if (protocol === 0) return "no protocol (it receives nothing)";
  const number = `0x${protocol.toString(16).padStart(4, "0")}`;
  const name = PROTOCOLS[protocol];
  return name === undefined ? `protocol ${number}` : `${name} (${number})`;
}

/** Returns the numbers of a socket in the process: `fd 5, fd 11`. */
export function describeFds({ fds }: InspectedSocket): string {
  return fds.length === 0
    ? "no descriptor"
    : first(fds.map((fd) => `fd ${fd}`), NAMED_LIMIT).join(", ");
}

/** Returns the interface of a packet socket, its protocol and its type. */
export function describeBinding(
  { interface: name, ifindex, protocol, type }: InspectedSocket,
): string {
  const where = ifindex === 0
    ? `bound to no interface${protocol === 0 ? "" : ": it receives from all"}`
    : ifindex < 0
    ? "bound to an interface that is gone"
    : name === null
    ? `bound to interface ${ifindex}, whose name cannot be read`
    : `bound to ${name} (ifindex ${ifindex})`;
  return `${where}, ${describeProtocol(protocol)}, ${type}`;
}

/** Returns the settings of a packet socket, one phrase each. */
export function describeSettings(socket: InspectedSocket): string[] {
  const { filter, locked, fanout, rings, mark, vnet_hdr, memberships } = socket;
  return [
    filter === null
      ? "an extended BPF filter, which cannot be read"
      : filter.length === 0
      ? "no filter"
      : `a filter of ${count(filter.length, "instruction")}`,
    locked ? "locked" : "not locked",
    fanout === null ? "no fanout group" : `fanout group ${fanout.group} (${fanout.mode})`,
    rings === null
      ? "rings cannot be read"
      : rings.length === 0
      ? "no ring"
      : rings.map((ring) => `${ring} ring`).join(", "),
    ...memberships === null ? ["memberships cannot be read"] : first(memberships, NAMED_LIMIT),
    ...mark === 0 ? [] : [`mark ${mark}`],
    ...vnet_hdr ? ["a virtio_net header before each frame"] : [],
  ];
}

/** Returns the network namespace of a packet socket, if it is not that of its process. */
export function describeForeignNamespace(
  { namespace }: InspectedSocket,
  { namespaces }: InspectedProcess,
): string | undefined {
  if (namespace === null) return "its network namespace cannot be read";
  const own = namespaces.find(({ kind }) => kind === "net")?.link;
  return own === namespace ? undefined : `in another network namespace: ${namespace}`;
}

/** Returns who else holds a packet socket. */
export function describeHolders({ holders }: InspectedSocket): string {
  if (holders.length === 0) return "held by no other process";
  const words = holders.map((each) => `${describeProcess(each)} as fd ${each.fd}`);
  return `also held by ${first(words, NAMED_LIMIT).join(", ")}`;
}

/** Returns the filters of some threads in a few words. */
export function describeFilters({ tids, programs }: InspectedFilters): string {
  const sizes = first(programs.map((program) => count(program.length, "instruction")), NAMED_LIMIT);
  return `${describeTids(tids)}: ${
    programs.length === 0 ? "none" : `${count(programs.length, "program")} of ${sizes.join(", ")}`
  }`;
}

/** Returns the ways to a known hole, in a few words. */
export function describeWays({ operations }: InspectedHole): string {
  return operations.length === 0 ? "receiving" : operations.join(", ");
}

/** Returns whether a known hole can be reached by the process. */
export function describeReach({ reachable }: InspectedHole): string {
  return reachable === null ? "cannot tell" : reachable ? "yes" : "no";
}

/** The sentence that stands beside every list of known holes. */
export const NO_PROOF =
  "A version is not a proof: a distribution may have fixed a hole without changing the version that the kernel reports.";
