/**
 * Compares the frames that one side received with those that another sent, by their digests, so
 * that neither has to keep the bytes.
 *
 * @module
 */

import { asTexts } from "./validate.ts";
import { ExperimentError } from "../evidence/errors.ts";

/** Returns the SHA-256 of some bytes, in base64. */
export type Digest = (bytes: Uint8Array) => string;

/**
 * Returns a function that computes SHA-256 in base64. It is loaded on demand, because loading it
 * takes time that the main job does not have.
 */
export async function sha256(): Promise<Digest> {
  const { createHash } = await import("node:crypto");
  return (bytes) => createHash("sha256").update(bytes).digest("base64");
}

/** The most digests that a child sends in one message. */
export const DIGESTS_PER_MESSAGE = 64;

/**
 * The most digests of foreign frames that a child may report. A busy network has many, and a child
 * can make up any number.
 */
const FOREIGN_LIMIT = 250_000;

/**
 * Takes the digests that a child reports in one message.
 *
 * @param received The digests so far; the new ones are added to them.
 * @param reported The value in the message.
 * @param sent The number of frames that were sent.
 * @returns The new digests.
 * @throws {ExperimentError} If the value is not a list of digests, or there are too many.
 */
export function takeDigests(received: string[], reported: unknown, sent: number): string[] {
  const digests = asTexts(reported, "digests", DIGESTS_PER_MESSAGE);
  received.push(...digests);
  if (received.length <= sent + FOREIGN_LIMIT) return digests;
  throw new ExperimentError(
    `The child sends too much: ${received.length} digests of ${sent} frames`,
  );
}

/** How the frames received differ from those sent. */
export interface Comparison {
  readonly sent: number;
  /** The number of frames sent that arrived. */
  readonly arrived: number;
  readonly lost: number;
  /** The number of frames that came more often than they were sent. */
  readonly again: number;
  /** The number of frames that came after one that was sent later. */
  readonly disordered: number;
  /** The number of frames that were never sent. */
  readonly foreign: number;
}

/** Compares two lists of digests. A list may hold equal ones. */
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

/** Whether every frame arrived once and in order. Foreign frames do not matter. */
export function isWhole({ sent, lost, again, disordered }: Comparison): boolean {
  return sent > 0 && lost === 0 && again === 0 && disordered === 0;
}
