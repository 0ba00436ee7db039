/**
 * What one side received, compared with what another sent, by digests: neither has to keep the bytes.
 *
 * @module
 */

import { asTexts } from "./protocol.ts";
import { ExperimentError } from "../evidence/errors.ts";

/** SHA-256 of some bytes, in base64. */
export type Digest = (bytes: Uint8Array) => string;

/** SHA-256, in base64. Loaded where it is needed: it takes time that the main job does not have. */
export async function sha256(): Promise<Digest> {
  const { createHash } = await import("node:crypto");
  return (bytes) => createHash("sha256").update(bytes).digest("base64");
}

/** How many digests a child says at once. */
export const DIGESTS_PER_MESSAGE = 64;

/** How many digests of what was not sent a child may tell of: a busy network has many, and a child as many as it likes. */
const FOREIGN_LIMIT = 250_000;

/**
 * Takes the digests that a child tells of.
 *
 * @param received Those that it has told of so far; they are added there.
 * @param told What it says.
 * @param sent How many were sent.
 * @returns Those that it tells of now.
 * @throws {ExperimentError} If that is no list of digests, or they are too many.
 */
export function takeDigests(received: string[], told: unknown, sent: number): string[] {
  const digests = asTexts(told, "digests", DIGESTS_PER_MESSAGE);
  received.push(...digests);
  if (received.length <= sent + FOREIGN_LIMIT) return digests;
  throw new ExperimentError(
    `The child says too much: ${received.length} digests of ${sent} frames`,
  );
}

/** What became of what was sent. */
export interface Comparison {
  readonly sent: number;
  /** Of those, how many arrived. */
  readonly arrived: number;
  readonly lost: number;
  /** How many came more often than they were sent. */
  readonly again: number;
  /** How many came after one that was sent later. */
  readonly disordered: number;
  /** How many were never sent. */
  readonly foreign: number;
}

/** Compares two lists of digests, of which some may be the same. */
export function compare(sent: readonly string[], received: readonly string[]): Comparison {
  const places = new Map<string, number[]>();
  sent.forEach((digest, i) => places.set(digest, [...places.get(digest) ?? [], i]));
  let arrived = 0, again = 0, disordered = 0, foreign = 0, last = -1;
  for (const digest of received) {
    const left = places.get(digest);
    const place = left?.shift();
    if (left === undefined) foreign++;
    else if (place === undefined) again++;
    else {
      arrived++;
      if (place < last) disordered++;
      last = Math.max(last, place);
    }
  }
  return { sent: sent.length, arrived, lost: sent.length - arrived, again, disordered, foreign };
}

/** Whether everything arrived once and in order. What else came does not matter. */
export function isWhole({ sent, lost, again, disordered }: Comparison): boolean {
  return sent > 0 && lost === 0 && again === 0 && disordered === 0;
}
