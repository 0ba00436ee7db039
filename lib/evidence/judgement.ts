/**
 * The state of one check while an experiment runs, and its result: the parent decides, and the
 * child's report is a second opinion.
 *
 * The child may be compromised. It may report anything, in any order, any number of times, or
 * nothing. No report may turn a check to pass.
 *
 * @module
 */

import { type Finding, type Observation, type SeenBy, skipped } from "./evidence.ts";

/** From best to worst: of several findings, the worst one counts. */
const STATUSES = ["pass", "skip", "fail"] as const satisfies Finding["status"][];

/** The order in which the sources of a result are listed. */
const SOURCES = ["parent", "answer", "child"] as const satisfies SeenBy[];

/** How an experiment ended before its time. */
export interface EarlyEnd {
  /** The reason, with the remedy if one is known. */
  readonly message: string;
  /** Whether the child ended it. If not, its surroundings did. */
  readonly isChilds: boolean;
}

/** Everything that was found about one check. */
export class Judgement {
  readonly #findings: Finding[] = [];
  /** Those that rest on the interface. */
  readonly #resting = new Set<Finding>();
  readonly #seenBy = new Set<SeenBy>();
  readonly #needsOpinion: boolean;
  #opinion: Finding | undefined;

  /**
   * @param needsOpinion Whether the check rests on the child's report: it then passes only if the
   * child reports a pass.
   */
  constructor(needsOpinion: boolean) {
    this.#needsOpinion = needsOpinion;
  }

  /** Whether the parent has found anything. */
  get isDecided(): boolean {
    return this.#findings.length > 0;
  }

  /**
   * Adds a finding by the parent.
   *
   * @param restsOnInterface Whether it shows nothing if the interface changes during the run.
   */
  decide(finding: Finding, seenBy: readonly SeenBy[], restsOnInterface = false): void {
    this.#findings.push(finding);
    if (restsOnInterface) this.#resting.add(finding);
    for (const each of seenBy) this.#seenBy.add(each);
  }

  /**
   * Adds an opinion of the child. A fail is final, whatever the child reports before and after
   * it. A pass is kept only for a check that rests on the child's report.
   *
   * @returns Whether the opinion is kept.
   */
  addOpinion(opinion: Finding): boolean {
    const counts = opinion.status === "fail" ||
      (opinion.status === "pass" && this.#needsOpinion);
    const isWorse = this.#opinion === undefined ||
      (this.#opinion.status === "pass" && opinion.status === "fail");
    if (!counts || !isWorse) return false;
    this.#opinion = opinion;
    return true;
  }

  /**
   * Returns the result of the check.
   *
   * A check that the parent has not decided fails, unless the surroundings ended the experiment:
   * then it is skipped, whatever the child reports of it.
   *
   * @param end How the experiment ended early; null if it did not.
   */
  result(end: EarlyEnd | null): Observation {
    const opinion = this.#opinion;
    const seen = this.#worstFinding();
    if (seen === undefined) {
      if (opinion !== undefined && this.#needsOpinion) return { ...opinion, seen_by: ["child"] };
      const open = stillOpen(end);
      return opinion === undefined || open.status === "skip" ? open : combined(open, opinion);
    }
    if (opinion?.status === "fail") return combined(seen, opinion);
    if (!this.#needsOpinion || seen.status !== "pass") return seen;
    return combined(seen, opinion ?? { status: "fail", observed: "nothing", evidence: {} });
  }

  /**
   * Returns the result of the check in a run during which an interface changed. A finding that
   * rests on the interface shows nothing then; one that does not still counts.
   *
   * @param event What has happened to the interface.
   * @param opinionStands Whether the child's opinion does not rest on the interface.
   */
  resultAfter(event: string, opinionStands: boolean): Observation {
    const standing = this.#findings.filter((finding) => !this.#resting.has(finding));
    const seen = this.#worstFinding(standing);
    if (opinionStands && standing.length > 0 && (!this.#needsOpinion || this.#opinion)) {
      return this.result(null);
    }
    if (seen?.status === "fail") return seen;
    if (opinionStands && this.#opinion?.status === "fail") {
      return { ...this.#opinion, seen_by: ["child"] };
    }
    const evidence = this.#findings.length === 0 ? {} : { before: this.#findings };
    return { ...skipped(event, evidence), seen_by: ["parent"] };
  }

  /** Returns the worst of the parent's findings; `undefined` if there are none. */
  #worstFinding(findings: readonly Finding[] = this.#findings): Observation | undefined {
    if (findings.length === 0) return undefined;
    const seen_by = ordered(this.#seenBy);
    if (findings.length === 1) return { ...findings[0], seen_by };
    const status = worst(findings);
    const observed = new Set(
      findings.filter((each) => each.status === status).map((each) => each.observed),
    );
    return {
      status,
      observed: [...observed].join("; "),
      evidence: { looks: findings },
      seen_by,
    };
  }
}

/** The result of a check that was not decided. */
function stillOpen(end: EarlyEnd | null): Observation {
  const evidence = { error: end?.message ?? null };
  return end === null || end.isChilds
    ? { status: "fail", observed: "never ran", evidence, seen_by: ["parent"] }
    : { status: "skip", observed: end.message, evidence, seen_by: ["parent"] };
}

/** Returns the worse of the parent's finding and the child's opinion, with the words of both. */
function combined(seen: Observation, opinion: Finding): Observation {
  return {
    status: worst([seen, opinion]),
    observed: `${seen.observed}; the child reports: ${opinion.observed}`,
    evidence: { parent: seen.evidence, child: opinion.evidence },
    seen_by: ordered(new Set([...seen.seen_by, "child"])),
  };
}

function worst(findings: readonly Finding[]): Finding["status"] {
  return STATUSES.findLast((status) => findings.some((each) => each.status === status))!;
}

/** Returns the sources in their order. If there are none, the parent saw that nothing came. */
function ordered(seenBy: ReadonlySet<SeenBy>): readonly SeenBy[] {
  return seenBy.size === 0 ? ["parent"] : SOURCES.filter((each) => seenBy.has(each));
}
