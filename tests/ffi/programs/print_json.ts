/** Prints a result for the test that started this program. */
export function printJson(seen: unknown): void {
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(seen)));
}
