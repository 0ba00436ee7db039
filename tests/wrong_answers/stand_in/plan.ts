/**
 * Plans the answers of the stand-in from the record of an undisturbed run, so that no list of calls
 * has to be kept.
 *
 * For every place that calls libc, the first call and the last are answered with a success that did
 * not happen and with an errno. For each function, every errno of {@linkcode errnosOf} is tried at
 * some place.
 *
 * @module
 */

import { errnosOf } from "../strace/errnos.ts";
import type { Injection, LoggedCall, Run, RunRecord } from "../strace/injection.ts";
import { isInspecting } from "./inspecting.ts";
import { ERRNO_NUMBERS, successOf } from "../strace/plan.ts";

/**
 * The number of stack frames by which places are told apart. With more, each callee would be tried
 * for each of its callers.
 */
const FRAMES = 3;

/** A call by its side, its function and its place. */
export function placeKey(
  { side, libc, name, place }: Pick<LoggedCall, "side" | "libc" | "name" | "place">,
): string {
  return [side, libc, name, ...place.split(" ").slice(0, FRAMES)].join(" ");
}

/**
 * Plans the injections for a run.
 *
 * @param run Its arguments and limit.
 * @param clean The record of an undisturbed run.
 * @param again The record of another one. A call that is in one of them only depends on timing, and
 * is not aimed at.
 * @param only Selects the calls of interest.
 */
export function planFor(
  run: Run,
  { calls = [] }: RunRecord,
  again: RunRecord,
  only: (call: LoggedCall) => boolean,
): Injection[] {
  const keyOf = ({ process, libc, name, place, turn }: LoggedCall) =>
    [process, libc, name, place, turn].join();
  const seenAgain = new Set(again.calls!.map(keyOf));
  const own = calls.filter((call) => seenAgain.has(keyOf(call)) && only(call));
  const kinds = Map.groupBy(own, ({ side, libc, name }) => `${side} ${libc} ${name}`);
  return [...kinds.values()].flatMap((calls) => {
    const deck = errnosOf(calls[0].name);
    let next = 0;
    const deal = (call: LoggedCall) => injection(run, call, { errno: deck[next++ % deck.length] });
    const places = [...Map.groupBy(calls, placeKey).values()].map(firstAndLast);
    const lie = (call: LoggedCall) => injection(run, call, { result: successOf(call) });
    const dealt = places.flatMap((turns) => [...turns.map(lie), ...turns.map(deal)]);
    const turns = places.flat();
    for (let i = 0; next < deck.length; i++) dealt.push(deal(turns[i % turns.length]));
    return dealt;
  });
}

/**
 * The first call of a place, and the last if it is another one. In the parent's inspection of the
 * child, the number of calls depends on the number of threads: there it is the first call of the
 * last inspection.
 */
function firstAndLast(turns: readonly LoggedCall[]): LoggedCall[] {
  const last = turns.at(-1)!;
  const isSteady = last.side !== "parent" || !isInspecting(last.place);
  const ofLast = isSteady ? last : turns.find(({ place }) => place === last.place)!;
  return [...new Set([turns[0], ofLast])];
}

function injection(run: Run, call: LoggedCall, answer: Injection["answer"]): Injection {
  const { process, side, libc, name, place, turn, result: usual } = call;
  const given = "errno" in answer
    ? { errno: ERRNO_NUMBERS.get(answer.errno)! }
    : { result: answer.result };
  return {
    ...{ libc: libc!, syscall: name, side, place, turn, answer, usual },
    job: {
      ...run,
      answering: { process: process!, libc: libc!, name, place, turn, answer: given },
    },
  };
}
