/**
 * Who saw what a check was decided by, in words.
 *
 * @module
 */

import type { SeenBy } from "../evidence/evidence.ts";

const IN_WORDS: Readonly<Record<SeenBy, string>> = {
  parent: "the parent",
  answer: "an answer that only a process that did it can give",
  child: "the child's word",
};

/** Everybody, in their order. */
export function describeSeers(seenBy: readonly SeenBy[]): string {
  return seenBy.map((each) => IN_WORDS[each]).join("; ");
}

/** How far a check rests on the child's word; `undefined` if it does not. */
export function childsPart(seenBy: readonly SeenBy[]): string | undefined {
  if (!seenBy.includes("child")) return undefined;
  return seenBy.length === 1 ? IN_WORDS.child : `in part ${IN_WORDS.child}`;
}
