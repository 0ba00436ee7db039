/**
 * Reverse path filtering of an interface: with it, the kernel drops a packet whose source it would
 * not reach by that interface.
 *
 * Source: Documentation/networking/ip-sysctl.rst, rp_filter: "The max value from
 * conf/{all,interface}/rp_filter is used".
 *
 * @module
 */

import { readTextFile } from "../../../ffi/process/file.ts";
import type { Link } from "../../../ffi/socket/rtnetlink.ts";

const setting = (name: string) => `/proc/sys/net/ipv4/conf/${name}/rp_filter`;

/**
 * Finds out why the filter of an interface cannot be switched off and on here.
 *
 * Only an interface of a veth pair with both ends in this namespace is changed: such a pair serves
 * tests alone.
 *
 * @returns The reason in words; `undefined` if there is none.
 */
export function whyNotChangeable({ name, peer }: Link): string | undefined {
  if (peer === undefined) {
    return `rp_filter of "${name}" is left unchanged: it is not a veth pair with both ends here`;
  }
  const all = readTextFile(setting("all")).trim();
  if (all !== "0") return `net.ipv4.conf.all.rp_filter is ${all}: it cannot be off for "${name}"`;
  try {
    Deno.openSync(setting(name), { write: true }).close();
  } catch (error) {
    return `rp_filter of "${name}" cannot be changed: ${
      error instanceof Error ? error.message : error
    }`;
  }
}

/** The filter of one interface. Its first setting is restored when it is disposed of. */
export class ReversePathFilter implements Disposable {
  readonly #path: string;
  readonly #before: string;

  constructor({ name }: Link) {
    this.#path = setting(name);
    this.#before = readTextFile(this.#path).trim();
  }

  /** Sets the filter. Strict is RFC 3704, 2.2. */
  set(mode: "off" | "strict"): void {
    Deno.writeTextFileSync(this.#path, mode === "off" ? "0" : "1", { create: false });
  }

  /** Restores the first setting. */
  [Symbol.dispose](): void {
    Deno.writeTextFileSync(this.#path, this.#before, { create: false });
  }
}
