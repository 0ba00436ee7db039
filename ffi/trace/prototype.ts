/**
 * C prototypes, parsed as far as a trace needs: the types and names of the parameters.
 *
 * @module
 */

/** A parameter. */
export interface Parameter {
  /** The C type without `const`, with one space before the stars, such as `struct msghdr *`. */
  readonly type: string;
  readonly name: string;
}

/**
 * The comment after `...` names the variadic parameters; the type of the first applies to the
 * others.
 */
function parameter(text: string, before: string): Parameter {
  const pointer = text.match(/\(\*(\w+)\)/);
  if (pointer !== null) return { type: "function *", name: pointer[1] };
  const [, type, name, array] = text.match(/^(.*?)(\w+)(\[\d*\])?$/)!;
  const whole = type.replace(/\bconst\b/g, "").replace(/\s*(\*+)/, " $1").trim();
  return { type: array === undefined ? whole || before : `${whole}[]`, name };
}

/**
 * The parameters of a C function.
 *
 * @example
 * ```ts
 * import { parametersOf } from "./prototype.ts";
 *
 * const [, addr] = parametersOf("int bind(int sockfd, const struct sockaddr *addr)");
 * console.assert(addr.name === "addr" && addr.type === "struct sockaddr *");
 * ```
 */
export function parametersOf(prototype: string): Parameter[] {
  const list = prototype.slice(prototype.indexOf("(") + 1, -1)
    .replace(/\.\.\. \/\*(.*)\*\//, "$1")
    .replace(/\((void \*)\)/g, "()");
  const parameters: Parameter[] = [];
  for (const text of list.split(",").map((each) => each.trim())) {
    if (text === "void" || text === "...") continue;
    parameters.push(parameter(text, parameters.at(-1)?.type ?? ""));
  }
  return parameters;
}
