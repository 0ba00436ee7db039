/**
 * Packet sockets that a process may hold although no descriptor shows them: in flight in the queue
 * of a Unix socket, registered in an io_uring, mapped as a ring whose descriptor is closed, or used
 * by the kernel on its behalf.
 *
 * @module
 */

import { SystemError } from "../../../ffi/abi/errno.ts";
import { readDirectory, readTextFile } from "../../../ffi/process/file.ts";
import { unlessGone } from "../../../ffi/process/proc.ts";
import { listed } from "../listed.ts";
import { MAPS_LIMIT } from "../descriptors/mappings.ts";
import type { FilledQueue } from "./socket_copies.ts";
import type { SeenDaemon } from "../subject.ts";

/** Everything that was seen before. */
export interface Sightings {
  /** Whether a descriptor of the process shows a socket, by its link. */
  readonly isShown: (link: string) => boolean;
  /**
   * Looks at some packet sockets again, by their links, and returns those that are still mapped or
   * registered, and that no descriptor of the process shows.
   */
  readonly stillHidden: (links: ReadonlySet<string>) => ReadonlySet<string>;
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
  /** The links of the packet sockets that some process shows, and this one does not. */
  readonly ofOthers: readonly string[];
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
  const { isShown, stillHidden, packetSockets, withoutHolder, queues, maps } = sightings;
  const certain: string[] = [];
  const possible: string[] = [];
  const places = placesOf(daemon, maps).filter(([link]) => !isShown(link));
  const still = stillHidden(new Set(places.map(([link]) => link)));
  for (const [link, where] of places) {
    const isCertain = packetSockets.has(link) && still.has(link);
    if (isCertain) certain.push(`packet socket ${link} is ${where}`);
    else possible.push(`${link}, ${where}, may be a packet socket`);
  }
  if (maps.unseen !== undefined) possible.push(`a ring may be mapped: ${maps.unseen}`);
  if (maps.rings > daemon.rings.length) {
    possible.push(
      "an io_uring is mapped without a descriptor, and packet sockets may be registered in it",
    );
  }
  const unheld = new Set(withoutHolder);
  const ofOthers = packetSockets.keys().filter((link) => !isShown(link) && !unheld.has(link))
    .toArray();
  if (ofOthers.length > 0 && (daemon.rings.length > 0 || maps.rings > 0)) {
    possible.push(
      `requests of an io_uring may use packet sockets of other processes: ${someOf(ofOthers)}`,
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
  return { certain: listed(certain), possible: listed(possible), ofOthers };
}

/** Lists the sockets that are mapped, or registered in a ring, and where each is. */
function placesOf(
  { rings }: Pick<SeenDaemon, "rings">,
  maps: Mappings,
): (readonly [link: string, where: string])[] {
  const mapped = [...maps.sockets].map((link) =>
    [link, "mapped as a ring, without a descriptor"] as const
  );
  const registered = rings.flatMap(({ fd, files }) =>
    [...new Set(files.filter((file) => file.startsWith("socket:")))].map((link) =>
      [link, `registered in the io_uring of descriptor ${fd}, without a descriptor`] as const
    )
  );
  return [...mapped, ...registered];
}

/** Names a few links, of any number. */
export function someOf(links: readonly string[]): string {
  return [...links.slice(0, 3), ...links.length > 3 ? ["…"] : []].join(", ");
}
