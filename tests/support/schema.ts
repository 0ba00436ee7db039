/**
 * The published schema of the evidence, held against what is printed.
 *
 * @module
 */

import { Ajv2020, type ErrorObject } from "ajv";

/** The schema, as it is published. */
export const SCHEMA = JSON.parse(
  Deno.readTextFileSync(new URL("../../schema/fdpass-1.schema.json", import.meta.url)),
);

const validate = new Ajv2020({
  allErrors: true,
  strict: true,
  strictRequired: false,
  strictTypes: false,
})
  .compile(SCHEMA);

/** What is wrong with a report, a line for each fault; none if it is as the schema says. */
export function faultsOf(report: unknown): string[] {
  if (validate(report)) return [];
  return (validate.errors ?? []).map(({ instancePath, message, params }: ErrorObject) =>
    `${instancePath || "/"} ${message} ${JSON.stringify(params)}`
  );
}

/**
 * Makes sure that a report is as the schema says.
 *
 * @throws {Error} If it is not.
 */
export function assertSchema(report: unknown): void {
  const faults = faultsOf(report);
  if (faults.length > 0) throw new Error(`Not of the schema:\n${faults.slice(0, 20).join("\n")}`);
}
