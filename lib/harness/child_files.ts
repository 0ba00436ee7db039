/**
 * The files that a child reads before its drop: its modules, Deno itself, its cache.
 *
 * Theory of operation. A child starts as uid 0 without CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, so
 * files and folders of other users are closed to it, unless their modes open them to everybody. In
 * a home of mode 0700 it finds none of its modules, although its parent, which has all
 * capabilities, runs from there. To leave it such a capability would let a compromised child read
 * every file of the machine.
 *
 * So, where a module is closed to them, the children of a run get a mount namespace. There an empty
 * file system in memory hides the private folder, and holds what they need, under the paths that it
 * has outside: copies of the modules, which belong to root, and bind mounts of Deno and of the
 * children's cache, if they are in that folder too. The copies are read-only. Nothing is written to
 * a disk. The namespace lives as long as cat(1), reading a pipe whose other end only this process
 * holds, and the kernel removes it with the last process in it.
 *
 * Elsewhere no namespace is made. Whether a file is closed to the child is the kernel's answer: the
 * parent opens it without those two capabilities.
 *
 * @module
 */

import { CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH } from "../../ffi/abi/constants.ts";
import { withoutCapabilities } from "../../ffi/process/capabilities.ts";
import { readLink } from "../../ffi/process/file.ts";
import { defaultLauncher } from "../confine/launcher.ts";
import { CannotAnswer } from "../evidence/errors.ts";
import { modulesOf } from "../host/modules.ts";
import { ownChildren } from "./orphans.ts";

/**
 * Hides a private folder in this mount namespace, shows the files that the children need, reports
 * that, and then waits for the end of its input. No signal of a terminal ends it. Each list has one
 * path a line, relative to the private folder.
 *
 *     sh -c SHOW_FILES sh PRIVATE_FOLDER COPIED BOUND
 */
const SHOW_FILES = `
set -efu
trap '' HUP INT QUIT TERM
umask 022
PATH=/usr/sbin:/usr/bin:/sbin:/bin
IFS='
'
cd -- "$1" # stays in the folder itself, which the next line hides
mount -t tmpfs -o mode=0755 fdpass "$1"
cp --parents --no-preserve=mode --target-directory="$1" -- $2
for file in $3; do
  mkdir -p -- "$1/$file"
  [ -d "$file" ] || { rmdir -- "$1/$file" && : >"$1/$file"; }
  mount --no-canonicalize --bind -- "$file" "$1/$file"
done
mount -o remount,ro "$1"
cd /
echo shown
exec cat >/dev/null 2>&1
`;

/** The mount namespace in which the children of a run find their files. */
export class ChildFiles implements AsyncDisposable {
  readonly #holder: Deno.ChildProcess;

  private constructor(readonly privateFolder: string, holder: Deno.ChildProcess) {
    this.#holder = holder;
    ownChildren.add(holder.pid);
  }

  /**
   * Makes the namespace, if a module is closed to the children.
   *
   * @param mains The main modules of the children, `file:` URLs.
   * @param alsoNeeded Paths of a program, or of folders, that the children need besides.
   * @returns `undefined` if they can read all modules where they are.
   * @throws {CannotAnswer} If they cannot, and no copies can be shown to them.
   */
  static async show(
    mains: readonly string[],
    alsoNeeded: readonly string[],
  ): Promise<ChildFiles | undefined> {
    const modules = [...new Set(mains.flatMap(modulesOf))];
    const folder = closedFolder(modules);
    if (folder === undefined) return undefined;
    try {
      await using undo = new AsyncDisposableStack();
      const lists = [modules, alsoNeeded].map((paths) => pathsIn(folder, paths).join("\n"));
      const files = undo.use(new ChildFiles(folder, startHolder(folder, lists)));
      await files.#shown();
      await files.#requireReadable(mains);
      undo.move();
      return files;
    } catch (error) {
      throw new CannotAnswer(
        `A child could not read its modules: ${JSON.stringify(folder)} is closed to other users, ` +
          `and copies cannot be shown to it (${error instanceof Error ? error.message : error})`,
        "Move fdpass to a folder that every user can read, such as one in /opt",
      );
    }
  }

