/**
 * Reverse path filtering of an interface: with it, the kernel drops a packet whose source it would
 * not reach by that interface.
 *
 * The interface is addressed by its ifindex, by rtnetlink(7). The files in /proc/sys/net/ipv4/conf
 * are found by name, and during the run the interface may be renamed and another one take its name.
 *
 * Source: Documentation/networking/ip-sysctl.rst, rp_filter: "The max value from
 * conf/{all,interface}/rp_filter is used".
 *
 * @module
 */

import { IPV4_DEVCONF_RP_FILTER } from "../../../ffi/abi/constants.ts";
import { attempt, Errno, SystemError } from "../../../ffi/abi/errno.ts";
import { readTextFile } from "../../../ffi/process/file.ts";
import { ipv4Setting, setIpv4Setting } from "../../../ffi/socket/link_settings.ts";
import type { Link } from "../../../ffi/socket/rtnetlink.ts";

const OF_ALL = "/proc/sys/net/ipv4/conf/all/rp_filter";

/** The values of the setting. Strict is RFC 3704, 2.2. */
const MODES = { off: 0, strict: 1 } as const;

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
  const all = readTextFile(OF_ALL).trim();
  if (all !== "0") return `net.ipv4.conf.all.rp_filter is ${all}: it cannot be off for "${name}"`;
}

/** The filter of one interface. Its first setting is restored when it is disposed of. */
export class ReversePathFilter implements Disposable {
  readonly #link: Pick<Link, "name" | "ifindex">;
  readonly #before: number;

  /** @throws {SystemError} `ENODEV` if the interface is gone. */
  constructor(link: Pick<Link, "name" | "ifindex">) {
    this.#link = link;
    this.#before = ipv4Setting(link.ifindex, IPV4_DEVCONF_RP_FILTER);
  }

  /**
   * Sets the filter.
   *
   * @throws {SystemError} `ENODEV` if the interface is gone, `EPERM` without CAP_NET_ADMIN.
   */
  set(mode: keyof typeof MODES): void {
    this.#write(MODES[mode]);
  }

  /** Restores the first setting. An interface that is gone has taken the setting with it. */
  [Symbol.dispose](): void {
    try {
      this.#write(this.#before);
    } catch (error) {
      if (!(error instanceof SystemError && error.errno === Errno.ENODEV)) throw error;
    }
  }

  #write(value: number): void {
    const { name, ifindex } = this.#link;
    attempt(
      `Cannot set rp_filter of "${name}" to ${value}`,
      () => setIpv4Setting(ifindex, IPV4_DEVCONF_RP_FILTER, value),
    );
  }
}
