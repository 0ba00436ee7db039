/**
 * Follows the ways of a rule.
 *
 * @module
 */

import { CANNOT_TELL, type Prediction } from "../subject.ts";
import { passes, type ThreadFilters } from "./filter_wall.ts";
import { ALLOWED, cannotTell, type Rule, type Step, type View } from "./rule.ts";
import { copying, nextDescriptor } from "./socket_steps.ts";

/**
 * Returns the prediction for one thread: that of the way that leads furthest. Every way that takes
 * the socket can also be tried under another number of it.
 */
export function predictFor(rule: Rule, view: View): Prediction {
  const direct = rule.ways(view);
  const found = most(direct.map((way) => follow(way, view.thread.filters)));
  const isForFilters = found.outcome === CANNOT_TELL || found.wall === "filter";
  if (!rule.needsSocket || !isForFilters) return found;
  const copy = { ...view.socket, fds: [nextDescriptor(view)] };
  const indirect = copying(view).flatMap((before) =>
    rule.ways({ ...view, socket: copy }).map((way) => [...before, ...way])
  );
  return most([found, ...indirect.map((way) => follow(way, view.thread.filters))]);
}

/**
 * Follows a way. A refusal ends it. A doubt does not: what the kernel refuses anyway is refused,
 * whatever a filter answers before.
 */
function follow(way: readonly Step[], filters: ThreadFilters): Prediction {
  let doubt: Prediction | undefined;
  for (const { calls, answer } of way) {
    const passage = passes(filters, calls);
    if (typeof passage === "string") doubt ??= cannotTell(passage);
    else if (passage !== true) return passage;
    if (answer === undefined) continue;
    if (answer.outcome !== CANNOT_TELL) return answer;
    doubt ??= answer;
  }
  return doubt ?? { ...ALLOWED, reason: way.at(-1)?.remark ?? null };
}

/** Returns the prediction with the most authority; of equal ones the first. */
export function most(predictions: readonly Prediction[]): Prediction {
  const [first] = predictions;
  return predictions.find(({ outcome }) => outcome === ALLOWED.outcome) ??
    predictions.find(({ outcome }) => outcome === CANNOT_TELL) ?? first;
}
