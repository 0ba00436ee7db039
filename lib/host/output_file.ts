/**
 * A file that a run writes: a report, or a capture.
 *
 * Theory of operation. The writer is root, the folder may belong to anybody, and the results of a
 * run must not be lost. So every error that can be detected early is detected before the run
 * begins; an existing file is not touched until the new one is complete; and a link that somebody
 * else put there is never followed.
 *
 *     open     the folder, and an unnamed file in it (see partial_file.ts); try its first blocks
 *     write    to that file
 *     commit   fsync, then name the file; this replaces another file only with `force`
 *
 * Under sudo(8) the file belongs to the user behind it, where that user could have made it
 * (sudo_user.ts).
 *
 * A run that ends before its commit leaves everything as it was. A commit that fails leaves the
 * complete file under a random name, and the error names it.
 *
 * @module
 */

import type { Identity } from "../../ffi/process/credentials.ts";
import { CannotAnswer, UsageError } from "../evidence/errors.ts";
import { mayCreate, sudoUser } from "./sudo_user.ts";
import { codeOf, HeldFolder, PartialFile } from "./partial_file.ts";

/** A file that is being written. It appears under its name once it is complete. */
export interface OutputFile extends Disposable {
  /** The path at which it appears. */
  readonly path: string;
  /**
   * Appends `bytes`.
   *
   * @throws {CannotAnswer} If they cannot be written, because the disk is full, for instance.
   */
  write(bytes: Uint8Array): void;
  /**
   * Makes the complete file appear under its name.
   *
   * @throws {CannotAnswer} If it cannot. The remedy names the path at which the file is instead.
   */
  commit(): void;
}

/** Options of {@linkcode openOutputFile}. */
export interface OutputFileOptions {
  /** Whether an existing file may be replaced. */
  readonly force: boolean;
}

/** The space that must be free before anything runs, in bytes: twice the size of a large report. */
const FIRST_BLOCKS = 1 << 20;

/** The files being written now. Two outputs of one run must not replace each other. */
const beingWritten = new Set<string>();

/**
 * Opens a file for writing.
 *
 * @param path The path at which it will appear. Its folder must exist.
 * @throws {UsageError} If it exists and `force` is not set; if it is a folder, a link or a device;
 * if its folder is missing; or if this run writes it already.
 * @throws {CannotAnswer} If it cannot be created: no permission, a read-only file system, a full
 * disk.
 */
export function openOutputFile(path: string, { force }: OutputFileOptions): OutputFile {
  const { folder, name } = parts(path);
  const real = resolved(folder, path);
  if (beingWritten.has(real + name)) {
    throw new UsageError(
      `Two outputs of this run go to ${quote(path)}: give each its own file`,
    );
  }
  using scope = new DisposableStack();
  const held = scope.use(trying("open", path, () => new HeldFolder(real)));
  requireFree(held.prefix + name, path, force);
  const partial = scope.use(
    trying("open", path, () => new PartialFile(held, ownerFor(held, name))),
  );
  trying("write", path, () => {
    partial.write(new Uint8Array(FIRST_BLOCKS));
    partial.clear();
  });
  scope.defer(() => beingWritten.delete(real + name));
  beingWritten.add(real + name);
  return new NamedFile(path, partial, held.prefix + name, name, force, scope.move());
}

/** Returns the user behind sudo, if the file can be that user's; `undefined` if it stays root's. */
function ownerFor(folder: HeldFolder, name: string): Identity | undefined {
  const user = sudoUser();
  return user && mayCreate(user, folder.prefix, name) ? user : undefined;
}

class NamedFile implements OutputFile {
  constructor(
    readonly path: string,
    readonly partial: PartialFile,
    readonly place: string,
    readonly name: string,
    readonly force: boolean,
    readonly scope: DisposableStack,
  ) {}

  write(bytes: Uint8Array): void {
    trying("write", this.path, () => this.partial.write(bytes));
  }

  commit(): void {
    const { path, partial, place, name, force } = this;
    trying("fsync", path, () => partial.sync());
    using _scope = this.scope;
    try {
      requireFree(place, path, force); // a folder or a link may have been put there since
      partial.appear(name, force);
    } catch (error) {
      const why = error instanceof UsageError ? error.message : reasonOf(error);
      throw new CannotAnswer(`Cannot put ${quote(path)} in place: ${why}`, kept(partial));
    }
  }

  [Symbol.dispose](): void {
    this.scope[Symbol.dispose]();
  }
}

/** Keeps a file that cannot have its own name. Returns a message with the path that it has. */
function kept(partial: PartialFile): string {
  try {
    return `It was saved as ${partial.keep()}`;
  } catch (error) {
    return `It could not be saved under another name either: ${reasonOf(error)}`;
  }
}

function trying<T>(call: string, path: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw cannotWrite(path, call, error);
  }
}

function parts(path: string): { folder: string; name: string } {
  const cut = path.lastIndexOf("/") + 1;
  const name = path.slice(cut);
  if (path.includes("\0")) throw new UsageError(`${quote(path)} is not a file name`);
  if (name === "" || name === "." || name === "..") {
    throw new UsageError(`${quote(path)} is a folder: name a file in it`);
  }
  return { folder: path.slice(0, cut) || "../", name };
}

/** Returns the folder without symbolic links, with a slash at its end. */
function resolved(folder: string, path: string): string {
  try {
    const real = Deno.realPathSync(folder);
    if (!Deno.statSync(real).isDirectory) throw new Deno.errors.NotADirectory();
    return real === "/" ? real : `${real}/`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      throw new UsageError(
        `Cannot write ${quote(path)}: there is no folder ${quote(folder)} (${reasonOf(error)})`,
      );
    }
    throw cannotWrite(path, "stat", error);
  }
}

/** Requires that the name is free or, with `force`, that it belongs to a regular file. */
function requireFree(place: string, path: string, force: boolean): void {
  const kind = kindOfFile(place, path);
  if (kind === undefined) return;
  if (kind !== "a file") {
    throw new UsageError(`Cannot write ${quote(path)}: it is ${kind}, not a file`);
  }
  if (!force) {
    throw new UsageError(`Cannot write ${quote(path)}: it exists; --force replaces it`);
  }
}

/** Returns the kind of the file at `place`, in words; `undefined` if there is none. */
function kindOfFile(place: string, path: string): string | undefined {
  try {
    const { isFile, isDirectory, isSymlink } = Deno.lstatSync(place);
    if (isFile) return "a file";
    return isDirectory ? "a folder" : isSymlink ? "a symbolic link" : "a device, pipe or socket";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (codeOf(error) === "ENAMETOOLONG") {
      throw new UsageError(`Cannot write ${quote(path)}: ENAMETOOLONG`);
    }
    throw cannotWrite(path, "lstat", error);
  }
}

const REMEDIES: Readonly<Record<string, string>> = {
  EACCES: "Name a folder that this user may write to",
  EPERM: "Name a folder that this user may write to",
  EROFS: "Name a folder on a file system that can be written",
  ENOSPC: "Make room on the disk, or name a folder on another disk",
  EDQUOT: "Make room in the quota, or name a folder on another disk",
};

function cannotWrite(path: string, call: string, error: unknown): CannotAnswer {
  const remedy = REMEDIES[codeOf(error) ?? ""] ?? "Name another file";
  return new CannotAnswer(`Cannot write ${quote(path)}: ${call}: ${reasonOf(error)}`, remedy);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return codeOf(error) ?? (error.message === "" ? error.name : error.message);
}

function quote(path: string): string {
  return JSON.stringify(path);
}
