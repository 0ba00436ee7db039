/**
 * A file that is being written, in a folder that is held by a descriptor, so that renaming the
 * folder makes no difference.
 *
 * Theory of operation. Until it is complete, the file has no name (O_TMPFILE): the kernel removes
 * it with the process, after SIGKILL too. linkat(2) then names it, and never replaces anything. To
 * replace a file, it gets a random name first, and rename(2) replaces the other in one step. On a
 * file system without unnamed files (vfat, NFS), and if /proc is missing, it has the random name
 * from the beginning, and SIGKILL leaves it there.
 *
 * The folder may be another user's, who can then rename and replace what has a name in it. So mode
 * and owner belong to the descriptor, never to a name.
 *
 * @module
 */

import { O_CLOEXEC, O_PATH } from "../../ffi/abi/constants.ts";
import { errnoOf } from "../../ffi/abi/errno.ts";
import type { Identity } from "../../ffi/process/credentials.ts";
import { close, OwnedFd } from "../../ffi/process/descriptor.ts";
import {
  createNew,
  giveName,
  open,
  openUnnamed,
  setMode,
  setOwner,
} from "../../ffi/process/file.ts";

/** A folder that is held by a descriptor. */
export class HeldFolder implements Disposable {
  readonly #fd: OwnedFd;
  /** The prefix of the path of a file in it. */
  readonly prefix: string;

  /**
   * @param path The path of the folder, with a slash at its end.
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

/** The permissions of the file: its owner's alone, whatever the umask. */
const MODE = 0o600;

/** A file that is being written. Disposed of before it has appeared, it leaves no trace. */
export class PartialFile implements Disposable {
  readonly #folder: HeldFolder;
  readonly #randomName = `.fdpass-${crypto.randomUUID()}`;
  readonly #fd: OwnedFd;
  readonly #file: Deno.FsFile;
  /** Whether it had no name at first. */
  readonly #isUnnamed: boolean;
  #isNamed: boolean;
  #isKept = false;

  /**
   * Opens the file with mode 0600, close-on-exec. Mode and owner are set by descriptor, before it
   * has a name.
   *
   * @param owner Whose file it will be, if not this process's user's. On a file system without
   * owners it makes no difference.
   * @throws {SystemError} If it cannot be opened. Deno's error if it cannot be opened once more.
   */
  constructor(folder: HeldFolder, owner?: Identity) {
    this.#folder = folder;
    const unnamed = openWithoutName(folder.prefix);
    this.#isUnnamed = unnamed !== undefined;
    this.#isNamed = !this.#isUnnamed;
    this.#fd = new OwnedFd(unnamed ?? createNew(this.#temporary, MODE));
    try {
      const { fd } = this.#fd;
      errnoOf(() => setMode(fd, MODE));
      if (owner !== undefined) errnoOf(() => setOwner(fd, owner.uid, owner.gid));
      this.#file = Deno.openSync(`/proc/self/fd/${fd}`, { write: true });
    } catch (error) {
      this.#fd.close();
      if (this.#isNamed) remove(this.#temporary);
      throw error;
    }
  }

  get #temporary(): string {
    return this.#folder.prefix + this.#randomName;
  }

  /** Appends `bytes`. */
  write(bytes: Uint8Array): void {
    for (let written = 0; written < bytes.length;) {
      written += this.#file.writeSync(bytes.subarray(written));
    }
  }

  /** Empties the file. */
  clear(): void {
    this.#file.truncateSync(0);
    this.#file.seekSync(0, Deno.SeekMode.Start);
  }

  /** Waits until the file is on the disk. */
  sync(): void {
    this.#file.syncSync();
  }

  /**
   * Names the file.
   *
   * @param replaces Whether it may replace another file.
   * @throws The error of the refused call: `EEXIST`, …
   */
  appear(name: string, replaces: boolean): void {
    const place = this.#folder.prefix + name;
    if (this.#isUnnamed) {
      try {
        return giveName(this.#fd.fd, place);
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
   * Keeps the file under its random name.
   *
   * @returns Its path.
   * @throws The error of the refused call.
   */
  keep(): string {
    this.#nameAtRandom();
    this.#isKept = true;
    return this.#folder.path + this.#randomName;
  }

  #nameAtRandom(): void {
    if (this.#isNamed) return;
    giveName(this.#fd.fd, this.#temporary);
    this.#isNamed = true;
  }

  [Symbol.dispose](): void {
    this.#file.close();
    this.#fd.close();
    if (this.#isNamed && !this.#isKept) remove(this.#temporary);
  }
}

/**
 * Opens an unnamed file; `undefined` if the file system has none. Any other fault shows when a
 * named one is opened instead.
 */
function openWithoutName(folder: string): number | undefined {
  try {
    return openUnnamed(folder, MODE);
  } catch {
    return undefined;
  }
}

/** Renames a file. Fails if the new name exists. */
function link(temporary: string, place: string): void {
  try {
    Deno.linkSync(temporary, place);
  } catch (error) {
    if (codeOf(error) === "EEXIST") throw error;
    // A file system without hard links (vfat): create the name first, which only one process can.
    close(createNew(place, MODE));
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
    // The owner of the folder was faster.
  }
}

/** Returns the name of the errno in an error of Deno's or in a `SystemError`. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as Error & { code?: string }).code : undefined;
}
