/**
 * Runs programs on an interface that others use as well: the commands, and the traffic of others.
 *
 * @module
 */

import { inNamespace, type Outcome } from "../support/programs.ts";

/** Traffic of others on the interface under test. */
export interface Others {
  readonly what: string;
  /** Frames per second. */
  readonly rate: number;
  /** The destination: a group and a port. */
  readonly group: string;
  readonly port: number;
}

/** As many frames as one processor can send. */
const FLOOD = Infinity;

/** The group of the stimulus, and of the supervisor's stream. */
const SAME = { group: "239.255.70.68", port: 5004 } as const;

/** The traffic of others, by name. */
export const OTHERS = {
  "a flood": { what: "a flood of frames", rate: FLOOD, group: "239.255.7.7", port: 7777 },
  "a flood in the same group": {
    what: "a flood of frames in the group of the stimulus",
    rate: FLOOD,
    ...SAME,
  },
  "the same group": { what: "others in the group and port of the stimulus", rate: 1000, ...SAME },
  "the network": { what: "multicast of many kinds", rate: 5000, group: "224.0.0.251", port: 5353 },
} as const satisfies Record<string, Others>;

/** How long others send at most, in seconds. The namespace ends before. */
const LONGEST = 110;

/** In the shell: starts the traffic, and waits until it has begun. */
const START = `"$0" run -A tests/support/flood.ts veth-fdpass-far "$1" "$2" "$3" "$4" >/dev/null &
  packets=/sys/class/net/veth-fdpass/statistics/rx_packets
  while [ $(<$packets) -lt 500 ]; do sleep 0.01; done
  shift 4; exec "$@"`;

/** Runs a command in a private network namespace, among others. */
export function among(others: Others, command: readonly string[]): Promise<Outcome> {
  const { rate, group, port } = others;
  return inNamespace(
    [
      ...["bash", "-c", START, Deno.execPath(), String(LONGEST), String(rate), group, String(port)],
      ...command,
    ],
    { timeout: 150_000 },
  );
}
