/** The mark that stands for the status of a check, in the text and on the page. */
export const MARK = { pass: "✓", fail: "✗", skip: "–" } as const;
