/**
 * Receive packet steering: which processor does the work of receiving. Source:
 * Documentation/networking/scaling.rst.
 *
 * The setting is in sysfs, and a sysfs shows the network namespace in which it was mounted. So it
 * is mounted again in a folder of its own, while the setting lasts.
 *
 * @module
 */

/** Runs a program that prints nothing. Throws with its message if it fails. */
function run(program: string, ...args: readonly string[]): void {
  const { success, stderr } = new Deno.Command(program, { args: [...args] }).outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr).trim());
}

function setCpus(interfaceName: string, mask: string): void {
  const folder = Deno.makeTempDirSync();
  try {
    try {
      run("mount", "-t", "sysfs", "sysfs", folder);
    } catch (error) {
      throw new Error(
        `Cannot mount the sysfs of this network namespace: ${error}; run this as root, through scripts/netns.sh`,
      );
    }
    try {
      Deno.writeTextFileSync(`${folder}/class/net/${interfaceName}/queues/rx-0/rps_cpus`, mask, {
        create: false,
      });
    } catch (error) {
      throw new Error(
        `Cannot set rps_cpus of "${interfaceName}" to ${mask}: ${error}; the kernel needs CONFIG_RPS`,
      );
    } finally {
      run("umount", folder);
    }
  } finally {
    Deno.removeSync(folder);
  }
}

/**
 * How often another processor asked this one to continue receiving. Source: net/core/net-procfs.c,
 * softnet_seq_show().
 */
function steeredTo(cpu: number): number {
  const RECEIVED_RPS = 9, CPU = 12;
  const rows = Deno.readTextFileSync("/proc/net/softnet_stat").trim().split("\n")
    .map((line) => line.split(" ").map((word) => parseInt(word, 16)));
  return rows.find((row) => row[CPU] === cpu)?.[RECEIVED_RPS] ?? 0;
}

/**
 * While it exists, one processor does all the work of receiving from an interface with a single
 * queue.
 */
export class Steering implements Disposable {
  readonly #before: number;

  /** @throws {Error} If it cannot be set, with the remedy. */
  constructor(readonly interfaceName: string, readonly cpu: number) {
    this.#before = steeredTo(cpu);
    setCpus(interfaceName, mask(cpu));
  }

  /** Whether any frame has been steered yet. */
  get works(): boolean {
    return steeredTo(this.cpu) > this.#before;
  }

  [Symbol.dispose](): void {
    setCpus(this.interfaceName, "0");
  }
}

/** A set of one processor: words of 32 bits in hexadecimal, the highest first. */
export function mask(cpu: number): string {
  return [(1 << cpu % 32 >>> 0).toString(16), ...Array(Math.floor(cpu / 32)).fill("0")].join(",");
}
