/**
 * Sets the wall clock of this process forward by an hour soon after its start, as an administrator
 * or ntpd would in mid-run. The monotonic clock goes on.
 *
 * @module
 */

/** When the clock is set, in milliseconds after this call. */
const MOMENT = 100;

const HOUR = 3_600_000;

/** Sets `Date.now()` forward. */
export function setClockForward(): void {
  const now = Date.now, began = performance.now();
  Date.now = () => now() + (performance.now() - began > MOMENT ? HOUR : 0);
}
