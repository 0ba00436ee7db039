import type { Evidence } from "../evidence.ts";
/** TODO */
export function renderHtml(evidence: Evidence): string {
  return evidence.schema;
}
