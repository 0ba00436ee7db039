/**
 * Compares an output with `transcript.txt`, the transcript that the reviewers know. In it,
 * `<number>` stands for any number and `<frame>` for the name of a frame of the stimulus;
 * everything else is literal.
 *
 * @module
 */

const PLACES: Readonly<Record<string, string>> = {
  "<number>": "\\d+",
  "<frame>": "(?:IPv4 \\(protocol: \\d+\\)|IPv6)",
};

/** The lines of the transcript, in order. */
export const TRANSCRIPT: readonly string[] = Deno
  .readTextFileSync(new URL("transcript.txt", import.meta.url)).split("\n");

function fits(line: string, pattern: string): boolean {
  const source = pattern.split(/(<\w+>)/).map((part) => PLACES[part] ?? RegExp.escape(part));
  return new RegExp(`^${source.join("")}$`).test(line);
}

/** What a terminal shows in the end: a progress line that was erased is gone. */
export function leftOnTerminal(output: string): string {
  // deno-lint-ignore no-control-regex -- what a terminal understands
  return output.replaceAll("\r\n", "\n").replaceAll(/[^\n]*\r\x1b\[K/g, "");
}

/**
 * The lines of an output that belong to the transcript: all but the details, which begin with `·`.
 */
export function standingLines(output: string): string[] {
  return output.split("\n").filter((line) => !line.trim().startsWith("·"));
}

/** Replaces each line by that of the transcript if it matches, and keeps it if it does not. */
export function heldAgainst(transcript: readonly string[], lines: readonly string[]): string[] {
  return lines.map((line, i) =>
    i < transcript.length && fits(line, transcript[i]) ? transcript[i] : line
  );
}
