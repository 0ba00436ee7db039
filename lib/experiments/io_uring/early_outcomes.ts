/**
 * The outcomes of rings made before the drop, after it. The child asks each ring to open things
 * that only root can open; the parent verifies that they are really open.
 *
 * @module
 */

import { O_CLOEXEC, O_PATH } from "../../../ffi/abi/constants.ts";
import { errnoName, SystemError } from "../../../ffi/abi/errno.ts";
import { open, readLink, readTextFile } from "../../../ffi/process/file.ts";
import { type EarlyRequest, type EarlyRings, ROOTS_FILE } from "../../confine/early_rings.ts";
import { asInteger, asObject, asText } from "../../harness/validate.ts";
import { childDescriptors } from "../../inspect/descriptors/descriptors.ts";
import { linksOfPacketSockets } from "../../inspect/sockets/packet_sockets.ts";

/**
 * The kinds of ring made before the drop, each with its check and whether it still acts as root.
 */
export const EARLY = {
  plain: { check: "URING-10", isRoot: false },
  polled: { check: "URING-11", isRoot: true },
  personality: { check: "URING-12", isRoot: true },
} as const;
type EarlyRing = keyof typeof EARLY;

/** The requests, each for something that only root can open. */
const REQUESTS = ["open", "socket"] as const satisfies EarlyRequest[];

/** The outcome of a request to a ring. */
export interface EarlyOutcome {
  /** `opened`, `no answer`, or the name of the errno. */
  readonly outcome: string;
  /** The descriptor that it opened; null if it opened nothing. */
  readonly fd: number | null;
}

/** The outcome of each request to each ring. */
export type Outcomes = Record<EarlyRing, Record<EarlyRequest, EarlyOutcome>>;

/** Makes a request, and returns its outcome. */
export function outcomeOf(request: () => number | undefined): EarlyOutcome {
  try {
    const fd = request();
    return fd === undefined ? { outcome: "no answer", fd: null } : { outcome: "opened", fd };
  } catch (error) {
    if (error instanceof SystemError) return { outcome: errnoName(error.errno), fd: null };
    throw error;
  }
}

/** Opens {@linkcode ROOTS_FILE} without a ring. */
export function openRootsFile(): number {
  return open(ROOTS_FILE, O_CLOEXEC);
}

/** The child's part: makes each request to each ring. The descriptors that they open stay open. */
export function askAll(rings: EarlyRings): Outcomes {
  const ask = (by: (request: EarlyRequest) => number | undefined) => ({
    open: outcomeOf(() => by("open")),
    socket: outcomeOf(() => by("socket")),
  });
  return {
    plain: ask((request) => rings.plainly(request)),
    polled: ask((request) => rings.byPolling(request)),
    personality: ask((request) => rings.asPersonality(request)),
  };
}

/** The outcome of a request, with the parent's observation. */
export interface SeenOutcome {
  readonly request: EarlyRequest;
  /** As the child reports it. */
  readonly outcome: string;
  /**
   * A description of what is open under the number that the child reports; null if there is none.
   */
  readonly link: string | null;
}

/**
 * The parent's part: looks at what one ring opened.
 *
 * @param pid The child.
 * @param reported The child's report about this ring.
 * @throws {ExperimentError} If the report is malformed.
 */
export function examineOutcomes(pid: number, reported: unknown): SeenOutcome[] {
  const outcomes = asObject(reported, "outcomes of a ring");
  return REQUESTS.map((request) => {
    const { outcome, fd } = asObject(outcomes[request], request);
    const link = fd === null ? null : describeOpen(pid, asInteger(fd, "fd", 0, 1 << 20));
    return { request, outcome: asText(outcome, "outcome", 32), link };
  });
}

/**
 * The parent's part, when the rings are closed: reads the child's report about every ring.
 *
 * @returns Texts of the form `RING REQUEST: OUTCOME`.
 *
 * @throws {ExperimentError} If the report is malformed.
 */
export function reportedOutcomes(reported: unknown): string[] {
  const rings = asObject(reported, "rings");
  return Object.keys(EARLY).flatMap((ring) =>
    REQUESTS.map((request) => {
      const { outcome } = asObject(asObject(rings[ring], ring)[request], request);
      return `${ring} ${request}: ${asText(outcome, "outcome", 32)}`;
    })
  );
}

/** Returns the links of root's file among the descriptors of a process. */
export function rootsFilesOf(pid: number): string[] {
  return [...childDescriptors(pid).values()].filter((link) => link === ROOTS_FILE);
}

/** The description of a packet socket of this network namespace. */
export const PACKET_SOCKET = "a packet socket";

/**
 * Describes what a process has open under a number.
 *
 * A link in /proc is not enough: any process may open a file as a path only (O_PATH), and
 * the link of every socket looks alike. The kernel lists the packet sockets of the namespace by
 * inode.
 */
function describeOpen(pid: number, fd: number): string {
  const link = linkOf(pid, fd);
  if (link.startsWith("socket:")) return linksOfPacketSockets().has(link) ? PACKET_SOCKET : link;
  const [, flags] = readTextFile(`/proc/${pid}/fdinfo/${fd}`).match(/^flags:\s*([0-7]+)$/m) ?? [];
  return (Number.parseInt(flags, 8) & O_PATH) === 0 ? link : `${link}, as a path only`;
}

/** Returns the link in /proc of a descriptor, or the name of the errno if it cannot be read. */
export function linkOf(process: number | "self", fd: number): string {
  try {
    return readLink(`/proc/${process}/fd/${fd}`);
  } catch (error) {
    if (error instanceof SystemError) return error.code;
    throw error;
  }
}
