/**
 * The calls of a run: which of them are drawn one by one, how the others are put together, and the list of them all.
 *
 * @module
 */

import type { Side } from "../../evidence/checks.ts";
import type { Call, ExperimentEvidence } from "../../evidence/evidence.ts";
import { html, lines, type Markup, NOTHING } from "./markup.ts";

/** Those that make, bind, or change what a process may do: each is drawn where it was made. */
const DRAWN_ALONE = new Set([
  ...["socket", "socketpair", "bind", "connect", "setsockopt", "shutdown"],
  ...["setgroups", "setresgid", "setresuid", "prctl", "capset", "seccomp", "bpf"],
  ...["io_uring_setup", "io_uring_register", "close_range", "pidfd_getfd", "unshare"],
]);

/** What a call is called: `close`; of a system call that has no function in libc, the name of that. */
export function nameOf(call: Call): string {
  const text = called(call);
  return text.slice(0, text.indexOf("("));
}

/** `seccomp(…)` for `syscall(number: seccomp (317), …)`. */
function called({ text }: Call): string {
  return text.replace(/^syscall\(number: (\w+) \(\d+\)(?:, )?/, "$1(");
}

/** Whether a call has a place of its own in the diagram. */
export function isDrawnAlone(call: Call): boolean {
  return DRAWN_ALONE.has(nameOf(call));
}

/** A call without what its reader knows: the names of the arguments, numbers beside names, what an error means. Its result stays with it. */
export function inShort(call: Call): string {
  return called(call)
    .replaceAll(/([(,] ?)\w+: /g, "$1")
    .replaceAll(/ \((?:0x[\da-f]+|\d+)\)/g, "")
    .replaceAll("→ ", "")
    .replaceAll("→", "…")
    .replace(/ = -1 (E\w+).*$/, " = $1")
    .replace(/ = (\S+)$/, "\u00a0=\u00a0$1");
}

/** Calls of which nobody needs to see each, by name: `open, read ×2, close`. */
export function together(calls: readonly Call[]): string {
  const counts = new Map<string, number>();
  for (const call of calls) counts.set(nameOf(call), (counts.get(nameOf(call)) ?? 0) + 1);
  return [...counts].map(([name, count]) => count === 1 ? name : `${name}\u00a0×${count}`).join(
    ", ",
  );
}

/** What each side did between two things that happened; nothing, if it made no call. */
export interface Routine extends Readonly<Record<Side, string>> {
  readonly at: number;
}

/** What both did in the meantime; `undefined` if neither made a call. */
export function routineOf(calls: readonly Call[]): Routine | undefined {
  if (calls.length === 0) return undefined;
  const of = (side: Side) => together(calls.filter((call) => call.side === side));
  return { at: calls[0].at_ms, parent: of("parent"), child: of("child") };
}

/** Every call with its time, folded away: as a log, since there may be thousands. */
export function renderCalls({ calls }: ExperimentEvidence): Markup {
  if (calls === null) return NOTHING;
  const { list, cut } = calls;
  const children = new Set(list.filter(({ side }) => side === "child").map(({ pid }) => pid)).size;
  const log = list.map(({ at_ms, took_ms, side, pid, text }) => {
    const who = children > 1 && side === "child" ? `child ${pid}` : side;
    return `${at_ms.toFixed(3).padStart(9)}  ${who.padEnd(6)}  ${text} <${took_ms.toFixed(3)}>`;
  });
  return html`
    <details>
      <summary>Each call, with its time (${list.length}${cut ? ", and more" : ""})</summary>
      <p
        class="quiet">As its process tells of it: when it began, in milliseconds; who made it; arguments and result; how long it took, in milliseconds.${cut
          ? " More were made than are kept."
          : ""}</p>
      <pre>${lines(log.join("\n"))}</pre>
    </details>
  `;
}
