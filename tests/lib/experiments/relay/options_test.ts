import { assertEquals, assertThrows } from "@std/assert";
import { ARPHRD_ETHER } from "../../../../ffi/mod.ts";
import { UsageError } from "../../../../lib/evidence/errors.ts";
import {
  isSourceSpecific,
  parseEndpoint,
  parseFlow,
  refuseLoop,
  RELAY_DEFAULTS,
} from "../../../../lib/experiments/relay/options.ts";
import type { Interface } from "../../../../lib/packets/link_layer.ts";

Deno.test("parseEndpoint() accepts groups beyond the link, with a port", () => {
  for (const text of ["224.0.1.0:1", "232.1.2.3:5004", "239.255.255.255:65535"]) {
    const [address, port] = text.split(":");
    assertEquals(parseEndpoint("--from", text), { address, port: Number(port) });
  }
  for (const text of [RELAY_DEFAULTS.from, RELAY_DEFAULTS.to]) parseEndpoint("--from", text);
});

const WRONG: [text: string, message: string][] = [
  ["", "must be GROUP:PORT"],
  ["239.1.1.1", "must be GROUP:PORT"],
  [":5004", '"" is not an IPv4 address'],
  ["239.1.1:5004", '"239.1.1" is not an IPv4 address'],
  ["239.1.1.256:5004", "is not an IPv4 address"],
  ["239.1.1.01:5004", "is not an IPv4 address"],
  ["239.1.1.1 :5004", "is not an IPv4 address"],
  ["0xef.1.1.1:5004", "is not an IPv4 address"],
  ["example.org:5004", "is not an IPv4 address"],
  ["192.0.2.1:5004", "192.0.2.1 is not a multicast group"],
  ["255.255.255.255:5004", "is not a multicast group"],
  ["240.0.0.1:5004", "is not a multicast group"],
  ["223.255.255.255:5004", "is not a multicast group"],
  ["224.0.0.0:5004", "is link-local"],
  ["224.0.0.251:5353", "is link-local"],
  ["[ff15::4644]:5004", "IPv6 is not relayed"],
  ["ff15::4644:5004", "IPv6 is not relayed"],
  ["239.1.1.1:0", 'the port must be from 1 to 65535, not "0"'],
  ["239.1.1.1:65536", "the port must be from 1 to 65535"],
  ["239.1.1.1:", 'the port must be from 1 to 65535, not ""'],
  ["239.1.1.1:-1", "the port must be from 1 to 65535"],
  ["239.1.1.1:5e3", "the port must be from 1 to 65535"],
  ["239.1.1.1:5004\n", "the port must be from 1 to 65535"],
  ["239.1.1.1:5004:5005", "IPv6 is not relayed"],
];

for (const [text, message] of WRONG) {
  Deno.test(`parseEndpoint() refuses ${JSON.stringify(text)}: ${message}`, () => {
    assertThrows(() => parseEndpoint("--to", text), UsageError, message);
    assertThrows(() => parseEndpoint("--to", text), UsageError, "--to: ");
  });
}

Deno.test("parseFlow() accepts a group with a source, and without one outside of 232/8", () => {
  assertEquals(parseFlow("--from", "239.1.1.1:5004"), { address: "239.1.1.1", port: 5004 });
  for (const group of ["232.1.2.3", "239.1.1.1"]) {
    assertEquals(parseFlow("--from", `192.0.2.1@${group}:5004`), {
      address: group,
      port: 5004,
      source: "192.0.2.1",
    });
  }
});

for (const text of ["232.0.0.1:5004", "232.255.255.255:1"]) {
  Deno.test(`parseFlow() asks for the source of ${text}, and says how`, () => {
    assertThrows(() => parseFlow("--from", text), UsageError, `such as 192.0.2.1@${text}`);
  });
}

for (
  const source of ["", "example.org", "239.1.1.1", "0.0.0.0", "127.0.0.1", "255.255.255.255", "::1"]
) {
  Deno.test(`parseFlow() refuses the source ${JSON.stringify(source)}`, () => {
    const message = `--from: the source ${
      JSON.stringify(source)
    } is not the IPv4 address of a host`;
    assertThrows(() => parseFlow("--from", `${source}@232.1.1.1:5004`), UsageError, message);
  });
}

Deno.test("isSourceSpecific() is true of 232/8 alone", () => {
  const of = (address: string) => isSourceSpecific({ address, port: 1 });
  assertEquals(["231.255.255.255", "232.0.0.0", "232.255.255.255", "233.0.0.0"].map(of), [
    false,
    true,
    true,
    false,
  ]);
});

const link = (ifindex: number, more: Partial<Interface> = {}): Interface => ({
  name: `if${ifindex}`,
  alternativeNames: [],
  ifindex,
  up: true,
  carrier: true,
  loopback: false,
  type: ARPHRD_ETHER,
  layer: "ethernet",
  mtu: 1500,
  address: new Uint8Array(6),
  kind: "veth",
  peer: undefined,
  promiscuity: 0,
  ...more,
});
const endpoint = (port: number) => ({ address: "239.1.1.1", port });

Deno.test("refuseLoop() refuses options that would make a loop, and no others", () => {
  const near = link(2, { peer: 3 });
  const same = { from: endpoint(1), to: endpoint(1) };
  const other = { from: endpoint(1), to: endpoint(2) };
  assertThrows(() => refuseLoop({ ...same, out: link(2) }, near), UsageError, "a loop");
  assertThrows(() => refuseLoop({ ...same, out: link(3) }, near), UsageError, "veth peer");
  for (const relay of [same, other]) {
    const out = link(1, { loopback: true });
    assertThrows(() => refuseLoop({ ...relay, out }, near), UsageError, "come back");
    refuseLoop({ ...relay, out: undefined }, near);
    refuseLoop({ ...relay, out: link(4) }, near);
  }
  refuseLoop({ ...other, out: link(2) }, near);
  refuseLoop({ ...other, out: link(3) }, near);
});
