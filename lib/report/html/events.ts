/**
 * The events of a run in order of time: steps, their lines, calls, messages, frames, and the drop.
 *
 * If the calls were not recorded, the few that matter stand where they were judged.
 *
 * @module
 */

import type { CheckId, Side } from "../../evidence/checks.ts";
import type { Call, CheckResult, ExperimentEvidence, Line, Step } from "../../evidence/evidence.ts";
import { inShort, isDrawnAlone, nameOf, type Routine, routineOf } from "./calls.ts";

/** An event of the diagram. */
export type Event =
  | { readonly kind: "step"; readonly at: number; readonly side: Side; readonly text: string }
  | {
    readonly kind: "line";
    readonly at: number;
    readonly side: Side;
    readonly text: string;
    readonly checks: readonly CheckResult[];
  }
  | { readonly kind: "message"; readonly at: number; readonly from: Side; readonly text: string }
  | { readonly kind: "packets"; readonly at: number; readonly text: string }
  | { readonly kind: "call"; readonly at: number; readonly side: Side; readonly text: string }
  | { readonly kind: "routine" } & Routine
  | {
    readonly kind: "drop";
    readonly at: number;
    /** The DROP checks that fail. */
    readonly refuted: readonly string[];
  }
  | { readonly kind: "rest"; readonly at: number; readonly count: number };

/** The calls that are drawn where a check is judged, if the calls were not recorded. */
const CALLS: { readonly [id in CheckId]?: string } = {
  "SOCK-01": "socket(AF_PACKET), bind",
  "PASS-02": "recvmsg",
  "DROP-03": "setgroups, setresgid, setresuid",
  "DENY-01": "socket(AF_PACKET)",
  "URING-01": "io_uring_setup",
  "RELAY-01": "setsockopt(IP_ADD_MEMBERSHIP)",
};

/** The check whose line follows the drop, and the check that shows its effect. */
const DROP: CheckId = "DROP-03", DENIAL: CheckId = "DENY-01";

/** The most events that are drawn of one experiment. */
const MOST_EVENTS = 240;

/** Returns the events of an experiment, in order. */
export function eventsOf(experiment: ExperimentEvidence): Event[] {
  const reported = reportedEvents(experiment);
  const events = experiment.calls === null ? reported : withCalls(reported, experiment.calls.list);
  const fewer = events.length <= MOST_EVENTS
    ? events
    : events.filter(({ kind }) => kind !== "routine");
  if (fewer.length <= MOST_EVENTS) return fewer;
  const count = fewer.length - MOST_EVENTS;
  return [...fewer.slice(0, MOST_EVENTS), { kind: "rest", at: fewer[MOST_EVENTS].at, count }];
}

/** Returns the events that parent and child reported. */
function reportedEvents(experiment: ExperimentEvidence): Event[] {
  const events: Event[] = [];
  const refuted = experiment.checks
    .filter(({ id, status }) => id.startsWith("DROP-") && status === "fail")
    .map(({ id }) => id);
  const dropping = stepOfDrop(experiment);
  const drawnCalls = new Set<CheckId>();
  let hasDropped = false;
  for (const step of experiment.steps) {
    const { side } = step;
    events.push({ kind: "step", at: step.at_ms, side, text: step.title });
    for (const group of grouped(step)) {
      const [first] = group;
      if (first.kind === "packet") {
        events.push({ kind: "packets", at: first.at_ms, text: describeFrames(group, experiment) });
        continue;
      }
      if (first.kind === "message") {
        events.push({
          kind: "message",
          at: first.at_ms,
          from: first.from,
          text: describeMessage(first),
        });
        continue;
      }
      const ids = first.kind === "detail" ? [] : first.checks;
      const checks = ids.flatMap((id) => experiment.checks.find((check) => check.id === id) ?? []);
      for (const check of experiment.calls === null ? checks : []) {
        const call = CALLS[check.id];
        if (call === undefined || check.side !== side || drawnCalls.has(check.id)) continue;
        drawnCalls.add(check.id);
        const text = check.id === DENIAL && check.status === "pass" ? `${call}: EPERM` : call;
        events.push({ kind: "call", at: first.at_ms, side, text });
      }
      // The first line of the step that drops is reported after the drop.
      if (step === dropping && !hasDropped) {
        events.push({ kind: "drop", at: momentOfDrop(experiment, step) ?? first.at_ms, refuted });
        hasDropped = true;
      }
      events.push({ kind: "line", at: first.at_ms, side, text: first.text, checks });
    }
  }
  return events;
}

