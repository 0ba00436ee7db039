/**
 * The scenarios of the receive benchmark.
 *
 * @module
 */

/** How frames come, and which programs take part. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** Frames per second; as many as possible by default. */
  readonly rate?: number;
  /** Whether all the work of receiving is steered to the receiver's processor. */
  readonly steered: boolean;
  /** Whether the capture tools take part. */
  readonly captures: boolean;
}

function atRate(thousands: number): Scenario {
  return {
    name: `${thousands}k`,
    title: `${thousands},000 frames a second`,
    rate: thousands * 1000,
    steered: false,
    captures: false,
  };
}

const STEERED = "all the work of receiving on the receiver's processor (RPS)";

export const SCENARIOS: readonly Scenario[] = [
  atRate(50),
  atRate(200),
  atRate(500),
  { name: "flat-out", title: "flat out", steered: false, captures: true },
  // Under RPS the generator's speed depends on the receiver, and what is received depends on what
  // is sent. So there is also a fixed rate for all, higher than most can receive.
  {
    name: "rps-400k",
    title: `400,000 frames a second, ${STEERED}`,
    rate: 400_000,
    steered: true,
    captures: true,
  },
  { name: "rps", title: `flat out, ${STEERED}`, steered: true, captures: true },
];
