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
  const name = unlessGone(() => readTextFile(`/proc/${pid}/comm`)) ?? "";
  return { pid, name: cutText(name.replace(/\n$/, "")) };
}
