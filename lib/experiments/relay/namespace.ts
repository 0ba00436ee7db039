/**
 * A veth pair to the network namespace of another process.
 *
 * Nothing is left over, however this program ends: the kernel removes a network namespace with its
 * last process, the far end with the namespace, and the near end with the far one. The pair is
 * deleted here only so that it is gone at once.
 *
 * @module
 */

import { Errno, SystemError } from "../../../ffi/abi/errno.ts";
import { withOriginalMask } from "../../../ffi/process/signals.ts";
import { deleteLink } from "../../../ffi/socket/link_settings.ts";
import { if_nametoindex, linkByIndex } from "../../../ffi/socket/rtnetlink.ts";
import { CannotAnswer } from "../../evidence/errors.ts";
import { asInterface, type Interface } from "../../packets/link_layer.ts";
import { runtimeCall } from "../../host/runtime_call.ts";

/** The command that starts a program in a network namespace of its own: unshare(1). */
export const IN_OWN_NAMESPACE = ["/usr/bin/unshare", "--net", "--"] as const;

/** The interface in the other namespace. */
export const FAR_END = "fdpass-in";

/** The address of the end in this namespace. Source: RFC 5737: for documentation. */
export const NEAR_ADDRESS = "198.51.100.1";
const FAR_ADDRESS = "198.51.100.2", PREFIX = "/30";

/** The largest MTU of a veth pair. Source: ETH_MAX_MTU in linux/if_ether.h. */
const MTU_LIMIT = 65535;

/**
 * Makes sure that the programs for a veth pair into another namespace are installed and permitted.
 *
 * @throws {CannotAnswer} If one is missing or fails.
 */
export function requireNamespaces(): void {
  const [unshare, ...own] = IN_OWN_NAMESPACE;
  for (
    const [name, program, ...args] of [
      ["iproute2", "ip", "-V"],
      ["util-linux", "nsenter", "-V"],
      ["util-linux", unshare, ...own, "nsenter", "-V"],
    ]
  ) {
    try {
      run(program, ...args);
    } catch (error) {
      if (!(error instanceof SystemError && error.errno === Errno.ENOENT)) throw error;
      throw new CannotAnswer(
        `The program "${program}" is missing`,
        `Install the package ${name}, or name an egress interface with --out`,
      );
    }
  }
}

/** A veth pair into another network namespace, until it is disposed of. */
export class FarNamespace implements Disposable {
  /** The end in this namespace: up, with an address. */
  readonly near: Interface;

  /**
   * Creates the pair.
   *
   * @param pid A process in the other namespace.
   * @param mtu The longest packet that the pair carries, in bytes; a veth pair has a limit itself.
   * @throws {CannotAnswer} If it cannot be created here.
   */
  constructor(pid: number, mtu: number) {
    const near = `fdp-out${Deno.pid}`; // at most 15 characters
    const there = ["nsenter", `--target=${pid}`, "--net", "--"];
    const size = ["mtu", String(Math.min(mtu, MTU_LIMIT))];
    const peer = ["peer", "name", FAR_END, ...size, "netns", String(pid)];
    run("ip", "link", "add", near, ...size, "type", "veth", ...peer);
    const ifindex = if_nametoindex(near);
    try {
      run("ip", "address", "add", NEAR_ADDRESS + PREFIX, "dev", near);
      run("ip", "link", "set", near, "up");
      run(...there, "ip", "address", "add", FAR_ADDRESS + PREFIX, "dev", FAR_END);
      run(...there, "ip", "link", "set", FAR_END, "up");
      this.near = asInterface(linkByIndex(ifindex));
    } catch (error) {
      remove(ifindex);
      throw error;
    }
  }

  /** Deletes the pair. */
  [Symbol.dispose](): void {
    remove(this.near.ifindex);
  }
}

function outcomeOf(program: string, args: readonly string[]) {
  const command = new Deno.Command(program, { args: [...args], stdin: "null" });
  return runtimeCall(
    "spawn",
    `Cannot start "${program}"`,
    () => withOriginalMask(() => command.outputSync()),
  );
}

/**
 * Runs a program.
 *
 * @throws {CannotAnswer} If it fails. The message has the first line of its standard error.
 */
function run(...[program, ...args]: readonly string[]): void {
  const { success, stderr } = outcomeOf(program, args);
  if (success) return;
  const reason = new TextDecoder().decode(stderr).trim().split("\n")[0];
  throw new CannotAnswer(
    `Cannot set up another network namespace: ${program} ${args.join(" ")}: ${reason}`,
    "Run fdpass by scripts/netns.sh, or name an egress interface with --out",
  );
}

/**
 * Deletes an interface, whatever its name is by now. One that is gone already, with the other
 * namespace, is no error.
 */
function remove(ifindex: number): void {
  try {
    deleteLink(ifindex);
  } catch (error) {
    if (!(error instanceof SystemError && error.errno === Errno.ENODEV)) throw error;
  }
}
