// What an image of the fleet brings to take configurations, as docs/servers.md asks for it; here it keeps them in a folder.
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ConfigurationPlace } from '../../src/ota/configuration-update.ts'

export interface ConfigureProgram {
  place: ConfigurationPlace
  /** The map that is applied; undefined where none is. */
  applied: () => Promise<unknown>
  /** Who may look into the folder in which the file came. */
  folderMode: () => Promise<number | undefined>
  /** The attribute `configuration`. */
  reported: () => Promise<string>
}

/** Installs the program on a device that runs `release`; a map whose `url` is no web address can't be applied. */
export async function installConfigureProgram(parent: string, release: string): Promise<ConfigureProgram> {
  const folder = join(parent, 'configure')
  await mkdir(folder)
  const at = (name: string) => join(folder, name)
  await writeFile(
    at('program'),
    `#!${process.execPath}
const { readFileSync, statSync, writeFileSync } = process.getBuiltinModule('node:fs')
const told = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const mode = statSync(process.argv[2].replace(/[^/]*$/, '')).mode & 0o777
if (told.release !== ${JSON.stringify(release)}) throw new Error('planned for ' + told.release)
if (!/^https?:/.test(told.configuration.url)) throw new Error('url is no web address')
writeFileSync(${JSON.stringify(at('applied.json'))}, JSON.stringify({ ...told, mode }))
`,
  )
  await chmod(at('program'), 0o755)
  const told = async () => {
    const text = await readFile(at('applied.json'), 'utf8').catch(() => '{}')
    return JSON.parse(text) as { configuration?: unknown; fingerprint?: string; mode?: number }
  }
  return {
    place: { program: at('program'), file: at('incoming/configuration.json') },
    applied: async () => (await told()).configuration,
    folderMode: async () => (await told()).mode,
    reported: async () => (await told()).fingerprint ?? 'none',
  }
}
