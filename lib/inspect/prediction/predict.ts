/**
 * The authority matrix of a process, predicted without an attack.
 *
 * A prediction is about the authority of the process alone. It is made for each kind of thread, and
 * the one that may do most counts. Three principles decide what cannot be seen:
 *
 * - A filter can only take away. What the kernel refuses anyway is refused, also behind a filter
 *   whose content is unknown; only the errno may be another.
 * - What would be allowed is {@linkcode CANNOT_TELL} behind such a filter, and where another
 *   process answers for the filter.
 * - A filter sees numbers and arguments. A call passes if one of the forms in which a process can
 *   make it passes; the forms that are tried are those of `calls.ts` and of the rules.
 *
 * @module
 */

import {
  type OPERATION_CATALOGUE,
  OPERATION_NAMES,
  type OperationName,
} from "../../evidence/operations.ts";
import {
  type AskedThread,
  CANNOT_TELL,
  type Prediction,
  type SocketState,
  type Subject,
} from "../subject.ts";
import type { ThreadCredentials } from "../threads/threads.ts";
import { DESCRIPTOR_RULES } from "./descriptors.ts";
import { filtersOf, MOST_STEPS } from "./filter_wall.ts";
import { most, predictFor } from "./follow.ts";
import { KERNEL_INTERFACE_RULES } from "./kernel_interfaces.ts";
import { PACKET_SOCKET_RULES } from "./packet_socket.ts";
import { PROCESS_RULES } from "./processes.ts";
import { PROGRAM_RULES } from "./programs.ts";
import { ALLOWED, cannotTell, refused, type Rule, type SubjectThread } from "./rule.ts";
import { seeSurroundings, type Surroundings } from "./surroundings.ts";

const RULES: { readonly [name in keyof typeof OPERATION_CATALOGUE]: Rule } = {
  ...PACKET_SOCKET_RULES,
  ...DESCRIPTOR_RULES,
  ...PROGRAM_RULES,
  ...KERNEL_INTERFACE_RULES,
  ...PROCESS_RULES,
};

/** The predictions for each operation, by the name of the column. */
export type PredictedMatrix = ReadonlyMap<OperationName, ReadonlyMap<string, Prediction>>;

/** The column of a process without a packet socket. */
export const PROCESS = "process";
/** The column of the packet sockets beyond {@linkcode SOCKET_LIMIT}. */
export const OTHERS = "others";

/** Returns the column of a packet socket. */
export const columnOf = ({ fd }: SocketState): string => `fd ${fd}`;

/** The most packet sockets with a column each, and the most kinds of threads that are examined. */
export const SOCKET_LIMIT = 16, KIND_LIMIT = 16;

/**
 * Predicts the outcome of every operation for every packet socket of a process.
 *
 * @returns A column for each packet socket, `fd N` with its lowest number; {@linkcode PROCESS} if
 * there is none; {@linkcode OTHERS} if there are too many.
 */
export function predict(
  subject: Subject,
  surroundings: Surroundings = seeSurroundings(subject.daemon),
): PredictedMatrix {
  const threads = threadsOf(subject, surroundings);
  const { daemon, asked } = subject;
  const predictOn = (name: OperationName, socket: SocketState) => {
    const found = threads.kinds.map((thread) =>
      predictFor(RULES[name], { thread, socket, daemon, asked, surroundings })
    );
    return most(threads.missing === undefined ? found : [...found, cannotTell(threads.missing)]);
  };
  return new Map(
    OPERATION_NAMES.map((name) => [name, new Map(columnsOf(subject, name, predictOn))]),
  );
}

const TOO_MANY_KINDS = `it has more than ${KIND_LIMIT} kinds of threads`;

type PredictOn = (name: OperationName, socket: SocketState) => Prediction;

function columnsOf(
  { sockets }: Subject,
  name: OperationName,
  predictOn: PredictOn,
): [column: string, prediction: Prediction][] {
  if (sockets.length === 0) return [[PROCESS, withoutSocket(name, predictOn)]];
  const shown = sockets.slice(0, SOCKET_LIMIT).map((socket): [string, Prediction] => [
    columnOf(socket),
    predictOn(name, socket),
  ]);
  const left = sockets.length - shown.length;
  return left === 0 ? shown : [...shown, [OTHERS, cannotTell(`${left} more packet sockets`)]];
}

