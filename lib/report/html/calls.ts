/**
 * The calls of a run: which of them the diagram draws one by one, how it groups the others, and the
 * list of all of them.
 *
 * @module
 */

import type { Side } from "../../evidence/checks.ts";
import type { Call, ExperimentEvidence } from "../../evidence/evidence.ts";
import { html, lines, type Markup, NOTHING } from "./markup.ts";

/** Calls that create or bind something, or change a process's rights, are drawn separately. */
const DRAWN_ALONE = new Set([
  ...["socket", "socketpair", "bind", "connect", "setsockopt", "shutdown"],
  ...["setgroups", "setresgid", "setresuid", "prctl", "capset", "seccomp", "bpf"],
  ...["io_uring_setup", "io_uring_register", "close_range", "pidfd_getfd", "unshare"],
]);

/** Returns the name of a call: `close`. For `syscall(2)` it is the name of the system call. */
export function nameOf(call: Call): string {
  const text = called(call);
  return text.slice(0, text.indexOf("("));
}

/** Returns `seccomp(…)` for `syscall(number: seccomp (317), …)`. */
function called({ text }: Call): string {
  return text.replace(/^syscall\(number: (\w+) \(\d+\)(?:, )?/, "$1(");
}

/** Whether the diagram draws a call separately. */
export function isDrawnAlone(call: Call): boolean {
  return DRAWN_ALONE.has(nameOf(call));
}

/**
 * Shortens a call: without the names of arguments, the numbers beside names, and the meaning of an
 * error. The result stays on the same line.
 */
export function inShort(call: Call): string {
  return called(call)
    .replaceAll(/([(,] ?)\w+: /g, "$1")
    .replaceAll(/ \((?:0x[\da-f]+|\d+)\)/g, "")
    .replaceAll("→ ", "")
    .replaceAll("→", "…")
    .replace(/ = -1 (E\w+).*$/, " = $1")
    .replace(/ = (\S+)$/, "\u00a0=\u00a0$1");
}

/** Returns the names of a group of calls, with their counts: `open, read ×2, close`. */
export function together(calls: readonly Call[]): string {
  const counts = new Map<string, number>();
  for (const call of calls) counts.set(nameOf(call), (counts.get(nameOf(call)) ?? 0) + 1);
  return [...counts].map(([name, count]) => count === 1 ? name : `${name}\u00a0×${count}`).join(
    ", ",
  );
}

/** The calls of each side between two events, as text; empty if it made none. */
export interface Routine extends Readonly<Record<Side, string>> {
  readonly at: number;
}

/** Groups calls by side; `undefined` if there are none. */
export function routineOf(calls: readonly Call[]): Routine | undefined {
  if (calls.length === 0) return undefined;
  const of = (side: Side) => together(calls.filter((call) => call.side === side));
  return { at: calls[0].at_ms, parent: of("parent"), child: of("child") };
}

/** Renders every call with its time, folded away. It is a log, since there may be thousands. */
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
        class="quiet">As reported by the calling process: when the call began, in milliseconds; the side; arguments and result; its duration, in milliseconds.${cut
          ? " More calls were made than are kept."
          : ""}</p>
      <pre>${lines(log.join("\n"))}</pre>
    </details>
  `;
}
