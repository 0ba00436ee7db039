/**
 * What the receivers are put through.
 *
 * @module
 */

/** How frames come, and who takes part. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** Frames per second; as many as the generator can if it is not there. */
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
  // How fast the generator is under RPS depends on who receives, and how much is received on how much is sent. So there is a rate
  // as well, more than most can take, that is the same for all.
  {
    name: "rps-400k",
    title: `400,000 frames a second, ${STEERED}`,
    rate: 400_000,
    steered: true,
    captures: true,
  },
  { name: "rps", title: `flat out, ${STEERED}`, steered: true, captures: true },
];
