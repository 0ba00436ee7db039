/**
 * Interfaces by name: the one under test, and the one where frames are injected.
 *
 * @module
 */

import { ALTIFNAMSIZ, IFNAMSIZ } from "../../ffi/abi/constants.ts";
import { Errno, SystemError } from "../../ffi/abi/errno.ts";
import { if_nametoindex, type Link, linkByIndex, linkByName } from "../../ffi/socket/rtnetlink.ts";
import { CannotAnswer, UsageError } from "../evidence/errors.ts";

/**
 * Whether a text can name an interface: up to 15 printable ASCII characters, as dev_valid_name() in
 * net/core/dev.c checks it, or up to 127 for an alternative name. That function would also accept
 * bytes beyond ASCII.
 */
export function isInterfaceName(name: string): boolean {
  return name.length < ALTIFNAMSIZ && /^[!-~]+$/.test(name) && !/[/:]/.test(name) &&
    name !== "." && name !== "..";
}

/**
 * Returns the interface with a given name or alternative name.
 *
 * @param purpose The purpose of the interface, for the error.
 * @param action The action that fails if there is no such interface, for the error.
 * @throws {UsageError} If the text cannot name an interface, or no interface has that name.
 */
export function findLink(
  name: string,
  purpose: string,
  action = "Cannot bind the packet socket to",
): Link {
  if (!isInterfaceName(name)) {
    throw new UsageError(
      `${purpose} ${JSON.stringify(name)} is not an interface name: ` +
        `it must be 1 to 15 printable ASCII characters (an alternative name: 127) without "/" and ":"`,
    );
  }
  try {
    return linkNamed(name);
  } catch (error) {
    if (!(error instanceof SystemError && error.errno === Errno.ENODEV)) throw error;
    throw new UsageError(
      `${action} "${name}": ${error.message}; "ip link" shows the interfaces, and ` +
        "scripts/netns.sh makes one in a private network namespace",
    );
  }
}

/**
 * Looks up an interface. Where if_nametoindex(3) can open no socket it fails with ENOENT, and hides
 * the reason; rtnetlink has it.
 */
function linkNamed(name: string): Link {
  if (name.length >= IFNAMSIZ) return linkByName(name);
  try {
    return linkByIndex(if_nametoindex(name));
  } catch (error) {
    if (error instanceof SystemError && error.errno === Errno.ENOENT) return linkByName(name);
    throw error;
  }
}

/**
 * Requires that an interface is up.
 *
 * @param consequence The consequence of its being down, for the error.
 * @throws {CannotAnswer} If it is down.
 */
export function requireUp(link: Link, consequence = "no packet can be received"): void {
  if (!link.up) {
    throw new CannotAnswer(
      `Interface "${link.name}" is down: ${consequence} (ENETDOWN)`,
      `ip link set ${link.name} up`,
    );
  }
}

/**
 * Requires that an interface has a carrier: that something is up at its other end.
 *
 * @param consequence The consequence of its having none, for the error.
 * @throws {CannotAnswer} If it has none.
 */
export function requireCarrier(link: Link, consequence = "no packet can be received"): void {
  if (link.carrier) return;
  throw new CannotAnswer(
    `Interface "${link.name}" has no carrier: ${consequence}`,
    `Connect its other end and set it up; "ip link show ${link.name}" then shows LOWER_UP`,
  );
}

/**
 * Returns the interface where frames are injected.
 *
 * @param stimulus The name of an interface, `"none"`, or `undefined` for the veth peer of `link`.
 * @returns `undefined` if no frame can be injected.
 * @throws {UsageError} If there is no such interface, or its frames would not arrive at `link`.
 */
export function findStimulus(link: Link, stimulus: string | undefined): Link | undefined {
  if (stimulus === "none") return undefined;
  if (stimulus === undefined) return link.peer === undefined ? undefined : linkByIndex(link.peer);
  const injected = findLink(stimulus, "--stimulus:", "Cannot inject frames on");
  if (injected.ifindex === link.ifindex && !link.loopback) {
    throw new UsageError(
      `--stimulus: frames injected on "${link.name}" leave through it and never arrive there; ` +
        `name its peer, or "none"`,
    );
  }
  return injected;
}

/**
 * Requires an interface where frames can be injected, for an experiment that needs frames of its
 * own.
 *
 * @param consequence The consequence of having no such interface, for the error.
 * @throws {CannotAnswer} If there is none.
 */
export function requireStimulus<Stimulus extends Link>(
  stimulus: Stimulus | undefined,
  link: Link,
  consequence = `No frames can be injected for "${link.name}"`,
): Stimulus {
  if (stimulus !== undefined) return stimulus;
  const why = link.peer === undefined ? "its veth peer is not here" : "--stimulus is none";
  throw new CannotAnswer(
    `${consequence}: ${why}`,
    "Run fdpass by scripts/netns.sh, or name the peer with --stimulus",
  );
}
