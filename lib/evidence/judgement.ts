/**
 * What is known of one check while an experiment runs, and what follows from it: the parent decides, and the child has an opinion.
 *
 * The child may be compromised. It can say anything, in any order, any number of times, or nothing: none of that may turn a check to pass.
 *
 * @module
 */

import type { Finding, Observation, SeenBy } from "./evidence.ts";

/** From the best to the worst: of two findings the worse one counts. */
const STATUSES = ["pass", "skip", "fail"] as const satisfies Finding["status"][];

/** The order in which those who saw something are named. */
const SEERS = ["parent", "answer", "child"] as const satisfies SeenBy[];

/** What was found of one check. */
export class Judgement {
  readonly #looks: Finding[] = [];
  readonly #seenBy = new Set<SeenBy>();
  readonly #needsWord: boolean;
  #word: Finding | undefined;

  /** @param needsWord Whether the check rests on the child's word: then it passes only if the child says so. */
  constructor(needsWord: boolean) {
    this.#needsWord = needsWord;
  }

  /** Whether the parent has found anything. */
  get isDecided(): boolean {
    return this.#looks.length > 0;
  }

  /** Adds what the parent found. */
  decide(finding: Finding, seenBy: readonly SeenBy[]): void {
    this.#looks.push(finding);
    for (const each of seenBy) this.#seenBy.add(each);
  }

  /**
   * Hears what the child says of it. A fail stays, whatever it says before and after; a pass matters only where its word is needed.
   *
   * @returns Whether that is kept.
   */
  hear(opinion: Finding): boolean {
    const counts = opinion.status === "fail" || (opinion.status === "pass" && this.#needsWord);
    const isWorse = this.#word === undefined ||
      (this.#word.status === "pass" && opinion.status === "fail");
    if (!counts || !isWorse) return false;
    this.#word = opinion;
    return true;
  }

  /**
   * What follows from all that.
   *
   * @param error What ended the experiment before its end; null if nothing did.
   */
  result(error: string | null): Observation {
    const word = this.#word;
    const seen = this.#seen();
    if (seen === undefined) {
      if (word === undefined) return neverRan(error);
      return this.#needsWord ? { ...word, seen_by: ["child"] } : both(neverRan(error), word);
    }
    if (word?.status === "fail") return both(seen, word);
    if (!this.#needsWord || seen.status !== "pass") return seen;
    return both(seen, word ?? { status: "fail", observed: "nothing", evidence: {} });
  }

  /** What the parent found, the worst of it; `undefined` if it never looked. */
  #seen(): Observation | undefined {
    if (this.#looks.length === 0) return undefined;
    const seen_by = ordered(this.#seenBy);
    if (this.#looks.length === 1) return { ...this.#looks[0], seen_by };
    const status = worst(this.#looks);
    const observed = new Set(
      this.#looks.filter((look) => look.status === status).map((look) => look.observed),
    );
    return {
      status,
      observed: [...observed].join("; "),
      evidence: { looks: this.#looks },
      seen_by,
    };
  }
}

function neverRan(error: string | null): Observation {
  return { status: "fail", observed: "never ran", evidence: { error }, seen_by: ["parent"] };
}

/** What the parent found with what the child says: the worse of it. */
function both(seen: Observation, word: Finding): Observation {
  return {
    status: worst([seen, word]),
    observed: `${seen.observed}; the child reports: ${word.observed}`,
    evidence: { parent: seen.evidence, child: word.evidence },
    seen_by: ordered(new Set([...seen.seen_by, "child"])),
  };
}

function worst(findings: readonly Finding[]): Finding["status"] {
  return STATUSES.findLast((status) => findings.some((each) => each.status === status))!;
}

/** In their order; what nobody was said to have seen, the parent saw: that nothing came. */
function ordered(seenBy: ReadonlySet<SeenBy>): readonly SeenBy[] {
  return seenBy.size === 0 ? ["parent"] : SEERS.filter((each) => seenBy.has(each));
}