  /** The name that /proc gives the namespace, such as `mnt:[4026532281]`. */
  get mountNamespace(): string {
    return readLink(this.#path);
  }

  /** Returns the words before a command that start it in the namespace, in a working folder. */
  launcher(folder: string): readonly string[] {
    return ["/usr/bin/nsenter", `--mount=${this.#path}`, "/usr/bin/env", `--chdir=${folder}`];
  }

  get #path(): string {
    return `/proc/${this.#holder.pid}/ns/mnt`;
  }

  /** Waits until the holder shows the files. */
  async #shown(): Promise<void> {
    const { stdout, stderr } = this.#holder;
    const [shown, complaint] = await Promise.all(
      [stdout, stderr].map((stream) => new Response(stream).text()),
    );
    if (shown === "") throw new Error(firstLine(complaint));
  }

  /** Reads the main modules as a child would. */
  async #requireReadable(mains: readonly string[]): Promise<void> {
    const paths = mains.map((main) => decodeURIComponent(new URL(main).pathname));
    const [program, ...args] = [...this.launcher("/"), ...defaultLauncher(), "/bin/cat", ...paths];
    const { success, stderr } = await new Deno.Command(program, { args, clearEnv: true }).output();
    if (!success) throw new Error(firstLine(new TextDecoder().decode(stderr)));
  }

  /** Ends the holder. The namespace ends with the last process in it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#holder.stdin.abort().catch(() => {}); // it may have ended
    await this.#holder.status;
    ownChildren.delete(this.#holder.pid);
  }
}

function startHolder(folder: string, lists: readonly string[]): Deno.ChildProcess {
  return new Deno.Command("/usr/bin/unshare", {
    args: ["--mount", "--", "/bin/sh", "-c", SHOW_FILES, "sh", folder, ...lists],
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

function firstLine(text: string): string {
  return text.trim().split("\n")[0];
}

/** Returns those of the paths that lie in a folder, also by their real paths, relative to it. */
function pathsIn(folder: string, paths: readonly string[]): string[] {
  const all = new Set(paths.flatMap((path) => [path, realPath(path)]));
  return [...all].filter((path) => path.startsWith(`${folder}/`))
    .map((path) => path.slice(folder.length + 1));
}

/**
 * Returns the folder that keeps a child from these files: the deepest one that holds all that are
 * closed, and all folders that cannot be entered on the way; `undefined` if no file is closed.
 */
function closedFolder(paths: readonly string[]): string | undefined {
  const closed = asChild(() =>
    paths.filter((path) => isRefused(() => Deno.openSync(path).close()))
  );
  return closed.length === 0 ? undefined : closed.map(firstClosed).reduce(commonFolder);
}

/** Returns the first folder on the way to a closed file that cannot be entered, or its own. */
function firstClosed(path: string): string {
  for (let end = path.indexOf("/", 1); end !== -1; end = path.indexOf("/", end + 1)) {
    const folder = path.slice(0, end);
    if (!asChild(() => isRefused(() => Deno.lstatSync(`${folder}/.`)))) continue;
    const real = realPath(folder);
    return real === folder ? folder : firstClosed(`${real}/.`);
  }
  return realPath(path).replace(/\/[^/]*$/, "");
}

/** Lets the kernel decide as it would for a child. */
function asChild<T>(act: () => T): T {
  return withoutCapabilities([CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH], act);
}

/** Whether the kernel refuses permission. Any other error shows when the child starts. */
function isRefused(call: () => void): boolean {
  try {
    call();
    return false;
  } catch (error) {
    return error instanceof Deno.errors.PermissionDenied;
  }
}

function realPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path;
  }
}

/** Returns the deepest folder that holds both. */
function commonFolder(one: string, other: string): string {
  let folder = one;
  while (!`${other}/`.startsWith(`${folder}/`)) folder = folder.slice(0, folder.lastIndexOf("/"));
  return folder === "" ? "/" : folder;
}
