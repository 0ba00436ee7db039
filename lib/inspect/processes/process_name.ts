/**
 * The name of a process, which it may set itself.
 *
 * @module
 */

import { readTextFile } from "../../../ffi/process/file.ts";
import { unlessGone } from "../../../ffi/process/proc.ts";
import type { NamedProcess } from "../../evidence/inspected.ts";
import { cutText } from "../cut_text.ts";

/** Returns a process with its name, which may hold any character but NUL; empty if it is gone. */
export function nameOf(pid: number): NamedProcess {
  return { pid, name: nameIn(`/proc/${pid}`) };
}

/**
 * Returns the name of a process or of a thread; empty if it is gone.
 *
 * @param folder Its folder, such as `/proc/4711/task/4712`.
 */
export function nameIn(folder: string): string {
  const name = unlessGone(() => readTextFile(`${folder}/comm`)) ?? "";
  return cutText(name.replace(/\n$/, ""));
}
