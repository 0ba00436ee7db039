/**
 * From a run as it is to what its stand-in is to answer: nobody lists the calls.
 *
 * Every place that a call of libc's is made from is tried: with the lie that it succeeded, and with an errno or two of {@linkcode errnosOf}, dealt so that over all its places
 * each function answers as many of them as there are turns for.
 *
 * @module
 */

import { errnosOf } from "../syscalls/errnos.ts";
import type { LoggedCall, RunRecord } from "../syscalls/injection.ts";
import { ERRNO_NUMBERS, type Injection, type Run, successOf } from "../syscalls/plan.ts";

/** So many frames of the stack tell one place in the program from another; with more, each caller would be tried with all that it calls. */
const FRAMES = 3;

/** A call, as who makes it and from where. */
export function placeKey({ side, libc, name, place }: LoggedCall): string {
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
  const places = [...Map.groupBy(own, placeKey).values()];
  const dealtOf = new Map<string, number>();
  return places.flatMap((calls) => {
    const [first] = calls;
    const last = calls.at(-1)!;
    const deck = errnosOf(first.name);
    const kind = `${first.side} ${first.libc} ${first.name}`;
    const deal = (call: LoggedCall) => {
      const next = dealtOf.get(kind) ?? 0;
      dealtOf.set(kind, next + 1);
      return injection(run, call, { errno: deck[next % deck.length] });
    };
    const lie = injection(run, first, { result: successOf(first) });
    return [lie, deal(first), ...last === first ? [] : [deal(last)]];
  });
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
