import { LISTEN, RELAY, ROLE } from "../../../../lib/experiments/relay/orders.ts";
import { assertValidates, CONFINEMENT, WRONG_CONFINEMENT } from "../../../support/orders.ts";

const endpoint = { address: "239.255.70.68", port: 5004 };
const WRONG_ENDPOINTS = [
  null,
  "239.255.70.68:5004",
  {},
  { ...endpoint, address: "example.org" },
  { ...endpoint, address: "239.255.70.256" },
  { ...endpoint, port: 0 },
  { ...endpoint, port: 65536 },
  { ...endpoint, port: "5004" },
  { ...endpoint, source: "example.org" },
  { ...endpoint, source: 1 },
  { ...endpoint, source: null },
];

Deno.test("ROLE validates its field", () => {
  assertValidates(ROLE, { role: "worker" }, { role: ["", "parent", null, ["worker"]] });
});

const WRONG_RELAY = {
  ...WRONG_CONFINEMENT,
  receive: ["", null],
  from: WRONG_ENDPOINTS,
  ifindex: [0, -1, 2 ** 31, "2"],
  layer: [undefined, "", "toString"],
};

const WRONG_LISTEN = { interface: [null, 1, "x".repeat(16)], to: WRONG_ENDPOINTS };

Deno.test("RELAY validates every field", () => {
  assertValidates(
    RELAY,
    { ...CONFINEMENT, receive: "recvmmsg", from: endpoint, ifindex: 2, layer: "ip" },
    WRONG_RELAY,
  );
});

Deno.test("LISTEN validates every field", () => {
  assertValidates(LISTEN, { interface: "far", to: endpoint }, WRONG_LISTEN);
});

Deno.test("RELAY and LISTEN accept a source", () => {
  const from = { ...endpoint, source: "192.0.2.1" };
  const wanted = { ...CONFINEMENT, receive: "recvmmsg", from, ifindex: 2, layer: "ip" } as const;
  assertValidates(RELAY, wanted, WRONG_RELAY);
  assertValidates(LISTEN, { interface: "far", to: from }, WRONG_LISTEN);
});
