/**
 * The footholds of a child: everything that could act with root's credentials, or recover a packet
 * socket, although every thread of the child is unprivileged.
 *
 * A foothold is one of these:
 *   - another process, which may still be root;
 *   - a thread in another namespace, or with another descriptor table, working folder or root
 *     folder;
 *   - an io_uring, which may act with the credentials of its creator, found by its descriptor,
 *     mapping, registration or kernel thread;
 *   - a descriptor that neither the parent passed nor the runtime needs: opened as root, it stays
 *     root's;
 *   - a descriptor in flight in one of the child's own queues;
 *   - a packet socket that the namespace lists and no process shows;
 *   - a shared mapping, and a terminal.
 *
 * @module
 */

import { readLink, readTextFile } from "../../ffi/process/file.ts";
import { sharesDescriptors } from "../../ffi/process/kcmp.ts";
import { unlessGone } from "../../ffi/process/proc.ts";
import { type DescriptorKind, type SeenDescriptor } from "./descriptors/descriptors.ts";
import { statFields } from "./processes/stat_fields.ts";
import { threadIds } from "./threads/threads.ts";

/** The descriptors, ring and folder that the child may hold. */
export interface Expected {
  /** The link of the passed socket; undefined before it is passed. */
  readonly passed?: string | undefined;
  /** The link of the connected UDP socket, if the child was also passed one. */
  readonly egress?: string | undefined;
  /** Whether the child receives by an io_uring of its own. */
  readonly ring: boolean;
  /** The working folder in which it was started. */
  readonly folder: string;
  /** The link of the mount namespace in which it was started; `undefined` for the parent's. */
  readonly mountNamespace?: string | undefined;
}

const ALWAYS_EXPECTED: readonly DescriptorKind[] = [
  "null",
  "output",
  "eventpoll",
  "eventfd",
  "channel",
  "pair",
];

/** Returns the descriptors that the child should not have, in words. */
export function unexpectedDescriptors(
  descriptors: readonly SeenDescriptor[],
  { passed, egress, ring }: Expected,
): string[] {
  const isExpected = ({ kind, refersTo }: SeenDescriptor) =>
    ALWAYS_EXPECTED.includes(kind) || refersTo === passed || refersTo === egress ||
    ring && kind === "io_uring";
  return descriptors.flatMap((descriptor) => {
    const { fd, refersTo, kind, inFlight } = descriptor;
    const words = kind === "unknown" ? refersTo : `${refersTo}, ${kind}`;
    return [
      ...isExpected(descriptor) ? [] : [`descriptor ${fd} (${words})`],
      ...inFlight === 0 ? [] : [`${inFlight} in flight in descriptor ${fd} (${refersTo})`],
    ];
  });
}

/** Returns the shared mappings that the child should not have, in words. */
export function unexpectedMappings(
  mappings: readonly string[],
  { passed, ring }: Expected,
): string[] {
  return mappings
    .filter((path) => path !== passed && !(ring && path === "anon_inode:[io_uring]"))
    .map((path) => `${path} is mapped`);
}

/** The namespaces in which a thread could have privileges of its own. */
const NAMESPACES = ["net", "user", "mnt"] as const;

/**
 * Returns, in words, the threads whose namespaces or folders are not those of the start, and those
 * that do not share the descriptor table of the child's first thread.
 */
export function threadsElsewhere(pid: number, { folder, mountNamespace }: Expected): string[] {
  const here = Object.fromEntries(
    NAMESPACES.map((kind) => [`ns/${kind}`, readLink(`/proc/self/ns/${kind}`)]),
  );
  const wanted = {
    ...here,
    ...mountNamespace === undefined ? {} : { "ns/mnt": mountNamespace },
    cwd: folder,
    root: readLink("/proc/self/root"),
  };
  return threadIds(pid).flatMap((tid) => [
    ...Object.entries(wanted).flatMap(([name, link]) => {
      const found = unlessGone(() => readLink(`/proc/${pid}/task/${tid}/${name}`));
      return found === undefined || found === link ? [] : [`thread ${tid}: ${name} is ${found}`];
    }),
    ...sharesDescriptors(pid, tid) ? [] : [`thread ${tid} has descriptors of its own`],
  ]);
}

/** Returns the terminal of a process, in words. Source: proc_pid_stat(5), `tty_nr`. */
export function terminals(pid: number): string[] {
  const [, , , , terminal] = statFields(readTextFile(`/proc/${pid}/stat`));
  return terminal === "0" ? [] : [`a terminal (device ${terminal})`];
}
