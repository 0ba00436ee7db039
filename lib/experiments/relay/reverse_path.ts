/**
 * Reverse path filtering, as the kernel has it for an interface: whether it takes a packet whose source it would not reach by that interface.
 *
 * Source: Documentation/networking/ip-sysctl.rst, rp_filter: "The max value from conf/{all,interface}/rp_filter is used".
 *
 * @module
 */

import { readTextFile } from "../../../ffi/process/file.ts";
import type { Link } from "../../../ffi/socket/rtnetlink.ts";

const setting = (name: string) => `/proc/sys/net/ipv4/conf/${name}/rp_filter`;

/**
 * Why it cannot be shown here both ways, in words; `undefined` if it can. It is changed only where both ends of a veth pair are at hand, since such an
 * interface serves nothing but tests.
 */
export function whyNotChangeable({ name, peer }: Link): string | undefined {
  if (peer === undefined) {
    return `rp_filter of "${name}" is left alone: it is no veth pair with both ends here`;
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

/** The filter of one interface, which is put back at the end. */
export class ReversePathFilter implements Disposable {
  readonly #path: string;
  readonly #before: string;

  constructor({ name }: Link) {
    this.#path = setting(name);
    this.#before = readTextFile(this.#path).trim();
  }

  /** Sets it: strict is RFC 3704, 2.2. */
  set(mode: "off" | "strict"): void {
    Deno.writeTextFileSync(this.#path, mode === "off" ? "0" : "1", { create: false });
  }

  [Symbol.dispose](): void {
    Deno.writeTextFileSync(this.#path, this.#before, { create: false });
  }
}
