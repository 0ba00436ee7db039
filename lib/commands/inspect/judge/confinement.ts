/**
 * INSP-07 to INSP-10: the findings about hidden sockets, filters, operations, and the protections
 * behind the filters.
 *
 * @module
 */

import { type Finding, judged, leftOut, skipped } from "../../../evidence/evidence.ts";
import { OPERATION_NAMES, type OperationName } from "../../../evidence/operations.ts";
import { PROCESS } from "../../../inspect/prediction/predict.ts";
import { CANNOT_TELL, type Prediction, type Subject } from "../../../inspect/subject.ts";
import { groupAlike } from "../../../inspect/threads/threads.ts";
import { everyThread } from "./answers.ts";
import { joined, named, whichThreads } from "./threads.ts";

/** The predicted outcome of each operation, by the name of the column. */
export type Predictions = ReadonlyMap<OperationName, ReadonlyMap<string, Prediction>>;

/**
 * INSP-07: the process holds no packet socket that its descriptors do not show.
 *
 * @param hidden Packet sockets that it certainly holds, in words.
 * @param possible Packet sockets that it may hold, in words.
 * @param onlyAskingTells What it may hold and nobody wanted to ask, in words; `undefined` for
 * nothing. Then the check is left out.
 */
export function judgeHidden(
  { sockets }: Pick<Subject, "sockets">,
  hidden: readonly string[],
  possible: readonly string[],
  onlyAskingTells: string | undefined,
): Finding {
  const evidence = { shown: sockets.map(({ link, fds }) => ({ link, fds })), hidden, possible };
  if (hidden.length > 0) return judged(false, joined(hidden), evidence);
  if (possible.length > 0) return skipped(joined(possible), evidence);
  if (onlyAskingTells !== undefined) return { ...leftOut(onlyAskingTells), evidence };
  if (sockets.length === 0) return judged(true, "it holds no packet socket", evidence);
  const count = sockets.length === 1 ? "1 packet socket" : `${sockets.length} packet sockets`;
  return judged(true, `${count} among its descriptors, and none elsewhere`, evidence);
}

/**
 * INSP-08: every thread has filters, and all of them the same.
 *
 * A thread that was not there while the process stood still, and is there later, has the filters of
 * the thread that started it.
 */
export function judgeFilters({ daemon, asked }: Subject): Finding {
  const threads = everyThread(daemon.threads, asked?.threads);
  const loose = threads.filter(({ seccomp }) => seccomp !== 2);
  const evidence = {
    threads: groupAlike(threads, ({ seccomp, filters }) => ({ seccomp, filters })),
  };
  if (loose.length > 0) {
    const kind = loose.some(({ seccomp }) => seccomp === 0)
      ? "no system call filter"
      : "no readable system call filter";
    return judged(false, `${kind} on ${whichThreads(loose, threads)}`, evidence);
  }
  const read = asked?.threads ?? [];
  if (read.length === 0) return skipped("no filter was read", evidence);
  const unread = read.filter(({ filters, credentials }) =>
    filters.length === 0 || filters.length !== (credentials.filters ?? filters.length)
  );
  if (unread.length > 0) {
    return skipped(`filters not read on ${whichThreads(unread, threads)}`, evidence);
  }
  const kinds = groupAlike(read, ({ filters }) => filters.map((program) => program.toBase64()));
  const different = kinds.toSorted((a, b) => b.tids.length - a.tids.length).slice(1)
    .flatMap(({ tids }) => tids.map((tid) => ({ tid })));
  return judged(
    different.length === 0,
    different.length === 0
      ? `${describePrograms(read[0].filters)} on ${whichThreads(threads, threads)}`
      : `other filters on ${whichThreads(different, threads)}`,
    { ...evidence, filters: kinds },
  );
}

function describePrograms(programs: readonly Uint8Array[]): string {
  const lengths = programs.map((program) => program.length / 8).join(", ");
  return `${programs.length === 1 ? "one filter" : `${programs.length} filters`} of ${lengths} ` +
    "instructions";
}

