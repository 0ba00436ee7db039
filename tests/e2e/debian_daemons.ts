/**
 * Daemons of Debian's packages, started on `veth-fdpass` as their manuals describe.
 *
 * Each has a mount namespace of its own with an empty /run, so that it neither reads nor writes the
 * machine's. By this namespace its processes are found, whatever they fork: at the end of the scope
 * all of them are killed.
 *
 * @module
 */

import type { Outcome } from "../support/programs.ts";
import { hasEnded, isFiltered, Running, uidOf, until } from "./processes.ts";

/** The interface under test. */
export const INTERFACE = "veth-fdpass";
/** Its other end, where the test sends and listens. */
export const FAR_END = "veth-fdpass-far";

/** The packages of the programs. */
export const PACKAGES = {
  tcpdump: { tcpdump: "tcpdump" },
  dumpcap: { dumpcap: "wireshark-common" },
  lldpd: { lldpd: "lldpd" },
  dhcpcd: { dhcpcd: "dhcpcd-base" },
} as const;

/** The needs of a test that uses programs, by name, each with its package. */
export const needing = (programs: Readonly<Record<string, string>>) => ({ root: true, programs });

/** How long a daemon may take to start, in milliseconds. */
const PATIENCE = 20_000;

/** Becomes a command in a mount namespace of its own. */
const ALONE = [
  ...["unshare", "--mount", "--propagation", "private", "sh", "-c"],
  "mount -t tmpfs tmpfs /run && mkdir /run/lldpd && if [ -d /var/lib/dhcpcd ]; then " +
  'mount -t tmpfs tmpfs /var/lib/dhcpcd; fi && exec "$0" "$@"',
] as const;

/** A daemon with its processes. Leaving the scope of an `await using` kills them all. */
export class DebianDaemon implements AsyncDisposable {
  readonly #running: Running;
  readonly #namespace: string;

  private constructor(running: Running, readonly folder: string, namespace: string) {
    this.#running = running;
    this.#namespace = namespace;
  }

  /**
   * Starts a daemon.
   *
   * @param command Its command line. It may write to the folder, as any user.
   * @param isReady Whether it has dropped its privileges and runs.
   */
  static async start(
    command: (folder: string) => readonly string[],
    isReady: (daemon: DebianDaemon) => boolean,
  ): Promise<DebianDaemon> {
    const folder = await Deno.makeTempDir({ prefix: "fdpass-debian-" });
    await Deno.chmod(folder, 0o777);
    const running = new Running([...ALONE, ...command(folder)]);
    const own = namespaceOf("self");
    const elsewhere = () => namespaceOf(running.pid) !== own;
    await until("it has a mount namespace", elsewhere, PATIENCE);
    const daemon = new DebianDaemon(running, folder, namespaceOf(running.pid) ?? "");
    try {
      await until(`${command(folder)[0]} runs`, () => isReady(daemon), PATIENCE);
    } catch (error) {
      await daemon[Symbol.asyncDispose]();
      throw error;
    }
    return daemon;
  }

  /** Its first process. */
  get pid(): number {
    return this.#running.pid;
  }

  /** Its processes that have not ended. */
  get processes(): number[] {
    return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name))
      .filter((pid) => namespaceOf(pid) === this.#namespace && !hasEnded(pid));
  }

  /** The process whose command line begins with a text; `undefined` if there is none. */
  titled(title: string): number | undefined {
    return this.processes.find((pid) => titleOf(pid).startsWith(title));
  }

  /** Whether a process has a file of the folder open. */
  hasOpen(file: string): boolean {
    return linksOf(this.pid).includes(`${this.folder}/${file}`);
  }

  /** Ends a process by a signal, as an administrator would; with it the daemon must end. */
  async end(signal: Deno.Signal, pid = this.pid): Promise<Outcome> {
    Deno.kill(pid, signal);
    return await this.#running.ended();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (let left = this.processes; left.length > 0; left = this.processes) {
      for (const pid of left) kill(pid);
    }
    await this.#running[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

function kill(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error; // it has ended
  }
}

function namespaceOf(pid: number | "self"): string | undefined {
  try {
    return Deno.readLinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    return undefined;
  }
}

/** The command line of a process, which a daemon may write itself; empty if it has ended. */
export function titleOf(pid: number): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
  } catch {
    return "";
  }
}

function linksOf(pid: number): string[] {
  try {
    return [...Deno.readDirSync(`/proc/${pid}/fd`)].map(({ name }) =>
      Deno.readLinkSync(`/proc/${pid}/fd/${name}`)
    );
  } catch {
    return []; // it ends, or closes a descriptor
  }
}

/** tcpdump that became nobody, and writes what it captures to `frames.pcap`. */
export function startTcpdump(...filter: readonly string[]): Promise<DebianDaemon> {
  return DebianDaemon.start(
    (folder) => [
      ...["tcpdump", "-i", INTERFACE, "-Z", "nobody", "-U", "-w", `${folder}/frames.pcap`],
      ...filter,
    ],
    (daemon) => uidOf(daemon.pid) === 65534 && daemon.hasOpen("frames.pcap"),
  );
}

/** dumpcap, started by root: it keeps uid 0. */
export function startDumpcap(): Promise<DebianDaemon> {
  return DebianDaemon.start(
    (folder) => ["dumpcap", "-q", "-i", INTERFACE, "-w", `${folder}/frames.pcap`],
    (daemon) => daemon.hasOpen("frames.pcap"),
  );
}

/** lldpd: a monitor with capabilities, and a worker that has none. */
export function startLldpd(): Promise<DebianDaemon> {
  return DebianDaemon.start(
    () => ["lldpd", "-d", "-I", INTERFACE, "-u", "/run/lldpd.socket"],
    (daemon) => daemon.titled(LLDPD.worker) !== undefined,
  );
}

/** The titles of the processes of lldpd. */
export const LLDPD = { monitor: "lldpd: monitor.", worker: "lldpd: no neighbor." } as const;

/** dhcpcd, with IPv4 alone and without a script: no server answers it, so it changes nothing. */
export function startDhcpcd(): Promise<DebianDaemon> {
  const settings = ["-f", "/dev/null", "-c", "/bin/true"];
  return DebianDaemon.start(
    () => ["dhcpcd", "--nobackground", "--ipv4only", "--noipv4ll", ...settings, INTERFACE],
    (daemon) => {
      const worker = daemon.titled(DHCPCD.bpf);
      return worker !== undefined && isFiltered(worker);
    },
  );
}

/** The titles of the processes of dhcpcd. */
export const DHCPCD = {
  manager: `dhcpcd: ${INTERFACE}`,
  proxy: "dhcpcd: [privileged proxy]",
  control: "dhcpcd: [control proxy]",
  bpf: "dhcpcd: [BPF BOOTP]",
} as const;

/** The process of a daemon with a title. */
export function processOf(daemon: DebianDaemon, title: string): number {
  const pid = daemon.titled(title);
  if (pid !== undefined) return pid;
  throw new Error(`No "${title}" among: ${daemon.processes.map(titleOf).join("; ")}`);
}
