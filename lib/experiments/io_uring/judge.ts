/**
 * The findings of `io-uring`: pure functions of what was seen.
 *
 * @module
 */

import { ROOTS_FILE } from "../../confine/early_rings.ts";
import { type Finding, judged, skipped } from "../../evidence/evidence.ts";
import type { ThreadCredentials } from "../../inspect/threads/threads.ts";
import { floodReason, isFloodOfOthers } from "../../packets/socket.ts";
import { BATCH } from "../../receive/frame_source.ts";
import { PACKET_SOCKET, type SeenOutcome } from "./early_outcomes.ts";

/**
 * URING-01: the process has a ring and no privilege.
 *
 * @param link The link in /proc of the descriptor that should be a ring.
 */
export function judgeRing(threads: readonly ThreadCredentials[], link: string): Finding {
  const privileged = threads.filter(({ uids, capabilities, noNewPrivs }) =>
    uids.includes(0) || !/^0+$/.test(capabilities.CapEff) || noNewPrivs !== 1
  );
  return judged(
    threads.length > 0 && privileged.length === 0 && link === "anon_inode:[io_uring]",
    `${link}; ${
      threads.length - privileged.length
    } of ${threads.length} threads without privileges`,
    { call: "io_uring_setup", link, privileged },
  );
}

/** The expected refusals of a ring that acts with the credentials of its user. */
const REFUSED = { open: "EACCES", socket: "EPERM" } as const;
/** The descriptions of what a ring opens that is still root. */
const OPENED = { open: ROOTS_FILE, socket: PACKET_SOCKET } as const;

/**
 * URING-10, URING-11, URING-12: a ring from before the drop opened what only root can open, or was
 * refused.
 *
 * @param isRoot Whether the ring is expected to act as root.
 */
export function judgeEarly(seen: readonly SeenOutcome[], isRoot: boolean): Finding {
  const isExpected = seen.every(({ request, outcome, link }) =>
    isRoot ? link === OPENED[request] : outcome === REFUSED[request] && link === null
  );
  return judged(
    isExpected,
    seen.map(({ request, outcome, link }) =>
      `${request === "open" ? ROOTS_FILE : "AF_PACKET socket"}: ${outcome}${
        link === null ? "" : ` (the child holds ${link})`
      }`
    ).join("; "),
    { call: "io_uring_enter", seen },
  );
}

/**
 * URING-13: a closed ring opened nothing.
 *
 * @param outcomes The outcome of each request to each ring, as the child reports it.
 * @param held The links of root's file among the child's descriptors, as the parent sees them.
 */
export function judgeClosed(outcomes: readonly string[], held: readonly string[]): Finding {
  return judged(
    held.length === 0 && outcomes.every((outcome) => /: (EBADF|no answer)$/.test(outcome)),
    outcomes.join(", "),
    { call: "io_uring_enter", outcomes, held },
  );
}

/** The buffers of a multishot submission: so many frames of others can end it. */
const BUFFERS = BATCH;

/**
 * URING-02 to URING-08: the frames were received, and a multishot submission ended as often as
 * expected.
 *
 * Frames that root's own witness did not see either were not the child's to receive.
 *
 * @param origin The finding that the frames are the stimulus.
 * @param ends How often the submission ended; null if it is not a multishot submission.
 * @param runsOut Whether its buffers are expected to run out.
 */
export function judgeReceiving(origin: Finding, ends: number | null, runsOut: boolean): Finding {
  if (origin.status !== "pass" || ends === null) return origin;
  const [upTo, received, witnessed, drops, others] = [
    "up_to",
    "received",
    "witnessed",
    "drops",
    "others",
  ]
    .map((name) => Number(origin.evidence[name]));
  const lost = upTo - received;
  const skip = (reason: string) => skipped(reason, { ...origin.evidence, ends });
  if (lost > 0 && isFloodOfOthers(drops, others)) return skip(floodReason(drops));
  if (lost > 0 && witnessed <= received) {
    return skip(`${lost} frames did not reach the interface: root's own socket saw ${witnessed}`);
  }
  if (!runsOut && ends > 0 && others >= BUFFERS) {
    return skip(
      `${others} frames of others used up the buffers: use an interface with less traffic`,
    );
  }
  return judged(
    runsOut ? ends > 0 && lost === 0 : ends === 0,
    `${origin.observed}; ${lost} lost; ${ends + 1} submission${ends === 0 ? "" : "s"}`,
    { ...origin.evidence, ends },
  );
}

/** URING-09: a restricted ring refused every other operation. */
export function judgeRestricted(outcomes: { readonly [name: string]: string }): Finding {
  const unexpected = Object.entries(outcomes).filter(([, outcome]) => outcome !== "EACCES");
  return judged(
    unexpected.length === 0,
    unexpected.length === 0
      ? `${Object.keys(outcomes).length} of ${Object.keys(outcomes).length} refused with EACCES`
      : unexpected.map(([name, outcome]) => `${name}: ${outcome}`).join(", "),
    { calls: ["io_uring_enter", "io_uring_register"], outcomes },
  );
}