/** Merges the calls into the events by time: some one by one, the others grouped by side. */
function withCalls(reported: readonly Event[], calls: readonly Call[]): Event[] {
  const alone: Event[] = calls.filter(isDrawnAlone).map((call) => ({
    kind: "call",
    at: call.at_ms,
    side: call.side,
    text: inShort(call),
  }));
  const others = calls.filter((call) => !isDrawnAlone(call));
  const events: Event[] = [];
  let next = 0;
  const takeBefore = (at: number) => {
    const first = next;
    while (next < others.length && others[next].at_ms < at) next++;
    const routine = routineOf(others.slice(first, next));
    if (routine !== undefined) events.push({ kind: "routine", ...routine });
  };
  for (const event of [...reported, ...alone].toSorted((a, b) => a.at - b.at)) {
    takeBefore(event.at);
    events.push(event);
  }
  takeBefore(Infinity);
  return events;
}

/** Returns the time at which the child's uid changed; `undefined` if no call shows it. */
function momentOfDrop({ calls }: ExperimentEvidence, { at_ms }: Step): number | undefined {
  const call = calls?.list.find((each) =>
    each.side === "child" && each.at_ms >= at_ms - 1 && nameOf(each) === "setresuid" &&
    each.text.endsWith(" = 0")
  );
  return call && call.at_ms + call.took_ms;
}

/** Returns the step in which the child drops: the one that judges it, or its last as root. */
function stepOfDrop({ steps }: ExperimentEvidence): Step | undefined {
  const judged = steps.find(({ side, lines }) =>
    side === "child" &&
    lines.some((line) => line.kind === "done" && line.checks.includes(DROP))
  );
  if (judged !== undefined) return judged;
  const ofChild = steps.filter(({ side }) => side === "child");
  const after = ofChild.findIndex(({ privileged }, i) => !privileged && ofChild[i - 1]?.privileged);
  return after === -1 ? undefined : ofChild[after - 1];
}

/** Groups the lines of a step: consecutive frames share a group. */
export function grouped({ lines }: Step): Line[][] {
  const groups: Line[][] = [];
  for (const line of lines) {
    const last = groups.at(-1);
    if (line.kind === "packet" && last?.[0].kind === "packet") last.push(line);
    else groups.push([line]);
  }
  return groups;
}

/** Describes a group of frames. */
export function describeFrames(lines: readonly Line[], { packets }: ExperimentEvidence): string {
  const frames = lines.flatMap((line) => line.kind === "packet" ? packets[line.packet] ?? [] : []);
  const ours = frames.filter((frame) => frame.ours).length;
  const after = frames.filter(({ after_drop }) => after_drop).length;
  const number = frames.length === 1 ? "1 frame" : `${frames.length} frames`;
  const when = after === frames.length ? "after the drop" : `${after} of them after the drop`;
  return `${number}, ${when}${ours === frames.length ? "" : `, ${ours} of this run`}`;
}

/** Describes a message and the descriptors that it carried. */
export function describeMessage(
  { text, descriptors, times }: Extract<Line, { kind: "message" }>,
): string {
  const carried = text === "spawn" || descriptors === 0
    ? ""
    : `, SCM_RIGHTS: ${descriptors === 1 ? "1 descriptor" : `${descriptors} descriptors`}`;
  const name = text === "spawn" ? text : `“${text}”`;
  return `${name}${carried}${times === 1 ? "" : ` ×${times}`}`;
}
