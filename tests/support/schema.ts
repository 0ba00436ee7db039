/**
 * Validates reports by the published schema of the evidence.
 *
 * @module
 */

import { Ajv2020, type ErrorObject } from "ajv";

/** The published schema. */
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

/** The violations of the schema in a report, one a line. */
export function schemaErrors(report: unknown): string[] {
  if (validate(report)) return [];
  return (validate.errors ?? []).map(({ instancePath, message, params }: ErrorObject) =>
    `${instancePath || "/"} ${message} ${JSON.stringify(params)}`
  );
}

/**
 * Asserts that a report is valid.
 *
 * @throws {Error} If it is not, with its first violations.
 */
export function assertSchema(report: unknown): void {
  const errors = schemaErrors(report);
  if (errors.length > 0) {
    throw new Error(`The report violates the schema:\n${errors.slice(0, 20).join("\n")}`);
  }
}
