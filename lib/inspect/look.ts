/**
 * One look at a stopped child: its threads, its descriptors, its footholds, and the kernel's
 * answers to questions put in its threads.
 *
 * @module
 */

import { readTextFile } from "../../ffi/process/file.ts";
import { openDescriptors } from "../../ffi/process/proc.ts";
import { ExperimentError } from "../evidence/errors.ts";
import { examineDescriptors, type SeenDescriptor } from "./descriptors/descriptors.ts";
import {
  type Expected,
  terminals,
  threadsElsewhere,
  unexpectedDescriptors,
  unexpectedMappings,
} from "./footholds.ts";
import { foreignMappings } from "./descriptors/mappings.ts";
import { linksOfPacketSockets, linksWithoutHolder } from "./sockets/packet_sockets.ts";
import { askEverything, askForPacketSocket, type ThreadAnswers } from "./asking/questions.ts";
import { StoppedProcesses } from "./asking/stopped.ts";
import { parseStatus, type ThreadCredentials, threadCredentials } from "./threads/threads.ts";

/** A child that can be looked at. */
export interface Inspected {
  readonly pid: number;
  /** Lists its process and every process that it has started. */
  processes(): readonly number[];
}

/** The expectations and the questions of a look. */
export interface LookOptions {
  readonly expected: Expected;
  /**
   * The links of the packet sockets that existed before the child. Other processes hold them, some
   * of which may not be visible.
   */
  readonly foreign: ReadonlySet<string>;
  /**
   * `packet-socket` asks whether the child's first thread can create a packet socket. `everything`
   * puts every question to every thread.
   */
  readonly ask?: "nothing" | "packet-socket" | "everything";
  /** Called while the child is stopped, before the questions. */
  readonly meanwhile?: () => void;
}

/** The result of a look. */
export interface View {
  readonly processes: readonly number[];
  readonly threads: readonly ThreadCredentials[];
  readonly descriptors: readonly SeenDescriptor[];
  /** The footholds found, in words. None is expected. */
  readonly footholds: readonly string[];
  /** The links of the packet sockets that the child holds, or that no process shows. */
  readonly packetSockets: readonly string[];
  /**
   * The errno of creating a packet socket in the child's first thread, 0 for success; null if it
   * was not asked.
   */
  readonly control: number | null;
  readonly answers: readonly ThreadAnswers[];
  /** How long the questions took, in milliseconds. */
  readonly questioned: number;
}

/**
 * Stops a child, looks at it, asks its threads, and lets it continue.
 *
 * @throws {SystemError} `EPERM` or `EACCES` without permission to look; `ESRCH` or `ENOENT` if the
 * child is gone.
 * @throws {CannotLook} If packet sockets cannot be listed.
 * @throws {ExperimentError} If there is too much to look at, or the child's first thread has ended.
 */
export function look(child: Inspected, options: LookOptions): View {
  const { expected, foreign, ask = "nothing", meanwhile } = options;
  using stopped = new StoppedProcesses(() => child.processes());
  const { pid } = child;
  const first = stopped.threads.get(pid);
  if (first === undefined) throw new ExperimentError("The child's first thread has ended");

  const table = linksOfPacketSockets();
  const ownLinks = new Set(openDescriptors("self").values());
  const descriptors = examineDescriptors(pid, { packetSockets: table, ownLinks });
  const shown = new Set(descriptors.map(({ refersTo }) => refersTo));
  const unaccounted = [...table].filter((link) =>
    !shown.has(link) && !ownLinks.has(link) && !foreign.has(link)
  );
  const hidden = linksWithoutHolder(unaccounted, [Deno.pid, ...stopped.processes]);
  const threads = stopped.processes.flatMap((each) => threadCredentials(each));
  meanwhile?.();

  const began = performance.now();
  const inherited = parseStatus(Deno.pid, readTextFile("/proc/self/status")).filters ?? 0;
  const control = ask === "packet-socket" ? askForPacketSocket(first, true) : null;
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
    ...unexpectedMappings(foreignMappings(pid), expected),
    ...terminals(pid),
    ...[...stopped.ringThreads].map((tid) => `the kernel thread ${tid} of an io_uring`),
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
