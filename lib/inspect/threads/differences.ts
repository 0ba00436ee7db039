/**
 * How the threads of a process differ, in sentences. Credentials belong to a thread, so a drop may
 * have reached one and missed another.
 *
 * @module
 */

import { capabilityNames } from "../../evidence/capability_names.ts";
import { cutText } from "../cut_text.ts";
import { CAPABILITY_SETS, type ThreadCredentials } from "./threads.ts";

/** What was seen of one thread: what is compared, by the name that the kernel gives it. */
export type ThreadFacts = Readonly<Record<string, string>>;

/** The most threads that one sentence names. */
const THREADS_NAMED = 8;

/** The most names that are shown of a set of capabilities. */
const NAMES_SHOWN = 8;

/** Returns a set in words: `0`, `0000000000002000 (CAP_NET_RAW)`, or the number if it has many. */
function describeCapabilities(set: string): string {
  const names = capabilityNames(set);
  if (names.length === 0) return "0";
  return names.length > NAMES_SHOWN ? set : `${set} (${names.join(", ")})`;
}

/** Returns the credentials of a thread as facts, in the words of a reader. */
export function credentialFacts(thread: ThreadCredentials): ThreadFacts {
  const listed = (numbers: readonly number[]) => numbers.join(" ") || "none";
  return {
    Uid: listed(thread.uids),
    Gid: listed(thread.gids),
    Groups: listed(thread.groups),
    ...Object.fromEntries(
      CAPABILITY_SETS.map((set) => [set, describeCapabilities(thread.capabilities[set])]),
    ),
    NoNewPrivs: String(thread.noNewPrivs),
    Seccomp: String(thread.seccomp),
    Seccomp_filters: String(thread.filters ?? "unknown"),
  };
}

/**
 * Returns the differences, one sentence for each fact in which a thread differs from most others:
 * `thread 4711: CapEff 0000000000002000 (CAP_NET_RAW), 5 others 0`.
 *
 * @param facts The facts of each thread. Among as many threads of two kinds, the first is usual.
 */
export function differencesBetween(facts: ReadonlyMap<number, ThreadFacts>): string[] {
  const names = [...new Set([...facts.values()].flatMap((each) => Object.keys(each)))];
  return names.flatMap((name) => differencesIn(name, facts));
}

function differencesIn(name: string, facts: ReadonlyMap<number, ThreadFacts>): string[] {
  const known = [...facts].filter(([, each]) => each[name] !== undefined);
  const alike = Map.groupBy(known, ([, each]) => each[name]);
  const [usual, ...others] = [...alike].toSorted((a, b) => b[1].length - a[1].length);
  return others.map(([value, threads]) => {
    const tids = threads.map(([tid]) => tid);
    const rest = usual[1].length;
    const words = `${rest} ${rest === 1 ? "other" : "others"} ${cutText(usual[0])}`;
    return `${threadsInWords(tids)}: ${name} ${cutText(value)}, ${words}`;
  });
}

/** Returns `thread 1`, `threads 1, 2`, or `threads 1, 2 and 40 more`. */
export function threadsInWords(tids: readonly number[]): string {
  const named = tids.slice(0, THREADS_NAMED).join(", ");
  const left = tids.length - THREADS_NAMED;
  return `thread${tids.length === 1 ? "" : "s"} ${named}${left > 0 ? ` and ${left} more` : ""}`;
}
