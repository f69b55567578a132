export async function virtualDevice(_args: string[]): Promise<number> {
  return 1
}
