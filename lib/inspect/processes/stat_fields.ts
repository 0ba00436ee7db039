/**
 * The fields of `/proc/PID/stat`.
 *
 * @module
 */

/**
 * Returns the fields from the third on, from the text of the file. The second is the name of the
 * program, which may contain spaces and parentheses. Source: proc_pid_stat(5).
 */
export function statFields(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}
