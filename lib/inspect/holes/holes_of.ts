/**
 * The known holes of a kernel, and whether a process can reach them.
 *
 * Theory of operation. A status rests on the version alone: `fixed` and `not affected` only if the
 * record says so of that version, `open` only of a kernel of kernel.org, or of an unknown builder.
 * Whether a hole can be reached rests on the predicted matrix. `false` is a promise, so everything
 * that cannot be seen makes it `null`: an option that somebody may have set before, a packet socket
 * that is hidden, a socket that the process can still get, and an io_uring, which sets options of
 * sockets behind a filter of system calls (since Linux 6.7). A process that may make a user
 * namespace gets a packet socket in a network namespace of its own, with every capability over it.
 *
 * @module
 */

import type { InspectedHole } from "../../evidence/inspected.ts";
import type { OperationName } from "../../evidence/operations.ts";
import { compareSeries, describeVersion, type Kernel, type Version } from "./kernel_version.ts";
import { type AffectedVersions, KNOWN_HOLES, type KnownHole, operationsOf } from "./known_holes.ts";
import { columnOf, type PredictedMatrix, PROCESS } from "../prediction/predict.ts";
import { ALLOWED } from "../prediction/rule.ts";
import { CANNOT_TELL, type SeenSockets, type SocketState } from "../subject.ts";

/** All that decides which holes a process can reach. */
export interface Reach {
  readonly predictions: PredictedMatrix;
  readonly sockets: Pick<SeenSockets, "states" | "shown" | "hidden" | "missing">;
}

/** Returns every known hole, with its status in a kernel, and whether a process can reach it. */
export function holesOf(
  kernel: Kernel,
  reach: Reach,
  holes: readonly KnownHole[] = KNOWN_HOLES,
): InspectedHole[] {
  return holes.map((hole) => {
    const { status, why } = statusOf(kernel, hole.versions);
    const { takes, touchedBy } = hole;
    const sentences = [
      why,
      takes === null ? [] : `it takes ${takes}`,
      touchedBy === null
        ? []
        : `the protection ${touchedBy.protection} touches it: ${touchedBy.how}`,
    ];
    return {
      cve: hole.cve,
      function: hole.function,
      operations: operationsOf(hole),
      status,
      reason: sentences.flat().join("; "),
      reachable: isReachable(hole, reach),
      source: hole.source,
    };
  });
}

/** The status of a hole, and why. */
export interface HoleStatus {
  readonly status: InspectedHole["status"];
  readonly why: string;
}

/** Returns the status of a hole in a kernel, by its version alone. */
export function statusOf({ version, distribution }: Kernel, hole: AffectedVersions): HoleStatus {
  if (version === undefined) {
    return { status: "cannot tell", why: "the release does not begin with a version of Linux" };
  }
  const byVersion = statusOfVersion(version, hole);
  if (distribution === undefined || byVersion.status === "fixed") return byVersion;
  const { name, howToFindOut } = distribution;
  return {
    status: "cannot tell",
    why: `${name} adds fixes and features to ${describeVersion(version)}: ${howToFindOut}`,
  };
}

function statusOfVersion(version: Version, hole: AffectedVersions): HoleStatus {
  const { series, patch, isCandidate } = version;
  const { introduced, mainline } = hole;
  const ours = describeVersion(version);
  const releases = hole.series[series];
  if (isCandidate && (series === mainline || series === introduced || releases !== undefined)) {
    return { status: "cannot tell", why: `${ours} is a release candidate` };
  }
  if (releases !== undefined) {
    const { from, fixed } = typeof releases === "number" ? { from: 0, fixed: releases } : releases;
    if (patch < from) return { status: "not affected", why: `${series}.${from} introduced it` };
    if (fixed === null) return { status: "open", why: `the series ${series} never got the fix` };
    return patch < fixed
      ? { status: "open", why: `${series}.${fixed} has the fix, and this is ${ours}` }
      : { status: "fixed", why: `${series}.${fixed} has the fix` };
  }
  if (compareSeries(series, mainline) >= 0) {
    return { status: "fixed", why: `${mainline} has the fix` };
  }
  if (introduced === null) {
    return { status: "cannot tell", why: `its record says nothing of the series ${series}` };
  }
  return compareSeries(series, introduced) < 0
    ? { status: "not affected", why: `${introduced} introduced it` }
    : { status: "open", why: `its record names no fix in the series ${series}` };
}

