/**
 * The views that go into files: opened before the run, so that a file that cannot be written costs no run; written after it.
 *
 * @module
 */

import type { Evidence } from "../evidence/evidence.ts";
import { openOutputFile, type OutputFile, type OutputFileOptions } from "../host/output_file.ts";
import { renderHtml } from "../report/html.ts";
import { renderPcapng } from "../report/pcapng.ts";

/** Each view by the option that asks for it: a pure function of the evidence. */
const FILE_VIEWS = {
  pcap: renderPcapng,
  report: (evidence) => new TextEncoder().encode(renderHtml(evidence)),
} as const satisfies Record<string, (evidence: Evidence) => Uint8Array>;

/** The name of such a view. */
export type FileView = keyof typeof FILE_VIEWS;

/** Where each view is to go; those that nobody asked for are absent. */
export type FilePaths = { readonly [view in FileView]?: string | undefined };

/** The open files of a run. One that is not written is as if it had never been opened. */
export class ViewFiles implements Disposable {
  readonly #files = new Map<FileView, OutputFile>();

  /**
   * Opens them.
   *
   * @throws {UsageError} If one cannot be meant: it exists, its folder is missing, …
   * @throws {CannotAnswer} If one cannot be opened.
   */
  constructor(paths: FilePaths, options: OutputFileOptions) {
    try {
      for (const view of Object.keys(FILE_VIEWS) as FileView[]) {
        const path = paths[view];
        if (path !== undefined) this.#files.set(view, openOutputFile(path, options));
      }
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Writes each view of a run to its end, if anything ran at all.
   *
   * @throws {CannotAnswer} If one cannot be written; the others are.
   */
  write(evidence: Evidence): void {
    if (evidence.experiments.length === 0) return; // nothing was found: what was there before is worth more
    let failure: unknown;
    for (const [view, file] of this.#files) {
      try {
        file.write(FILE_VIEWS[view](evidence));
        file.commit();
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
  }

  [Symbol.dispose](): void {
    for (const file of this.#files.values()) file[Symbol.dispose]();
  }
}
