/**
 * The contestants: programs in C and in TypeScript that receive by our receive paths, and
 * well-known capture tools.
 *
 * @module
 */

/** The receive paths. */
export const PATHS = ["recvfrom", "recvmmsg", "tpacket-v3", "io-uring", "io-uring-multishot"];

/**
 * Buffers of 16 MiB for each: the kernel doubles `SO_RCVBUFFORCE`, and the rings have that size by
 * default.
 */
const RCVBUF = 8 << 20;
const RING_KIB = 16 << 10;

/** A program, and how it is started. */
export interface Contestant {
  /** Its receive path. */
  readonly path: string;
  /** `"C"`, `"ours"`, or the name of a tool. */
  readonly program: string;
  readonly command: readonly string[];
  /** Whether it reports as `bench/c/receiver.c` does, or as a capture tool. */
  readonly report: "json" | "capture";
}

/** A receiver with the command line and the report of `bench/c/receiver.c`. */
export function receiver(
  program: string,
  command: readonly string[],
  path: string,
  interfaceName: string,
): Contestant {
  const options = ["--path", path, "--interface", interfaceName, "--rcvbuf", String(RCVBUF)];
  return { path, program, command: [...command, ...options], report: "json" };
}

/**
 * The installed capture tools. They receive by TPACKET_V3, and write to /dev/null. tcpdump changes
 * to a user of its own and gives that user the file, so for `/dev/null` it has to stay root (`-Z`).
 */
export function captures(interfaceName: string): Contestant[] {
  const common = ["-i", interfaceName, "-w", "/dev/null"];
  return [
    { tool: "tcpdump", options: ["-n", "-Z", "root", "-B", String(RING_KIB), ...common] },
    { tool: "dumpcap", options: ["-q", "-B", String(RING_KIB / 1024), ...common] },
  ].filter(({ tool }) => isInstalled(tool)).map(({ tool, options }) => ({
    path: "capture",
    program: tool,
    command: [tool, ...options],
    report: "capture",
  }));
}

function isInstalled(program: string): boolean {
  try {
    new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync();
    return true;
  } catch {
    return false;
  }
}
