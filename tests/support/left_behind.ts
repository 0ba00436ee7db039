/**
 * What a program leaves behind in its namespaces: processes, interfaces, files, sockets. To be used
 * in a PID and network namespace that nothing else uses.
 *
 * @module
 */

import { pause } from "./pause.ts";

/** What exists now and did not before. */
export interface LeftBehind {
  readonly processes: readonly string[];
  readonly interfaces: readonly string[];
  readonly files: readonly string[];
  readonly sockets: readonly string[];
}

/** How long ending processes may take by default, in milliseconds. */
const TIME_TO_GO = 5000;

/** The processes of this PID namespace: the command of each by its PID. */
export function processes(): Map<string, string> {
  const found = new Map<string, string>();
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const words = Deno.readTextFileSync(`/proc/${name}/cmdline`).split("\0").join(" ").trim();
      found.set(name, words === "" ? `zombie ${name}` : words);
    } catch {
      // The process has ended.
    }
  }
  return found;
}

function interfaces(): string[] {
  const lines = Deno.readTextFileSync("/proc/self/net/dev").trim().split("\n").slice(2);
  return lines.map((line) => line.split(":")[0].trim());
}

function filesUnder(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesUnder(`${folder}/${name}`) : [`${folder}/${name}`]
  );
}

/** The packet and Unix sockets of the network namespace, from its tables, by inode. */
function sockets(): Map<string, string> {
  return new Map(["packet", "unix"].flatMap((table): [string, string][] => {
    const [head, ...lines] = Deno.readTextFileSync(`/proc/self/net/${table}`).trim().split("\n");
    const inode = head.trim().split(/ +/).indexOf("Inode");
    return lines.map((line) => [line.trim().split(/ +/)[inode], `${table}: ${line.trim()}`]);
  }));
}

/** Whether this process holds a socket: the runtime makes some for itself. */
function isOwn(inode: string): boolean {
  return [...Deno.readDirSync("/proc/self/fd")].some(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`) === `socket:[${inode}]`;
    } catch {
      return false; // the descriptor has been closed
    }
  });
}

/** The state of a place at its construction. */
export class Place {
  readonly #processes = new Set(processes().keys());
  readonly #interfaces = new Set(interfaces());
  readonly #files: Set<string>;
  readonly #sockets = new Set(sockets().keys());

  /**
   * @param folder Where files could be left.
   * @param timeToGo How long ending processes may take, in milliseconds.
   */
  constructor(readonly folder: string, readonly timeToGo = TIME_TO_GO) {
    this.#files = new Set(filesUnder(folder));
  }

  /** What exists in addition now, and stays. */
  async leftBehind(): Promise<LeftBehind> {
    const deadline = performance.now() + this.timeToGo;
    while (
      this.#strangers().length + this.#foreign().length > 0 && performance.now() < deadline
    ) {
      await pause(10);
    }
    return {
      processes: this.#strangers().map(([, words]) => words),
      interfaces: interfaces().filter((name) => !this.#interfaces.has(name)),
      files: filesUnder(this.folder).filter((path) => !this.#files.has(path)),
      sockets: this.#foreign().map(([, line]) => line),
    };
  }

  /** Kills the processes that exist in addition. */
  endStrangers(): void {
    for (const [pid] of this.#strangers()) {
      try {
        Deno.kill(Number(pid), "SIGKILL");
      } catch {
        // The process has ended.
      }
    }
  }

  #strangers(): [pid: string, words: string][] {
    return [...processes()].filter(([pid]) => !this.#processes.has(pid));
  }

  #foreign(): [inode: string, line: string][] {
    return [...sockets()].filter(([inode]) => !this.#sockets.has(inode) && !isOwn(inode));
  }
}
