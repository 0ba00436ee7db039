/**
 * Launchers: programs that start a child with less than root has, on every thread. They wrap
 * setpriv(1).
 *
 * A launcher is a list of words that stands before the child's command.
 *
 * @module
 */

import { CAP_NET_RAW, CAP_SETGID, CAP_SETUID } from "../../ffi/abi/constants.ts";
import { Errno, SystemError } from "../../ffi/abi/errno.ts";
import type { Identity } from "../../ffi/process/credentials.ts";
import { CannotAnswer } from "../evidence/errors.ts";
import { mayLimitBounding } from "../host/capabilities.ts";
import { runtimeCall } from "../host/runtime_call.ts";
import { threadCredentials } from "../inspect/threads/threads.ts";
import type { Protection } from "./protections.ts";

const SETPRIV = "/usr/bin/setpriv";

/** The capabilities that the drop and the control before it need, as setpriv(1) names them. */
const DEFAULT_CAPABILITIES = {
  setuid: CAP_SETUID,
  setgid: CAP_SETGID,
  net_raw: CAP_NET_RAW,
} as const;

/** Returns the most capabilities that a child may start with, as a set of bits. */
export function launchCapabilities(chosen: readonly Protection[]): bigint {
  if (chosen.includes("no-capabilities")) return 0n;
  return Object.values(DEFAULT_CAPABILITIES).reduce((set, bit) => set | 1n << BigInt(bit), 0n);
}

/**
 * Returns the largest bounding set that a child may start with. It is that of this process where
 * nothing can be taken from it, without CAP_SETPCAP. Under no_new_privs execve(2) grants nothing
 * of it.
 */
export function launchBounding(chosen: readonly Protection[]): bigint {
  if (mayLimitBounding()) return launchCapabilities(chosen);
  const [own] = threadCredentials("self");
  return BigInt(`0x${own.capabilities.CapBnd}`);
}

/** The options that limit the bounding set, where this process may do so. */
function boundingSet(kept: string): readonly string[] {
  return mayLimitBounding() ? [`--bounding-set=${kept}`] : [];
}

/**
 * Returns the launcher that leaves these capabilities and no other. No program that the child
 * executes gains a privilege. The child leaves its groups itself.
 *
 * Root's capabilities are those of its bounding set. Another user keeps across execve(2) those that
 * are inheritable and ambient.
 */
export function launcherWith(capabilities: readonly string[]): readonly string[] {
  const kept = ["-all", ...capabilities.map((name) => `+${name}`)].join(",");
  const inherited = Deno.uid() === 0 ? "-all" : kept;
  return [
    SETPRIV,
    "--no-new-privs",
    ...boundingSet(kept),
    `--inh-caps=${inherited}`,
    `--ambient-caps=${inherited}`,
    "--",
  ];
}

/** Returns the launcher of every child that needs no special one. */
export function defaultLauncher(): readonly string[] {
  return launcherWith(Object.keys(DEFAULT_CAPABILITIES));
}

/**
 * Returns the launcher that leaves no capability if that protection is chosen, and the default
 * launcher otherwise.
 */
export function launcherFor(identity: Identity, chosen: readonly Protection[]): readonly string[] {
  if (!chosen.includes("no-capabilities")) return defaultLauncher();
  return launcherUnder(identity, [...chosen, "no-new-privs"]);
}

/**
 * Returns the launcher that puts on the chosen protections and nothing else, to show what each
 * takes away.
 *
 * @returns An empty list if none of them is put on at the start.
 */
export function launcherUnder(
  { uid, gid }: Identity,
  chosen: readonly Protection[],
): readonly string[] {
  if (!chosen.includes("no-capabilities")) return [];
  return [
    SETPRIV,
    ...chosen.includes("no-new-privs") ? ["--no-new-privs"] : [],
    ...boundingSet("-all"),
    "--inh-caps=-all",
    "--ambient-caps=-all",
    "--clear-groups",
    `--ruid=${uid}`,
    `--rgid=${gid}`,
    "--",
  ];
}

/**
 * Requires the program that the launchers are made of.
 *
 * @throws {CannotAnswer} If it is missing, or another program of that name is there.
 * @throws {SystemError} If it cannot be started: `EMFILE`, `EAGAIN`, …
 */
export function requireLauncher(program = SETPRIV): void {
  try {
    const command = new Deno.Command(program, { args: ["--version"] });
    const { stdout } = runtimeCall(
      "spawn",
      `Cannot start "${program}"`,
      () => command.outputSync(),
    );
    if (new TextDecoder().decode(stdout).includes("util-linux")) return; // busybox has another
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    if (error.errno !== Errno.ENOENT && error.errno !== Errno.EACCES) throw error;
  }
  throw new CannotAnswer(
    `"${program}" is missing, or not the one of util-linux`,
    "Install the package util-linux",
  );
}
