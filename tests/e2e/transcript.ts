/**
 * The transcript that the reviewers know, `transcript.txt`, held against what was printed. In it `<number>` stands for
 * any number and `<frame>` for what a frame of the stimulus is called; everything else stands for itself.
 *
 * @module
 */

const PLACES: Readonly<Record<string, string>> = {
  "<number>": "\\d+",
  "<frame>": "(?:IPv4 \\(protocol: \\d+\\)|IPv6)",
};

/** The lines of the transcript, with their places. */
export const TRANSCRIPT: readonly string[] = Deno
  .readTextFileSync(new URL("transcript.txt", import.meta.url)).split("\n");

function fits(line: string, pattern: string): boolean {
  const source = pattern.split(/(<\w+>)/).map((part) => PLACES[part] ?? RegExp.escape(part));
  return new RegExp(`^${source.join("")}$`).test(line);
}

/** What a terminal shows of an output in the end: a line that was taken away again is gone, as that of a run which is waited for. */
export function leftOnTerminal(output: string): string {
  // deno-lint-ignore no-control-regex -- what a terminal understands
  return output.replaceAll("\r\n", "\n").replaceAll(/[^\n]*\r\x1b\[K/g, "");
}

/** The lines of an output that stand in the transcript: all but the details, which begin with `·`. */
export function standingLines(output: string): string[] {
  return output.split("\n").filter((line) => !line.trim().startsWith("·"));
}

/** Each line as the transcript has it where it fits there, and as it is where it does not. */
export function heldAgainst(transcript: readonly string[], lines: readonly string[]): string[] {
  return lines.map((line, i) =>
    i < transcript.length && fits(line, transcript[i]) ? transcript[i] : line
  );
}
