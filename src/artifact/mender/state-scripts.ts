// Mender's state scripts that travel in an artifact; those of the states Idle, Sync and Download live on the device alone.
import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { Failure, readingFailure } from '../../platform/platform.ts'
import { Findings } from '../findings.ts'

/** A script that was read. */
export interface StateScript {
  name: string
  content: Buffer
  checksum: string
}

const maxScriptBytes = 1 << 20
const scriptName =
  /^(?:Artifact(?:Install|Reboot|Commit)_(?:Enter|Leave|Error)|Artifact(?:Rollback|RollbackReboot|Failure)_(?:Enter|Leave))_\d\d(?:_[^\s/]+)?$/

/** Whether a state script in an artifact may have this name: `<State>_<Enter|Leave|Error>_NN[_text]`. */
export function isScriptName(name: string): boolean {
  return Buffer.byteLength(name) <= 255 && scriptName.test(name)
}

/** Reads the state scripts, sorted by name, which is the order in which a device runs them. Throws one failure for all. */
export async function readScripts(
  given: readonly { name: string; path: string }[] | undefined,
): Promise<StateScript[]> {
  const findings = new Findings()
  const scripts: StateScript[] = []
  for (const { name, path } of given ?? []) {
    const script = await findings.from(async () => {
      if (!isScriptName(name)) {
        const example = 'such as ArtifactInstall_Leave_10_check'
        throw new Failure('bad-input', `${JSON.stringify(name)} can't be a state script's name, ${example}`)
      }
      if (scripts.some((other) => other.name === name)) {
        throw new Failure('bad-input', `two state scripts have the name ${name}`)
      }
      const content = await readScript(path)
      return { name, content, checksum: createHash('sha256').update(content).digest('hex') }
    })
    if (script !== undefined) scripts.push(script)
  }
  findings.fail()
  return scripts.sort((a, b) => (a.name < b.name ? -1 : 1))
}

async function readScript(path: string): Promise<Buffer> {
  try {
    const { size } = await stat(path)
    if (size > 0 && size <= maxScriptBytes) return await readFile(path)
    throw new Failure(
      'bad-input',
      `the state script ${path} has ${size} bytes; it can have 1 to ${maxScriptBytes}`,
    )
  } catch (error) {
    throw readingFailure(error, `the state script ${path}`)
  }
}