/** INSP-09: every operation is refused in every column. */
export function judgeOperations(predictions: Predictions): Finding {
  const cells = OPERATION_NAMES.flatMap((name) => {
    const columns = [...predictions.get(name) ?? []];
    if (columns.length === 0) return [{ name, column: "", ...NOT_PREDICTED }];
    return columns.map(([column, prediction]) => ({ name, column, ...prediction }));
  });
  const remaining = cells.filter(remains), open = cells.filter(isOpen);
  const evidence = { remaining: remaining.map(place), cannot_tell: open.map(place) };
  if (remaining.length > 0) {
    return judged(false, `allowed: ${joined(describeRemaining(remaining))}`, evidence);
  }
  if (open.length > 0) {
    const reasons = [
      ...Map.groupBy(open, ({ reason }) => reason ?? "no reason is known"),
    ].map(([reason, places]) =>
      `${named([...new Set(places.map(({ name }) => name))])}: ${reason}`
    );
    return skipped(`cannot tell: ${joined(reasons)}`, evidence);
  }
  return judged(true, `${OPERATION_NAMES.length} operations, all refused`, evidence);
}

/** Returns operations by the packet sockets on which nothing refuses them. */
function describeRemaining(remaining: readonly PlacedPrediction[]): string[] {
  const columnsOf = [...Map.groupBy(remaining, ({ name }) => name)].map(([name, places]) => ({
    name,
    columns: places.map(({ column }) => column).filter((column) => column !== PROCESS).join(", "),
  }));
  return [...Map.groupBy(columnsOf, ({ columns }) => columns)].map(([columns, operations]) =>
    named(operations.map(({ name }) => name)) + (columns === "" ? "" : ` (${columns})`)
  );
}

const NOT_PREDICTED: Prediction = { outcome: CANNOT_TELL, wall: null, reason: "not predicted" };

type PlacedPrediction = Prediction & { readonly name: OperationName; readonly column: string };

const isOpen = ({ outcome }: Prediction) => outcome === CANNOT_TELL;

/** Whether nothing refuses the operation. `no effect` is a success that changes nothing. */
const remains = ({ outcome, wall }: Prediction) =>
  outcome === "allowed" || outcome !== CANNOT_TELL && outcome !== "no effect" && wall === null;

const place = ({ name, column, outcome, wall, reason }: PlacedPrediction) => ({
  operation: name,
  column,
  outcome,
  wall,
  reason,
});

/** INSP-10: the protections behind the filters are in place. */
export function judgeSecondLine({ daemon, sockets, asked }: Subject): Finding {
  const threads = everyThread(daemon.threads, asked?.threads);
  const bounded = threads.filter(({ capabilities }) => !/^0+$/.test(capabilities.CapBnd));
  const { dumpable } = daemon.shown;
  const missing = [
    ...sockets.filter(({ isLocked }) => !isLocked).map(({ fd }) =>
      `the filter of fd ${fd} is not locked`
    ),
    ...sockets.filter(({ isPinned }) => isPinned === false).map(({ fd }) =>
      `fd ${fd} is in no fanout group`
    ),
    ...dumpable === true ? ["it is dumpable"] : [],
    ...bounded.length > 0
      ? [`the bounding set is not empty on ${whichThreads(bounded, threads)}`]
      : [],
  ];
  const evidence = {
    sockets: sockets.map(({ fd, isLocked, isPinned }) => ({ fd, isLocked, isPinned })),
    dumpable,
    bounding_sets: groupAlike(threads, ({ capabilities }) => capabilities.CapBnd),
  };
  if (missing.length > 0) return judged(false, joined(missing), evidence);
  if (threads.length === 0) return skipped("no thread was seen");
  if (dumpable === null) return skipped("whether it is dumpable cannot be read", evidence);
  const unknown = sockets.filter(({ isPinned }) => isPinned === undefined).map(({ fd }) => fd);
  if (unknown.length > 0) {
    return skipped(
      `whether fd ${unknown.join(", ")} is in a fanout group cannot be read`,
      evidence,
    );
  }
  return judged(
    true,
    "filters locked, in fanout groups, not dumpable, bounding set empty",
    evidence,
  );
}
