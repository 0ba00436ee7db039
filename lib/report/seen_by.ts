/**
 * The sources of a check's decision, in words.
 *
 * @module
 */

import type { SeenBy } from "../evidence/evidence.ts";

const IN_WORDS: Readonly<Record<SeenBy, string>> = {
  parent: "the parent",
  answer: "an answer that only a process that did the work can give",
  child: "the child's word",
};

/** In an inspection there is no parent: fdpass looks at a process that it did not start. */
const IN_WORDS_OF_INSPECTION = { ...IN_WORDS, parent: "fdpass, from outside" };

/** Returns the sources in words, in their order. */
export function describeSeenBy(seenBy: readonly SeenBy[], isInspected = false): string {
  const words = isInspected ? IN_WORDS_OF_INSPECTION : IN_WORDS;
  return seenBy.map((each) => words[each]).join("; ");
}

/** Returns a remark on a check that rests on the child's word; `undefined` if it does not. */
export function childsPart(seenBy: readonly SeenBy[]): string | undefined {
  if (!seenBy.includes("child")) return undefined;
  return seenBy.length === 1 ? IN_WORDS.child : `in part ${IN_WORDS.child}`;
}
