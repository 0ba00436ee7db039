/**
 * Packet sockets that a process may hold although no descriptor shows them: in flight in the queue
 * of a Unix socket, registered in an io_uring, mapped as a ring whose descriptor is closed, or used
 * by the kernel on its behalf.
 *
 * @module
 */

import { SystemError } from "../../ffi/abi/errno.ts";
import { readDirectory, readTextFile } from "../../ffi/process/file.ts";
import { unlessGone } from "../../ffi/process/proc.ts";
import { listed } from "./listed.ts";
import { MAPS_LIMIT } from "./mappings.ts";
import type { FilledQueue } from "./socket_copies.ts";
import type { SeenDaemon } from "./subject.ts";

/** Everything that was seen before. */
export interface Sightings {
  /** Whether a descriptor of the process shows a socket, by its link. */
  readonly isShown: (link: string) => boolean;
  /** Whether all descriptors were searched for that. */
  readonly isEverythingShown: boolean;
  /** The network namespace of each packet socket, by its link. */
  readonly packetSockets: ReadonlyMap<string, string>;
  /** The links of packet sockets that no process shows. */
  readonly withoutHolder: readonly string[];
  readonly queues: readonly FilledQueue[];
  readonly maps: Mappings;
}

/** The hiding places of a process. */
export interface Hidden {
  /** Packet sockets that it certainly holds, in words. */
  readonly certain: readonly string[];
  /** Packet sockets that it may hold, in words. */
  readonly possible: readonly string[];
}

/** The mappings of a process that refer to a socket or to an io_uring. */
export interface Mappings {
  /** The links of the sockets. */
  readonly sockets: ReadonlySet<string>;
  /** The most mappings of io_urings at one offset: each ring needs one at most. */
  readonly rings: number;
  /** Why the mappings cannot be read; undefined if they were read. */
  readonly unseen: string | undefined;
}

/**
 * Reads the mappings of a process that refer to a socket or to an io_uring.
 *
 * @throws {SystemError} If /proc cannot be read.
 */
export function specialMappings(pid: number): Mappings {
  let reason = "no thread shows them";
  // The first thread shows none when it has ended.
  for (const tid of [pid, ...unlessGone(() => readDirectory(`/proc/${pid}/task`)) ?? []]) {
    try {
      const maps = readTextFile(`/proc/${pid}/task/${tid}/maps`, MAPS_LIMIT);
      if (maps !== "") return parseSpecialMappings(maps);
    } catch (error) {
      if (!(error instanceof SystemError || error instanceof RangeError)) throw error;
      reason = error.message;
    }
  }
  return { sockets: new Set(), rings: 0, unseen: `its mappings cannot be read: ${reason}` };
}

/** Parses the text of `/proc/PID/maps`. Source: proc_pid_maps(5). */
export function parseSpecialMappings(maps: string): Mappings {
  const sockets = new Set<string>();
  const rings = new Map<string, number>();
  for (const line of maps.split("\n")) {
    const [, offset, path] = line.match(MAPPING) ?? [];
    if (path?.startsWith("socket:")) sockets.add(path);
    else if (path !== undefined) rings.set(offset, (rings.get(offset) ?? 0) + 1);
  }
  return { sockets, rings: Math.max(0, ...rings.values()), unseen: undefined };
}

const MAPPING =
  /^[0-9a-f]+-[0-9a-f]+ \S+ ([0-9a-f]+) \S+ \d+ +(socket:\[\d+\]|anon_inode:\[io_uring\])$/;

/**
 * Finds the hiding places of a process.
 *
 * A request that waits in an io_uring keeps its socket, and nothing shows which. So a process with
 * a ring may use every packet socket that some process shows and this one does not.
 */
export function hiddenSockets(daemon: SeenDaemon, sightings: Sightings): Hidden {
  const { isShown, isEverythingShown, packetSockets, withoutHolder, queues, maps } = sightings;
  const certain: string[] = [];
  const possible: string[] = [];
  const place = (link: string, where: string) => {
    if (isShown(link)) return;
    const isCertain = isEverythingShown && packetSockets.has(link);
    if (isCertain) certain.push(`packet socket ${link} is ${where}`);
    else possible.push(`${link}, ${where}, may be a packet socket`);
  };
  for (const link of maps.sockets) place(link, "mapped as a ring, without a descriptor");
  for (const { fd, files } of daemon.rings) {
    const registered = new Set(files.filter((file) => file.startsWith("socket:")));
    for (const link of registered) {
      place(link, `registered in the io_uring of descriptor ${fd}, without a descriptor`);
    }
  }
  if (maps.unseen !== undefined) possible.push(`a ring may be mapped: ${maps.unseen}`);
  if (maps.rings > daemon.rings.length) {
    possible.push(
      "an io_uring is mapped without a descriptor, and packet sockets may be registered in it",
    );
  }
  const others = packetSockets.keys().filter((link) =>
    !isShown(link) && !withoutHolder.includes(link)
  ).toArray();
  if (others.length > 0 && (daemon.rings.length > 0 || maps.rings > 0)) {
    const links = others.length > 3 ? [...others.slice(0, 3), "…"] : others;
    possible.push(
      `requests of an io_uring may use packet sockets of other processes: ${links.join(", ")}`,
    );
  }
  for (const { fd, link, count } of queues) {
    possible.push(
      `${count} in flight in the queue of descriptor ${fd} (${link}) may be packet sockets`,
    );
  }
  for (const { fd, refers_to } of daemon.descriptors) {
    if (refers_to === "/dev/vhost-net") {
      possible.push(`descriptor ${fd} (${refers_to}) may send and receive by a packet socket`);
    }
  }
  const mentioned = new Set([...maps.sockets, ...daemon.rings.flatMap(({ files }) => files)]);
  for (const link of withoutHolder) {
    if (mentioned.has(link)) continue;
    possible.push(
      `packet socket ${link} in ${packetSockets.get(link)} is shown by no process, so this one ` +
        "may hold it",
    );
  }
  return { certain: listed(certain), possible: listed(possible) };
}
