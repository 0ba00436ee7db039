/**
 * From a run as it is to what its stand-in is to answer: nobody lists the calls.
 *
 * Every place that a call of libc's is made from is tried, the first time and the last: with the lie that it succeeded, and with an errno; and for each function, every errno of
 * {@linkcode errnosOf} at some place.
 *
 * @module
 */

import { errnosOf } from "../strace/errnos.ts";
import type { LoggedCall, RunRecord } from "../strace/injection.ts";
import { isInspecting } from "./inspecting.ts";
import { ERRNO_NUMBERS, type Injection, type Run, successOf } from "../strace/plan.ts";

/** So many frames of the stack tell one place in the program from another; with more, each caller would be tried with all that it calls. */
const FRAMES = 3;

/** A call, as who makes it and from where. */
export function placeKey(
  { side, libc, name, place }: Pick<LoggedCall, "side" | "libc" | "name" | "place">,
): string {
  return [side, libc, name, ...place.split(" ").slice(0, FRAMES)].join(" ");
}

/**
 * The injections for a run.
 *
 * @param clean What came of it without any.
 * @param again What came of it a second time: a call that is made in one of them alone depends on the moment, and is not aimed at.
 * @param only Which calls are of interest.
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
 * The first of these, and the last if that is another. How often the parent's look at the child turns depends on how many threads that has: of the last
 * look, it is the first turn.
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