/** A packet socket that a process has just made, at a number of its own. */
const NEW_SOCKET: SocketState = {
  link: "",
  fd: 3,
  fds: [3],
  type: "SOCK_RAW",
  ifindex: 0,
  protocol: 0,
  filter: new Uint8Array(),
  isLocked: false,
  isPinned: false,
  rings: [],
  mark: 0,
  stampsFrames: false,
  isInOwnNamespace: true,
};

/** Without a packet socket, a process needs to make one first. */
function withoutSocket(name: OperationName, predictOn: PredictOn): Prediction {
  const onNew = predictOn(name, NEW_SOCKET);
  if (!RULES[name].needsSocket) return onNew;
  const first = predictOn("packet-socket", NEW_SOCKET);
  if (first.outcome === ALLOWED.outcome) return onNew;
  return first.outcome === CANNOT_TELL
    ? first
    : refused("EBADF", "kernel", "it holds no packet socket");
}

/** The kinds of threads of a process. */
interface Threads {
  readonly kinds: readonly SubjectThread[];
  /** Why there may be others; undefined if these are all. */
  readonly missing: string | undefined;
}

/** Threads of the kernel make no system calls; the rules for rings look at them. */
function threadsOf({ daemon, asked }: Subject, { kernelThreads, abis }: Surroundings): Threads {
  const stopped = new Map(asked?.threads.map((thread) => [thread.tid, thread]));
  const budget = { steps: MOST_STEPS };
  const all = stopped.size > 0
    ? [...stopped.values()].map(({ credentials }) => credentials)
    : daemon.threads;
  const own = all.filter(({ tid }) => !kernelThreads.includes(tid));
  const kinds: { readonly like: ThreadCredentials; readonly asked: AskedThread | undefined }[] = [];
  for (const like of own) {
    const of = { like, asked: stopped.get(like.tid) };
    const netRaw = daemon.netRaw.get(like.tid);
    const isAlike = (kind: typeof of) =>
      netRaw === daemon.netRaw.get(kind.like.tid) && areAlike(kind, of);
    if (kinds.some(isAlike)) continue;
    if (kinds.length === KIND_LIMIT) {
      return { kinds: kinds.map(toThread), missing: TOO_MANY_KINDS };
    }
    kinds.push(of);
  }
  const missing = kinds.length === 0
    ? "none of its threads was seen"
    : stopped.size === 0 && daemon.unseenThreads.length > 0
    ? "not all of its threads were seen"
    : whoElse(daemon);
  return { kinds: kinds.map(toThread), missing };

  function toThread({ like, asked }: typeof kinds[number]): SubjectThread {
    const isFiltered = (asked?.filters.length ?? 0) > 0;
    return {
      credentials: like,
      filters: filtersOf(like, asked, abis, budget),
      netRaw: daemon.netRaw.get(like.tid),
      answers: (isFiltered ? asked?.beneath : asked?.asItIs) ?? {},
    };
  }
}

/** Returns which other process acts as a thread of it does; undefined if none does. */
function whoElse({ sharers: [sharer] }: Subject["daemon"]): string | undefined {
  return sharer &&
    `process ${sharer.pid} shares its memory or its descriptors, as a thread does`;
}

function areAlike(
  one: { readonly like: ThreadCredentials; readonly asked: AskedThread | undefined },
  other: typeof one,
): boolean {
  const facts = ({ like: { tid: _, ...seen }, asked }: typeof one) =>
    JSON.stringify([seen, asked?.asItIs, asked?.beneath]);
  const filters = one.asked?.filters ?? [], others = other.asked?.filters ?? [];
  return facts(one) === facts(other) && filters.length === others.length &&
    filters.every((filter, i) => areEqual(filter, others[i]));
}

/** Threads that were asked together share the programs that are equal, however long they are. */
function areEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one === other ||
    one.length === other.length && one.every((byte, i) => byte === other[i]);
}
