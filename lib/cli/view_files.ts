/**
 * The views that go into files. They are opened before the run, so that a file that cannot be
 * written is refused first, and written after it.
 *
 * @module
 */

import type { Evidence } from "../evidence/evidence.ts";
import { openOutputFile, type OutputFile, type OutputFileOptions } from "../host/output_file.ts";
import { renderHtml } from "../report/html.ts";
import { renderPcapng } from "../report/pcapng.ts";

/** Each view, by its option. A view is a pure function of the evidence. */
const FILE_VIEWS = {
  pcap: renderPcapng,
  report: (evidence) => new TextEncoder().encode(renderHtml(evidence)),
} as const satisfies Record<string, (evidence: Evidence) => Uint8Array>;

/** The option of a view. */
export type FileView = keyof typeof FILE_VIEWS;

/** The path of each view that was requested. */
export type FilePaths = { readonly [view in FileView]?: string | undefined };

/** The open files of a run. A file that is not written leaves no trace. */
export class ViewFiles implements Disposable {
  readonly #files = new Map<FileView, OutputFile>();

  /**
   * Opens the files.
   *
   * @throws {UsageError} If a path is wrong: the file exists, its folder is missing, …
   * @throws {CannotAnswer} If a file cannot be opened.
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
   * Writes each view, unless no experiment ran.
   *
   * @throws {CannotAnswer} If a file cannot be written. The others are written all the same.
   */
  write(evidence: Evidence): void {
    if (evidence.experiments.length === 0) return; // keep an existing file instead
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
