/**
 * An io_uring of another process, from the fdinfo of its descriptor: registered files, which need
 * no descriptor; personalities, which are credentials; and the thread that polls it, which keeps
 * the credentials of its creator. Source: io_uring_show_fdinfo in io_uring/fdinfo.c.
 *
 * @module
 */

import { readBeginning } from "../../../ffi/process/file.ts";
import { unlessGone } from "../../../ffi/process/proc.ts";
import { cutText } from "../cut_text.ts";
import type { SeenRing } from "../subject.ts";

/** The text of a ring's fdinfo, parsed. */
export interface RingInfo {
  /** The number of registered files; undefined if the kernel could not lock the ring. */
  readonly count: number | undefined;
  /** The links of the registered files that are listed. */
  readonly files: readonly string[];
  /** The uids; undefined if none is listed, which does not mean that there is none. */
  readonly personalities: readonly number[] | undefined;
  /** The thread that polls it, in the machine's first PID namespace. */
  readonly pollingThread: number | undefined;
}

/** The longest fdinfo, in bytes: it lists the entries of the queues too. */
const INFO_BYTES = 1 << 24;

/** How often a ring that is locked is read again. */
const ATTEMPTS = 20;

/**
 * Reads a ring.
 *
 * @param path Its fdinfo.
 * @param fd Its number.
 */
export function seeRing(
  path: string,
  fd: number,
): { ring: SeenRing; unseen: string[] } {
  let info = parseRing("");
  for (let attempt = 0; attempt < ATTEMPTS && !isWhole(info); attempt++) {
    const bytes = unlessGone(() => readBeginning(path, INFO_BYTES));
    info = parseRing(new TextDecoder().decode(bytes));
  }
  const { files, personalities, pollingThread } = info;
  const unseen = [
    ...isWhole(info) ? [] : [`the registered files of the io_uring at descriptor ${fd}`],
    ...personalities === undefined
      ? [
        `credentials registered with the io_uring at descriptor ${fd}: the kernel does not list them`,
      ]
      : [],
  ];
  return { ring: { fd, files: files.map(cutText), personalities, pollingThread }, unseen };
}

/** Whether everything that is counted is listed: the kernel lists nothing of a locked ring. */
function isWhole({ count, files }: RingInfo): boolean {
  return count !== undefined && (count === 0 || files.length > 0);
}

/** Parses the text of a ring's fdinfo. */
export function parseRing(info: string): RingInfo {
  // Names of files may hold anything, on old kernels whole lines. They stand between UserFiles and
  // UserBufs; before and after them are only numbers.
  const [, polling] = info.match(/^SqThread:\s*(-?\d+)$/m) ?? [];
  const [head = "", count] = info.match(/^UserFiles:\s*(\d+)$/m) ?? [];
  const end = info.lastIndexOf("\nUserBufs:");
  const isComplete = count !== undefined && end !== -1;
  const files = isComplete ? info.slice(info.indexOf(head) + head.length, end) : "";
  const personalities = isComplete
    ? [...info.slice(end).matchAll(/^\tUid:\t(\d+)/gm)].map(([, uid]) => Number(uid))
    : [];
  return {
    count: isComplete ? Number(count) : undefined,
    files: [...files.matchAll(/^\s*\d+: (.*)$/gm)].map(([, link]) => link)
      .filter((link) => link !== "<none>"),
    personalities: personalities.length === 0 ? undefined : personalities,
    pollingThread: Number(polling ?? -1) >= 0 ? Number(polling) : undefined,
  };
}

/** Returns a ring in words. */
export function describeRing({ files, personalities, pollingThread }: SeenRing): string {
  const words = [
    `io_uring with ${files.length} registered file${files.length === 1 ? "" : "s"}`,
    ...personalities === undefined ? [] : [`credentials of uid ${personalities.join(", ")}`],
    ...pollingThread === undefined ? [] : [`polled by the kernel thread ${pollingThread}`],
  ];
  return cutText(words.join(", "));
}
