// What mender-artifact says of what was accepted here: it may not be stricter.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../../../src/platform/platform.ts'

/** Where mender-artifact refuses what a device's other readers take, with the reason why it is accepted here. */
const explained = [
  // Go takes 511 bytes of a name or comment in the head of a gzip stream; nothing of it is used
  /gzip: invalid header/,
]

/** Why mender-artifact refuses the artifact; undefined where it doesn't, where it can't know, and where that is explained. */
export async function objection(bytes: Buffer, folder: string, name = 'mutant'): Promise<string | undefined> {
  if (bytes.includes('.tar.zst')) return undefined // the version of the tests knows no zstd
  const path = join(folder, `${name}.mender`)
  await writeFile(path, bytes)
  // validate asks for the key of what is signed
  for (const command of bytes.includes('manifest.sig') ? ['read'] : ['validate', 'read']) {
    const { code, stdout, stderr } = await run('mender-artifact', [command, path])
    const said = `${stderr}${stdout}`
    if (code !== 0 && !explained.some((pattern) => pattern.test(said))) return `${command}: ${said}`
  }
  return undefined
}
