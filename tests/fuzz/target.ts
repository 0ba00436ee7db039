/**
 * A fuzz target: a function that reads foreign data, the cases that it gets, and the property that
 * must hold for each.
 *
 * @module
 */

import fc from "fast-check";

/** A function under test, with its property. */
export interface Target<Case, Subject> {
  /** The property as a sentence. */
  readonly claim: string;
  readonly cases: fc.Arbitrary<Case>;
  /** The function. */
  readonly subject: Subject;
  /** The function with mistakes in it, by description: the property must find each mistake. */
  readonly wrong: Readonly<Record<string, Subject>>;
  /** Throws if the property does not hold for a case. */
  readonly check: (subject: Subject, each: Case) => void;
}

/** A target of any types. */
export type AnyTarget = {
  readonly claim: string;
  readonly mistakes: readonly string[];
  /** Tries cases; throws with a counterexample if the property does not hold. */
  run(options: RunOptions): void;
};

/** How a target is run. */
export interface RunOptions {
  readonly cases: number;
  readonly seed: number;
  /** The path to one case, as fast-check prints it. */
  readonly path?: string | undefined;
  /** The mistake to test in place of the function. */
  readonly mistake?: string | undefined;
}

/**
 * The seed and the path from FDPASS_FUZZ_SEED and FDPASS_FUZZ_PATH. Without them every run has the
 * same cases.
 */
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

/** Throws an error unless a condition holds. */
export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}
