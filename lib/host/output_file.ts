/**
 * A file that a run writes: its report, its packets.
 *
 * Theory of operation. The writer is root, the folder may be anybody's, and what the run finds is worth more than the
 * file. So everything that can be known to be wrong is found out before the run begins; nothing that was there before is touched
 * until the new file is whole; and no link that somebody else put there is ever followed.
 *
 *     open     the folder, and in it a file without a name (see partial_file.ts), its first blocks tried
 *     write    there
 *     commit   fsync; then it gets its name, which replaces something only with `force`
 *
 * A run that ends before its commit leaves what was there as it was. A commit that fails leaves the whole file under a
 * random name, and says so.
 *
 * @module
 */

import { CannotAnswer, UsageError } from "../evidence/errors.ts";
import { codeOf, HeldFolder, PartialFile } from "./partial_file.ts";

/** A file that is being written, and appears under its name when it is whole. */
export interface OutputFile extends Disposable {
  /** Where it appears. */
  readonly path: string;
  /**
   * Writes all of `bytes` at its end.
   *
   * @throws {CannotAnswer} If the disk is full, or does not take them.
   */
  write(bytes: Uint8Array): void;
  /**
   * Makes it appear under its name, complete.
   *
   * @throws {CannotAnswer} If it cannot; the message says where it is instead.
   */
  commit(): void;
}

/** How a file is opened. */
export interface OutputFileOptions {
  /** Whether a file of that name may be replaced. */
  readonly force: boolean;
}

/** What must fit on the disk before anything runs, in bytes: twice a large page. */
const FIRST_BLOCKS = 1 << 20;

/** What is being written now: two outputs of one run must not replace each other. */
const beingWritten = new Set<string>();

/**
 * Opens a file to be written.
 *
 * @param path Where it is to appear. Its folder is there.
 * @throws {UsageError} If it exists and `force` is not given, if it is a folder, a link or a device, if its folder is missing, or if
 * this run writes it already.
 * @throws {CannotAnswer} If it cannot be made: no permission, a read-only file system, a full disk.
 */
export function openOutputFile(path: string, { force }: OutputFileOptions): OutputFile {
  const { folder, name } = parts(path);
  const real = resolved(folder, path);
  if (beingWritten.has(real + name)) {
    throw new UsageError(
      `Two outputs of this run are to be ${quote(path)}; give each its own file`,
    );
  }
  using scope = new DisposableStack();
  const held = scope.use(trying("open", path, () => new HeldFolder(real)));
  requireFree(held.prefix + name, path, force);
  const partial = scope.use(trying("open", path, () => new PartialFile(held)));
  trying("write", path, () => {
    partial.write(new Uint8Array(FIRST_BLOCKS));
    partial.clear();
  });
  scope.defer(() => beingWritten.delete(real + name));
  beingWritten.add(real + name);
  return new NamedFile(path, partial, held.prefix + name, name, force, scope.move());
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
      requireFree(place, path, force); // a folder or a link that somebody has put there since
      partial.appear(name, force);
    } catch (error) {
      const why = error instanceof UsageError ? error.message : reasonOf(error);
      throw new CannotAnswer(`Cannot put ${quote(path)} into its place: ${why}`, kept(partial));
    }
  }

  [Symbol.dispose](): void {
    this.scope[Symbol.dispose]();
  }
}

/** Keeps what has no place; says where it is. */
function kept(partial: PartialFile): string {
  try {
    return `It is whole, as ${partial.keep()}`;
  } catch (error) {
    return `It could not be kept under another name either: ${reasonOf(error)}`;
  }
}

function trying<T>(call: string, path: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw cannot(path, call, error);
  }
}

function parts(path: string): { folder: string; name: string } {
  const cut = path.lastIndexOf("/") + 1;
  const name = path.slice(cut);
  if (path.includes("\0")) throw new UsageError(`${quote(path)} is no name of a file`);
  if (name === "" || name === "." || name === "..") {
    throw new UsageError(`${quote(path)} is a folder; the name of a file in it is wanted`);
  }
  return { folder: path.slice(0, cut) || "../", name };
}

/** The folder without links on the way, with a slash at its end. */
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
    throw cannot(path, "stat", error);
  }
}

/** Makes sure that nothing has the name, or, with `force`, nothing but a regular file. */
function requireFree(place: string, path: string, force: boolean): void {
  const what = occupant(place, path);
  if (what === undefined) return;
  if (what !== "a file") {
    throw new UsageError(`Cannot write ${quote(path)}: it is ${what}; name a file`);
  }
  if (!force) {
    throw new UsageError(`Cannot write ${quote(path)}: it exists; --force replaces it`);
  }
}

function occupant(place: string, path: string): string | undefined {
  try {
    const { isFile, isDirectory, isSymlink } = Deno.lstatSync(place);
    if (isFile) return "a file";
    return isDirectory ? "a folder" : isSymlink ? "a symbolic link" : "a device, pipe or socket";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (codeOf(error) === "ENAMETOOLONG") {
      throw new UsageError(`Cannot write ${quote(path)}: ENAMETOOLONG`);
    }
    throw cannot(path, "lstat", error);
  }
}

const REMEDIES: Readonly<Record<string, string>> = {
  EACCES: "Name a folder that this user may write to",
  EPERM: "Name a folder that this user may write to",
  EROFS: "Name a folder on a file system that can be written",
  ENOSPC: "Make room on the disk, or name a folder on another",
  EDQUOT: "Make room in the quota, or name a folder on another disk",
};

function cannot(path: string, call: string, error: unknown): CannotAnswer {
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
