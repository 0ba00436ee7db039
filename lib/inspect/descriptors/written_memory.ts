/**
 * Descriptors by which a process may write the memory of another one, or answer for the kernel:
 *
 * - `/proc/PID/mem`. The kernel asks for permission when it is opened, as for ptrace(2), and not
 *   when it is written. So one that was opened by root controls a process of root's even after the
 *   drop: proc_pid_mem(5).
 * - userfaultfd(2), which fills the memory of the process that made it.
 * - A descriptor of seccomp_unotify(2), which answers the calls of the processes with the filter.
 *
 * @module
 */

import { AT_EMPTY_PATH } from "../../../ffi/abi/constants.ts";
import { SystemError } from "../../../ffi/abi/errno.ts";
import { rawSyscall } from "../../../ffi/abi/raw_syscall.ts";
import { copyDescriptorOf, openProcess, openThread } from "../../../ffi/process/pidfd.ts";
import { readBeginning } from "../../../ffi/process/file.ts";
import { unlessGone } from "../../../ffi/process/proc.ts";
import { type InspectedDescriptor, TEXT_LIMIT } from "../../evidence/inspected.ts";
import { TOO_LONG } from "../links.ts";
import { listed } from "../listed.ts";

/** The most bytes that are read of a list of mounts. */
const MOUNTS_BYTES = 1 << 24;

/** Perhaps made by a process of root's, which has them act on it. */
const MADE_BY_ANOTHER: readonly string[] = [
  "anon_inode:[userfaultfd]",
  "anon_inode:seccomp notify",
];

/** A mount, from proc_pid_mountinfo(5). */
interface Mount {
  /** The path within its file system that it shows. */
  readonly root: string;
  readonly type: string;
}

/**
 * Finds the descriptors, in words. The process to which one leads cannot be told: its number may
 * belong to another one by now, and it may have executed a program. So it may be any process.
 *
 * A process may have made the path look different by mounts, even by one that is gone.
 *
 * @param folderOf Returns the folder in /proc of a thread that has a descriptor.
 */
export function writtenMemories(
  pid: number,
  descriptors: readonly InspectedDescriptor[],
  folderOf: (descriptor: InspectedDescriptor) => string,
): string[] {
  const made = descriptors.filter(({ refers_to }) => MADE_BY_ANOTHER.includes(refers_to))
    .map(({ fd, refers_to }) =>
      `descriptor ${fd} (${refers_to}) controls a process, which may have privileges`
    );
  const writable = descriptors.filter(({ refers_to, access }) =>
    (refers_to.startsWith("/") || refers_to === TOO_LONG) && access !== "read" && access !== "path"
  );
  if (writable.length === 0) return listed(made);
  const mounts = new Map(
    ["/proc/self", folderOf(writable[0])].flatMap((folder) => [...mountsOf(folder)]),
  );
  const written = writable.flatMap((each) => {
    const folder = folderOf(each);
    const info = textOf(`${folder}/fdinfo/${each.fd}`);
    const [, id] = info.match(/^mnt_id:\s*(\d+)$/m) ?? [];
    const mount = mounts.get(Number(id));
    const name = `descriptor ${each.fd} (${each.refers_to})`;
    if (mayBeMemory(each.refers_to, mount)) {
      return [`${name} writes the memory of a process, which may have privileges`];
    }
    if (mount !== undefined || hasHandle(pid, each)) return [];
    return [`${name} is on a mount that does not show, and may write the memory of a process`];
  });
  return listed([...made, ...written]);
}

/**
 * Returns whether a path leads to the memory of a process. One that is cut or unknown may.
 *
 * @param mount The mount of the file; undefined if it does not show.
 */
export function mayBeMemory(path: string, mount: Mount | undefined): boolean {
  const isCut = path === TOO_LONG || path.length >= TEXT_LIMIT - 1;
  const isNamedSo = (each: string) => isCut || /\/mem( \(deleted\))?$/.test(each);
  if (mount === undefined) return path === "/" || isNamedSo(path);
  return mount.type === "proc" && (isNamedSo(path) || isNamedSo(mount.root));
}

/** The size of a `struct file_handle` with room for any handle, in bytes. */
const HANDLE = 8 + 128;

/**
 * Whether the file system of a file gives it a handle, as those of /proc never do:
 * name_to_handle_at(2). Unlike statfs(2), the kernel answers by itself, also for a file system that
 * a hostile process provides (FUSE).
 */
function hasHandle(pid: number, { fd, tids: [tid] }: InspectedDescriptor): boolean {
  const handle = new Uint8Array(HANDLE);
  new DataView(handle.buffer).setUint32(0, HANDLE - 8, true);
  try {
    using holder = tid === undefined ? openProcess(pid) : openThread(tid);
    using copy = copyDescriptorOf(holder, fd);
    const [path, mount] = [new Uint8Array(1), new Uint8Array(4)];
    rawSyscall("name_to_handle_at", copy.fd, path, handle, mount, AT_EMPTY_PATH);
    return true;
  } catch (error) {
    if (error instanceof SystemError) return false;
    throw error;
  }
}

function mountsOf(folder: string): Map<number, Mount> {
  const lines = textOf(`${folder}/mountinfo`, MOUNTS_BYTES).split("\n");
  return new Map(lines.flatMap((line) => {
    const [, id, root, type] = line.match(/^(\d+) \d+ \S+ (\S+) .* - (\S+) /) ?? [];
    return id === undefined ? [] : [[Number(id), { root, type }]];
  }));
}

const textOf = (path: string, bytes = 4096): string =>
  new TextDecoder().decode(unlessGone(() => readBeginning(path, bytes)));
