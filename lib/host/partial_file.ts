/**
 * A file that is being written, in a folder that is the same one to the end, whatever becomes of its name.
 *
 * Theory of operation. As long as it is not whole it has no name (O_TMPFILE): the kernel takes it away with the process, after SIGKILL too.
 * linkat(2) then gives it one, and never replaces anything; where something is to be replaced it gives a random one, and
 * rename(2) replaces in one step. Where there are no such files (vfat, NFS, no /proc) it has the random name from the beginning, and a
 * process that SIGKILL ends leaves it there.
 *
 * @module
 */

import { O_CLOEXEC, O_PATH } from "../../ffi/abi/constants.ts";
import { OwnedFd } from "../../ffi/process/descriptor.ts";
import { giveName, open, openUnnamed } from "../../ffi/process/file.ts";

/** A folder, held by a descriptor. */
export class HeldFolder implements Disposable {
  readonly #fd: OwnedFd;
  /** What the name of a file in it is preceded by. */
  readonly prefix: string;

  /**
   * @param path Its path, with a slash at its end.
   * @throws {SystemError} `EACCES`, `ENOENT`, …
   */
  constructor(readonly path: string) {
    this.#fd = new OwnedFd(open(path, O_PATH | O_CLOEXEC));
    const held = `/proc/self/fd/${this.#fd.fd}/`;
    this.prefix = isThere(held) ? held : path;
  }

  [Symbol.dispose](): void {
    this.#fd.close();
  }
}

/** The file. Disposed of before it has appeared, it is as if it had never been. */
export class PartialFile implements Disposable {
  readonly #folder: HeldFolder;
  readonly #randomName = `.fdpass-${crypto.randomUUID()}`;
  readonly #file: Deno.FsFile;
  /** The same file, if it was opened without a name. */
  readonly #unnamed: OwnedFd | undefined;
  #isNamed: boolean;
  #isKept = false;

  /**
   * Opens it, mode 0600, close-on-exec.
   *
   * @throws What Deno throws if it cannot be opened.
   */
  constructor(folder: HeldFolder) {
    this.#folder = folder;
    const [file, unnamed] = openWithoutName(folder.prefix) ?? [openNew(this.#temporary), undefined];
    this.#file = file;
    this.#unnamed = unnamed;
    this.#isNamed = unnamed === undefined;
  }

  get #temporary(): string {
    return this.#folder.prefix + this.#randomName;
  }

  /** Writes at its end. */
  write(bytes: Uint8Array): void {
    for (let written = 0; written < bytes.length;) {
      written += this.#file.writeSync(bytes.subarray(written));
    }
  }

  /** Makes it empty again. */
  clear(): void {
    this.#file.truncateSync(0);
    this.#file.seekSync(0, Deno.SeekMode.Start);
  }

  /** Waits until the disk has it. */
  sync(): void {
    this.#file.syncSync();
  }

  /**
   * Gives it its name.
   *
   * @param replaces Whether it may take that of another file.
   * @throws What the system refuses: `EEXIST`, …
   */
  appear(name: string, replaces: boolean): void {
    const place = this.#folder.prefix + name;
    if (this.#unnamed !== undefined) {
      try {
        return giveName(this.#unnamed.fd, place);
      } catch (error) {
        if (!replaces || codeOf(error) !== "EEXIST") throw error;
      }
      this.#nameAtRandom();
    }
    if (replaces) Deno.renameSync(this.#temporary, place);
    else link(this.#temporary, place);
    this.#isNamed = false;
  }

  /**
   * Keeps it under its random name.
   *
   * @returns Its path.
   * @throws What the system refuses.
   */
  keep(): string {
    this.#nameAtRandom();
    this.#isKept = true;
    return this.#folder.path + this.#randomName;
  }

  #nameAtRandom(): void {
    if (this.#isNamed) return;
    giveName(this.#unnamed!.fd, this.#temporary);
    this.#isNamed = true;
  }

  [Symbol.dispose](): void {
    this.#file.close();
    this.#unnamed?.close();
    if (this.#isNamed && !this.#isKept) remove(this.#temporary);
  }
}

/** `undefined` where there is no such thing. Whatever else is wrong is found by opening one that has a name. */
function openWithoutName(folder: string): [Deno.FsFile, OwnedFd] | undefined {
  let fd: OwnedFd | undefined;
  try {
    fd = new OwnedFd(openUnnamed(folder, 0o600));
    return [Deno.openSync(`/proc/self/fd/${fd.fd}`, { write: true }), fd];
  } catch {
    fd?.close();
    return undefined;
  }
}

function openNew(path: string): Deno.FsFile {
  return Deno.openSync(path, { write: true, createNew: true, mode: 0o600 });
}

/** Gives a file another name, if nothing has it. */
function link(temporary: string, place: string): void {
  try {
    Deno.linkSync(temporary, place);
  } catch (error) {
    if (codeOf(error) === "EEXIST") throw error;
    // A file system without hard links (vfat): the name is taken first, by whoever comes first.
    openNew(place).close();
    return Deno.renameSync(temporary, place);
  }
  remove(temporary);
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // Whoever owns the folder was faster.
  }
}

/** The errno of a call that failed, by name, as Deno and {@linkcode SystemError} have it. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as Error & { code?: string }).code : undefined;
}
