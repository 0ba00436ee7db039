/**
 * What shows of a process without a look at its sockets, for the tests of that look: its
 * descriptors, those of threads with a table of their own, and its rings.
 *
 * @module
 */

import { openDescriptors, readTextFile, sharesDescriptors } from "../../../ffi/mod.ts";
import type { InspectedDescriptor } from "../../../lib/evidence/inspected.ts";
import type { SeenDaemon, SeenRing } from "../../../lib/inspect/subject.ts";
import { threadIds } from "../../../lib/inspect/threads.ts";

/** Returns the descriptors and the rings of a process; the rest is empty. */
export function seen(pid: number): SeenDaemon {
  const others = threadIds(pid).filter((tid) => tid !== pid && !sharesDescriptors(pid, tid));
  const descriptors = [
    ...descriptorsIn(pid, []),
    ...others.flatMap((tid) => descriptorsIn(`${pid}/task/${tid}`, [tid])),
  ];
  return {
    pid,
    shown: {
      pid,
      name: "",
      executable: null,
      command: [],
      parent: null,
      session: 0,
      threads: [],
      differences: [],
      namespaces: [],
      root: null,
      dumpable: null,
      wx_mappings: null,
      descriptors,
      descriptors_left_out: 0,
      unseen: [],
    },
    threads: [],
    netRaw: new Map(),
    descriptorLimit: undefined,
    rings: descriptors.filter(({ refers_to }) => refers_to === "anon_inode:[io_uring]").map(
      ({ fd }) => ringOf(pid, fd),
    ),
    descriptors,
    mapped: [],
    siblings: { dumpable: [], undumpable: [] },
  };
}

function descriptorsIn(process: number | string, tids: readonly number[]): InspectedDescriptor[] {
  return [...openDescriptors(process as number)].map(([fd, refers_to]) => {
    const info = readTextFile(`/proc/${process}/fdinfo/${fd}`);
    const flags = parseInt(info.match(/^flags:\s*(\d+)$/m)![1], 8);
    const access = (flags & 0o10000000) !== 0 ? "path" : "read and write";
    return { fd, refers_to, access, note: "", tids };
  });
}

function ringOf(pid: number, fd: number): SeenRing {
  const info = readTextFile(`/proc/${pid}/fdinfo/${fd}`);
  const files = [...info.matchAll(/^\s*\d+: (socket:\[\d+\])$/gm)].map(([, link]) => link);
  return { fd, files, personalities: [], pollingThread: undefined };
}
