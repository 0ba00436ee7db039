/**
 * The descriptors of a process, as the rules need them. A hostile process may have hundreds of
 * thousands, so they are counted once, and looked at up to a limit.
 *
 * @module
 */

import { escapeText } from "../../evidence/escape.ts";
import type { InspectedDescriptor } from "../../evidence/inspected.ts";
import type { SeenDaemon } from "../subject.ts";

/** The most descriptors that a rule looks at one by one. */
export const DESCRIPTOR_LIMIT = 1000;

/** The most characters of a link in a remark. */
const REMARK = 60;

/** Facts about the descriptors of a process. */
export interface Table {
  /** A number that no descriptor has. */
  readonly next: number;
  /** Returns how many numbers below a limit are taken in the table of the process. */
  takenBelow(limit: number): number;
  /** Pipes, up to the limit. */
  readonly pipes: readonly InspectedDescriptor[];
  /** The first one of an eBPF program; undefined if there is none. */
  readonly program: InspectedDescriptor | undefined;
  /** Descriptors that are open for writing and lead out of the process, up to the limit. */
  readonly forgotten: readonly Forgotten[];
  /** Whether the limit left something out. */
  readonly isCut: boolean;
}

/** A descriptor that is open for writing, as far as anyone may have forgotten it. */
export interface Forgotten {
  readonly fd: number;
  /** Its link on one line, cut. */
  readonly refersTo: string;
  /** Why it may be harmless; undefined if it is not. */
  readonly doubt: string | undefined;
}

const tables = new WeakMap<SeenDaemon, Table>();

/** Returns the facts about the descriptors of a process. */
export function tableOf(daemon: SeenDaemon): Table {
  return tables.getOrInsertComputed(daemon, () => examine(daemon.descriptors));
}

function examine(descriptors: readonly InspectedDescriptor[]): Table {
  const own = descriptors.filter(({ tids }) => tids.length === 0).map(({ fd }) => fd);
  const taken = new Map<number, number>();
  const pipes = descriptors.filter(({ refers_to }) => refers_to.startsWith("pipe:"));
  const forgotten = forgottenAmong(descriptors);
  return {
    next: descriptors.reduce((most, { fd }) => Math.max(most, fd), 2) + 1,
    takenBelow: (limit) =>
      taken.getOrInsertComputed(limit, () => own.filter((fd) => fd < limit).length),
    pipes: pipes.slice(0, DESCRIPTOR_LIMIT),
    program: descriptors.find(({ refers_to }) => refers_to === "anon_inode:bpf-prog"),
    forgotten: forgotten.slice(0, DESCRIPTOR_LIMIT),
    isCut: pipes.length > DESCRIPTOR_LIMIT || forgotten.length > DESCRIPTOR_LIMIT,
  };
}

/** Whether a descriptor is open for writing. */
export const isWritable = ({ access }: InspectedDescriptor): boolean =>
  access === "write" || access === "read and write";

/** Whether a descriptor is open for reading. */
export const isReadable = ({ access }: InspectedDescriptor): boolean =>
  access === "read" || access === "read and write";

/**
 * Returns the descriptors that are open for writing and lead out of the process: files, and pipes
 * that are not its standard output. A pipe of which it also holds the other end may be its own.
 */
function forgottenAmong(descriptors: readonly InspectedDescriptor[]): Forgotten[] {
  const standard = descriptors.filter(({ fd }) => fd <= 2).map(({ refers_to }) => refers_to);
  const read = new Set(descriptors.filter(isReadable).map(({ refers_to }) => refers_to));
  return descriptors
    .filter((descriptor) => descriptor.fd > 2 && isWritable(descriptor))
    .filter(({ refers_to }) => !standard.includes(refers_to) && refers_to !== "/dev/null")
    .flatMap(({ fd, refers_to }): Forgotten[] => {
      const of = { fd, refersTo: escapeText(refers_to).slice(0, REMARK) };
      if (refers_to.startsWith("/memfd:")) {
        return [{ ...of, doubt: `descriptor ${fd} is memory that others may share` }];
      }
      if (refers_to.startsWith("/")) return [{ ...of, doubt: undefined }];
      if (!refers_to.startsWith("pipe:")) return [];
      const doubt = `descriptor ${fd} may be a pipe of its own`;
      return [{ ...of, doubt: read.has(refers_to) ? doubt : undefined }];
    });
}
