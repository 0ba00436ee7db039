/**
 * Parses an strace log with marks: each system call, with the call of libc that it was made for.
 *
 * @module
 */

import { parseTrace } from "../../e2e/strace.ts";
import type { TimedCall } from "./injection.ts";
import { MARK } from "./marks.ts";

interface Current {
  readonly libc: string;
  readonly place: string;
  readonly turn: number;
  readonly counts: Map<string, number>;
}

const MARKED = new RegExp(`"${MARK}/(?:(begin|end|elsewhere)/(\\w+)(?:/([^"]*))?)?`);

const NOBODYS = { libc: undefined, place: "", turn: 0, nth: 0 };

/** Parses a log. The marks themselves are left out. */
export function parseMarkedLog(log: string): TimedCall[] {
  const ordinals = new Map<string, number>();
  const turns = new Map<string, number>();
  const count = (counts: Map<string, number>, key: string) => {
    counts.set(key, (counts.get(key) ?? 0) + 1);
    return counts.get(key)!;
  };
  const current = new Map<number, Current>();
  const made = parseTrace(log).calls;
  const areMarked = new Set(made.filter(({ args }) => MARKED.test(args)).map(({ tid }) => tid));
  const calls: TimedCall[] = [];
  for (const { tid, name, args, result, time } of made) {
    const [, kind, libc, place = ""] = args.match(MARKED) ?? [];
    if (kind === "begin") {
      const turn = count(turns, `${tid} ${libc} ${place}`);
      current.set(tid, { libc, place, turn, counts: new Map() });
    } else if (kind === "end") current.delete(tid);
    if (args.includes(`"${MARK}/`)) continue;
    const ordinal = count(ordinals, `${tid} ${name}`);
    const injected = result.endsWith("(INJECTED)");
    const side = areMarked.has(tid) ? "parent" as const : undefined;
    const call = { tid, side, name, args, result, time, ordinal, injected };
    const by = current.get(tid);
    if (by === undefined) calls.push({ ...call, ...NOBODYS });
    else {
      const { libc, place, turn, counts } = by;
      calls.push({ ...call, libc, place, turn, nth: count(counts, name) });
    }
  }
  return calls;
}
