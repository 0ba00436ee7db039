/**
 * The judge of an inspection: a pure function from what was seen of a process to the findings.
 *
 * A claim fails only if what was seen refutes it. Whatever could not be seen, and could hide a
 * refutation, turns a pass to a skip.
 *
 * @module
 */

import { type Finding, skipped } from "../../evidence/evidence.ts";
import type { OverflowIds } from "../../host/users.ts";
import type { Subject } from "../../inspect/subject.ts";
import { type InspectionCheckId, INSPECTIONS } from "./description.ts";
import { everyThread, judgePacketSocket, judgeRegain } from "./judge/answers.ts";
import {
  judgeFilters,
  judgeHidden,
  judgeOperations,
  judgeSecondLine,
  type Predictions,
} from "./judge/confinement.ts";
import { judgeCapabilities, judgeGroups, judgeNoNewPrivs, judgeUids } from "./judge/credentials.ts";
import { joined } from "./judge/threads.ts";
import type { Terms } from "./options.ts";

/** Everything that the findings about a process rest on. */
export interface Seen {
  readonly subject: Subject;
  readonly predictions: Predictions;
  /** Packet sockets that it certainly holds and no descriptor shows, in words. */
  readonly hidden: readonly string[];
  /** Packet sockets that it may hold and no descriptor shows, in words. */
  readonly possiblyHidden: readonly string[];
  /** What it may hold and only its threads could tell, if nobody wanted to ask; in words. */
  readonly onlyAskingTells: string | undefined;
  /** Other processes with privileges, through which it can act, in words. */
  readonly accomplices: { readonly found: readonly string[]; readonly unseen: readonly string[] };
  /** Why its descriptors may be packet sockets that are not in the subject. */
  readonly missingSockets: readonly string[];
  /** The places that were not seen, and where it could hide a packet socket. */
  readonly unseenPlaces: readonly string[];
  /** Other sockets by which it may send, in words. */
  readonly otherSenders: readonly string[];
  /** Why it could not be asked; empty if it was, or if nobody wanted to ask. */
  readonly unasked: readonly string[];
  /** The ids that stand for unmapped ones in the user namespace of the inspection. */
  readonly overflow: OverflowIds;
}

/** Returns the finding of each check that the expectation plans, in the order of the plan. */
export function judgeProcess(
  seen: Seen,
  terms: Terms,
): ReadonlyMap<InspectionCheckId, Finding> {
  const { subject, predictions, hidden, possiblyHidden, accomplices, overflow } = seen;
  const threads = everyThread(subject.daemon.threads, subject.asked?.threads);
  const { unseenThreads, shown: { unseen } } = subject.daemon;
  const ofThreads = unlessDoubted(unseenThreads);
  const ofSockets = unlessDoubted(seen.missingSockets);
  const ofSenders = unlessDoubted([...seen.missingSockets, ...seen.otherSenders]);
  const notShown = [...possiblyHidden, ...seen.missingSockets, ...seen.unseenPlaces];
  const ofAnswers = unlessDoubted([...seen.unasked, ...unseenThreads]);
  const ofEverything = unlessDoubted([...seen.unasked, ...unseen]);
  const judges: { readonly [id in InspectionCheckId]: () => Finding } = {
    "INSP-01": () => ofThreads(judgeNoNewPrivs(threads, terms)),
    "INSP-02": () => ofThreads(judgeUids(threads, overflow)),
    "INSP-03": () => ofThreads(judgeCapabilities(threads)),
    "INSP-04": () => ofThreads(judgeGroups(subject.daemon.pid, threads, terms, overflow)),
    "INSP-05": () => ofAnswers(judgePacketSocket(subject)),
    "INSP-06": () => ofEverything(judgeRegain(subject, terms, accomplices)),
    "INSP-07": () => judgeHidden(subject, hidden, notShown, seen.onlyAskingTells),
    "INSP-08": () => ofAnswers(judgeFilters(subject)),
    "INSP-09": () => ofEverything(ofSenders(judgeOperations(predictions))),
    "INSP-10": () => ofThreads(ofSockets(judgeSecondLine(subject))),
  };
  return new Map(INSPECTIONS[terms.expect].plan.map((id) => [id, judges[id]()]));
}

/** Returns a function that turns a pass to a skip, if something was not seen. */
function unlessDoubted(unseen: readonly string[]): (finding: Finding) => Finding {
  return (finding) =>
    finding.status === "pass" && unseen.length > 0
      ? skipped(joined(unseen), { ...finding.evidence, seen: finding.observed })
      : finding;
}

/** From best to worst. */
const RANKS = ["pass", "left out", "skip", "fail"] as const;

/** Returns the worse of two findings about one claim; of equals, the later one. */
export function worseOf(earlier: Finding, later: Finding): Finding {
  const rank = ({ status, left_out }: Finding) => RANKS.indexOf(left_out ? "left out" : status);
  return rank(earlier) > rank(later) ? earlier : later;
}
