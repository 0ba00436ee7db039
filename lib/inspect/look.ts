/**
 * One look at a child, while it stands still: its threads, its descriptors, its footholds, and the kernel's answers
 * to what it might try.
 *
 * @module
 */

import { readTextFile } from "../../ffi/process/file.ts";
import { openDescriptors } from "../../ffi/process/proc.ts";
import { ExperimentError } from "../evidence/errors.ts";
import { seeDescriptors, type SeenDescriptor } from "./descriptors.ts";
import {
  type Expected,
  terminals,
  threadsElsewhere,
  unexpectedDescriptors,
  unexpectedMappings,
} from "./footholds.ts";
import { mappingsOfOthers } from "./mappings.ts";
import { heldByNobody, linksOfPacketSockets } from "./packet_sockets.ts";
import { askEverything, askForPacketSocket, type ThreadAnswers } from "./questions.ts";
import { StoppedChild } from "./stopped.ts";
import { parseStatus, type ThreadCredentials, threadCredentials } from "./threads.ts";

/** A child as it can be looked at. */
export interface Inspected {
  readonly pid: number;
  /** Lists its process and all that it has started. */
  processes(): readonly number[];
}

/** What is looked for, beside its threads and descriptors. */
export interface LookOptions {
  readonly expected: Expected;
  /** The links of the packet sockets that were there before the child, held by others, some of whom may be out of sight. */
  readonly foreign: ReadonlySet<string>;
  /** `packet-socket`: its first thread is asked whether it can create one. `everything`: each thread, everything. */
  readonly ask?: "nothing" | "packet-socket" | "everything";
  /** Called while the child stands still, before it is asked. */
  readonly meanwhile?: () => void;
}

/** What was seen. */
export interface View {
  readonly processes: readonly number[];
  readonly threads: readonly ThreadCredentials[];
  readonly descriptors: readonly SeenDescriptor[];
  /** In words; none is expected. */
  readonly footholds: readonly string[];
  /** The packet sockets that the child holds, or that nobody shows, by their links. */
  readonly packetSockets: readonly string[];
  /** Whether its first thread could create a packet socket: the errno, 0 for success; null if it was not asked. */
  readonly control: number | null;
  readonly answers: readonly ThreadAnswers[];
  /** How long the questions took, in milliseconds. */
  readonly questioned: number;
}

/**
 * Stops a child, looks, asks, and lets it go on.
 *
 * @throws {SystemError} `EPERM`, `EACCES` where it may not be looked at; `ESRCH`, `ENOENT` if it is gone.
 * @throws {ExperimentError} If there is too much to look at, or the child has ended.
 */
export function look(child: Inspected, options: LookOptions): View {
  const { expected, foreign, ask = "nothing", meanwhile } = options;
  using stopped = new StoppedChild(() => child.processes());
  const { pid } = child;
  const first = stopped.threads.get(pid);
  if (first === undefined) throw new ExperimentError("The child's first thread has ended");

  const table = linksOfPacketSockets();
  const ownLinks = new Set(openDescriptors("self").values());
  const descriptors = seeDescriptors(pid, { packetSockets: table, ownLinks });
  const shown = new Set(descriptors.map(({ refersTo }) => refersTo));
  const unaccounted = [...table].filter((link) =>
    !shown.has(link) && !ownLinks.has(link) && !foreign.has(link)
  );
  const hidden = heldByNobody(unaccounted, [Deno.pid, ...stopped.processes]);
  const threads = stopped.processes.flatMap((each) => threadCredentials(each));
  meanwhile?.();

  const began = performance.now();
  const inherited = parseStatus(Deno.pid, readTextFile("/proc/self/status")).filters ?? 0;
  const control = ask === "packet-socket" ? askForPacketSocket(first) : null;
  const answers = ask === "everything"
    ? [...stopped.threads.values()].map((thread) => {
      const credentials = threads.find(({ tid }) => tid === thread.tid);
      const isFiltered = (credentials?.filters ?? credentials?.seccomp ?? 0) > inherited;
      return askEverything(thread, isFiltered);
    })
    : [];
  const questioned = performance.now() - began;

  const footholds = [
    ...stopped.processes.filter((each) => each !== pid).map((each) => `process ${each}`),
    ...threadsElsewhere(pid, expected),
    ...unexpectedDescriptors(descriptors, expected),
    ...hidden.map((link) => `packet socket ${link}, which no process shows`),
    ...unexpectedMappings(mappingsOfOthers(pid), expected),
    ...terminals(pid),
    ...[...stopped.ringThreads].map((tid) => `the kernel's thread ${tid} of an io_uring`),
    ...expected.ring
      ? []
      : answers.filter(({ usedRing }) => usedRing).map(({ tid }) =>
        `thread ${tid} used an io_uring`
      ),
  ];
  const held = descriptors.filter(({ kind }) => kind === "packet").map(({ refersTo }) => refersTo);
  return {
    processes: stopped.processes,
    threads,
    descriptors,
    footholds,
    packetSockets: [...held, ...hidden],
    control,
    answers,
    questioned,
  };
}
