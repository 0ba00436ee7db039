/** Runs a program with the standard streams of this one. Returns its exit status. */
export async function passThrough(program: string, args: readonly string[]): Promise<number> {
  const [stdin, stdout, stderr] = ["inherit", "inherit", "inherit"] as const;
  const command = new Deno.Command(program, { args: [...args], stdin, stdout, stderr });
  return (await command.output()).code;
}
