import { WORKER } from "../../../../lib/experiments/authority/orders.ts";
import { assertValidates, CONFINEMENT, WRONG_CONFINEMENT } from "../../../support/orders.ts";

const sibling = { pid: 2, pidInProc: 4711, fd: 7 };
const target = { ifindex: 2, layer: "ip", otherIfindex: 1, sibling, forgottenFd: 9 } as const;
const right = { ...CONFINEMENT, receive: "recvmsg", prove: true, target } as const;
const wrong = {
  ...WRONG_CONFINEMENT,
  receive: ["", "toString", 0],
  prove: [null, 0, "true"],
  target: [
    [],
    "lo",
    {},
    { ...target, ifindex: 0 },
    { ...target, layer: "token ring" },
    { ...target, otherIfindex: "1" },
    { ...target, forgottenFd: -1 },
    { ...target, sibling: null },
    { ...target, sibling: { ...sibling, pid: 0 } },
    { ...target, sibling: { ...sibling, pidInProc: 1.5 } },
    { ...target, sibling: { ...sibling, fd: null } },
  ],
};

Deno.test("WORKER validates every field", () => {
  assertValidates(WORKER, right, wrong);
  assertValidates(WORKER, { ...right, target: null }, wrong);
});
