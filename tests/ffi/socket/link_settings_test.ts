import { assertEquals } from "@std/assert";
import {
  AF_INET,
  Errno,
  errnoOf,
  IFLA_AF_SPEC,
  IFLA_INET_CONF,
  IPV4_DEVCONF_RP_FILTER,
  ipv4Setting,
  parseIpv4Setting,
} from "../../../ffi/mod.ts";
import { testNeeding } from "../../support/needs.ts";
import { leavingNothingOpen } from "../descriptors.ts";
import { command, resultOf } from "../programs.ts";
import { attribute, joined } from "./netlink_messages.ts";

const array = new Uint8Array(Int32Array.of(11, 22, 33).buffer);
const settings = (bytes: Uint8Array) =>
  attribute(IFLA_AF_SPEC, attribute(AF_INET, attribute(IFLA_INET_CONF, bytes)));

Deno.test("parseIpv4Setting() counts the settings from 1", () => {
  const read = [0, 1, 2, 3, 4].map((each) => parseIpv4Setting(settings(array), each));
  assertEquals(read, [undefined, 11, 22, 33, undefined]);
});

Deno.test("parseIpv4Setting() finds nothing where an attribute is missing or cut", () => {
  const whole = settings(array);
  for (let length = 0; length < whole.length; length++) {
    assertEquals(parseIpv4Setting(whole.slice(0, length), 3), undefined, `${length}`);
  }
  const other = joined(attribute(IFLA_AF_SPEC, attribute(10, array)), attribute(1, array));
  assertEquals(parseIpv4Setting(other, 1), undefined);
});

Deno.test(
  "ipv4Setting() reads what /proc/sys shows, and fails with ENODEV without an interface",
  leavingNothingOpen(() => {
    const shown = Deno.readTextFileSync("/proc/sys/net/ipv4/conf/lo/rp_filter").trim();
    assertEquals(ipv4Setting(1, IPV4_DEVCONF_RP_FILTER), Number(shown));
    assertEquals(errnoOf(() => ipv4Setting(0x7fff_fffe, IPV4_DEVCONF_RP_FILTER)), Errno.ENODEV);
  }),
);

testNeeding(
  { root: true, programs: { unshare: "util-linux", ip: "iproute2" } },
  "setIpv4Setting() and deleteLink() follow an interface to its new name, and leave others alone",
  async () => {
    const program = command("ffi/socket/programs/settings_by_index.ts");
    assertEquals(await resultOf(["unshare", "--net", ...program]), {
      before: "0",
      renamed: "2",
      replacement: "0",
      settingGone: "ENODEV",
      deletedAgain: "ENODEV",
      names: ["lo", "far", "near"],
    });
  },
);
