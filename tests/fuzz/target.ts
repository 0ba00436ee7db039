/**
 * What is fuzzed: a function that takes what others have made, the cases that it is given, and what must hold of each.
 *
 * @module
 */

import fc from "fast-check";

/** A function under test, with its property. */
export interface Target<Case, Subject> {
  /** What must hold, as a sentence. */
  readonly claim: string;
  readonly cases: fc.Arbitrary<Case>;
  /** What is tested. */
  readonly subject: Subject;
  /** The same with a mistake in it, by what the mistake is: the property must find each. */
  readonly wrong: Readonly<Record<string, Subject>>;
  /** Throws if it does not hold. */
  readonly check: (subject: Subject, each: Case) => void;
}

/** A target, whatever its types are. */
export type AnyTarget = {
  readonly claim: string;
  readonly mistakes: readonly string[];
  /** Tries so many cases of it; throws with a counterexample if it does not hold. */
  run(options: RunOptions): void;
};

/** How a target is run. */
export interface RunOptions {
  readonly cases: number;
  readonly seed: number;
  /** The way to one case, as fast-check prints it. */
  readonly path?: string | undefined;
  /** Instead of what is tested: one of its mistakes. */
  readonly mistake?: string | undefined;
}

/** The cases of a run are the same every time, unless FDPASS_FUZZ_SEED is another number, and FDPASS_FUZZ_PATH leads to one of them. */
export function chosen(): { readonly seed: number; readonly path: string | undefined } {
  return {
    seed: Number(Deno.env.get("FDPASS_FUZZ_SEED") ?? 20260101),
    path: Deno.env.get("FDPASS_FUZZ_PATH"),
  };
}

/** Hides the types of a target. */
export function target<Case, Subject>(
  { claim, cases, subject, wrong, check }: Target<Case, Subject>,
): AnyTarget {
  return {
    claim,
    mistakes: Object.keys(wrong),
    run({ cases: numRuns, seed, path, mistake }) {
      const tested = mistake === undefined ? subject : wrong[mistake];
      const property = fc.property(cases, (each) => check(tested, each));
      fc.assert(property, { numRuns, seed, ...path === undefined ? {} : { path } });
    },
  };
}

/** Throws unless it is so. */
export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}