/** Whether something is so; null if that cannot be told. */
type Answer = boolean | null;

const all = (...answers: readonly Answer[]): Answer =>
  answers.includes(false) ? false : answers.includes(null) ? null : true;

const any = (...answers: readonly Answer[]): Answer =>
  answers.includes(true) ? true : answers.includes(null) ? null : false;

/** Returns whether a process can reach a hole; null if that cannot be told. */
export function isReachable(hole: KnownHole, reach: Reach): Answer {
  const columns = [...reach.predictions.get("packet-socket")?.keys() ?? []];
  const reached = any(...columns.map((column) => isReachableBy(column, hole, reach)));
  const { hidden, missing } = reach.sockets;
  const mayHoldOthers = hidden.length > 0 || missing.length > 0 || columns.length === 0;
  return reached === false && mayHoldOthers ? null : reached;
}

/** Returns whether a hole can be reached by the socket of a column of the matrix. */
function isReachableBy(column: string, hole: KnownHole, reach: Reach): Answer {
  const { setup, trigger, type } = hole;
  const isNew = column === PROCESS;
  const socket = reach.sockets.states.find((each) => columnOf(each) === column);
  const another = mayGetAnother(column, reach);
  const may = (name: OperationName) => mayDo(name, column, reach);
  const isSet = (name: OperationName) => isNew ? false : isDone(name, socket, reach);
  const isOfType = type === null || isNew || socket?.type === type
    ? true
    : socket === undefined || another !== false
    ? null
    : false;
  return all(
    isNew ? another : true,
    isOfType,
    ...setup.map((name) => any(may(name), isSet(name))),
    typeof trigger === "string" ? true : any(...trigger.map(may)),
  );
}

/** Returns whether an operation is predicted to be allowed. */
function outcomeOf(name: OperationName, column: string, { predictions }: Reach): Answer {
  const outcome = predictions.get(name)?.get(column)?.outcome ?? CANNOT_TELL;
  if (outcome === ALLOWED.outcome) return true;
  return outcome === CANNOT_TELL || outcome === "no effect" ? null : false;
}

/** Operations that make a packet socket, and those that may get at one of another process. */
const MAKING = ["packet-socket", "user-namespace", "user-namespace-program"] as const;
const TAKING = ["take-sibling-socket", "trace-sibling"] as const;

/** Returns whether a process can get a packet socket besides those that it holds. */
function mayGetAnother(column: string, reach: Reach): Answer {
  const outcome = (name: OperationName) => outcomeOf(name, column, reach);
  return any(
    ...MAKING.map(outcome),
    ...TAKING.map((name) => outcome(name) === false ? false : null),
  );
}

/** Like {@linkcode outcomeOf}, with the ways around a refusal that the matrix does not show. */
function mayDo(name: OperationName, column: string, reach: Reach): Answer {
  const outcome = outcomeOf(name, column, reach);
  if (outcome !== false) return outcome;
  const wall = reach.predictions.get(name)?.get(column)?.wall ?? null;
  const isAnotherPossible = mayGetAnother(column, reach) !== false;
  const isRingPossible = outcomeOf("io-uring-send", column, reach) !== false;
  if (isAnotherPossible && wall !== "credential") return null;
  return wall === "filter" && isRingPossible ? null : false;
}

/** Returns whether an operation has been done to a socket; undefined is a socket not seen. */
function isDone(
  name: OperationName,
  socket: SocketState | undefined,
  { sockets }: Reach,
): Answer {
  switch (name) {
    case "rx-ring":
      return socket?.rings?.includes("rx") ?? null;
    case "tx-ring":
      return socket?.rings?.includes("tx") ?? null;
    case "fanout-join":
      return socket?.isPinned ?? null;
    case "vnet-hdr":
      return sockets.shown.find(({ link }) => link === socket?.link)?.vnet_hdr ?? null;
    default:
      return null;
  }
}
