/**
 * Patterns for places in the program, by functions and files.
 *
 * A pattern is a chain of calls, innermost first: `send@ffi/socket/calls.ts send@lib/….ts`. It
 * matches wherever the chain stands in a place, and with `^` only at its beginning, which is the
 * function that calls libc. A frame `@PATH` matches any function of a file.
 *
 * @module
 */

/** The place of every call on a thread that runs no JavaScript. */
export const ON_ANOTHER_THREAD = "";

/** A frame of a pattern. */
export interface Frame {
  /** Empty for any function of the file. */
  readonly name: string;
  readonly path: string;
}

/** The frames of a pattern. */
export function framesOf(pattern: string): Frame[] {
  return [...pattern.matchAll(/\^?((?:new )?\S*)@(\S+)/g)].map(([, name, path]) => ({
    name: name.replace(/^\^/, ""),
    path,
  }));
}

const compiled = new Map<string, RegExp>();

/** Whether a place, as `placeOf()` gives it, matches a pattern. */
export function isAt(place: string, pattern: string): boolean {
  if (pattern === ON_ANOTHER_THREAD) return place === "";
  if (!compiled.has(pattern)) compiled.set(pattern, compile(pattern));
  return compiled.get(pattern)!.test(place);
}

function compile(pattern: string): RegExp {
  const frames = framesOf(pattern).map(({ name, path }) => {
    // A method's name may come with its receiver, and with the property that it was called by.
    const called = `(?:Object\\.)?${RegExp.escape(name)}(?: \\[as [^\\]]+\\])?`;
    return `${name === "" ? "\\S*" : called}@${RegExp.escape(path)}:\\d+`;
  });
  return new RegExp(
    `${pattern.startsWith("^") ? "^" : "(?:^|(?<!new)\\s)"}${frames.join(" ")}(?:\\s|$)`,
  );
}
