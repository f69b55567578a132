// What a new Mender artifact says of itself, checked before anything is written.
import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { Failure, hasCode, messageOf } from '../../platform/platform.ts'
import type { Depends } from '../artifact-info.ts'
import { scriptsDigestOf, scriptsProvide } from '../content-digest.ts'
import { isScriptName } from './state-scripts.ts'

/** What the caller chose; see `MenderOptions`. */
export interface ChosenFacts {
  name: string | { prefix: string }
  deviceTypes: readonly string[]
  stateScripts?: readonly { name: string; path: string }[] | undefined
  provides?: Readonly<Record<string, string>> | undefined
  depends?: Depends | undefined
  artifactGroup?: string | undefined
}

export interface StateScript {
  name: string
  content: Buffer
  checksum: string
}

const maxScriptBytes = 1 << 20
const deviceType = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/
/** It becomes part of a file's name, a URL and a line of a log. */
// oxlint-disable-next-line no-control-regex -- control characters are what this refuses
const releaseName = /^[^\s/\\\u0000-\u001f\u007f-\u009f]{1,256}$/u
const ownProvides = [
  'artifact_name',
  'artifact_group',
  'device_type',
  'rootfs-image.checksum',
  'rootfs-image.version',
  scriptsProvide,
]

/** Whether a provide of this name is the writer's own, so that nobody else may give it. */
export function isOwnProvide(name: string): boolean {
  return ownProvides.includes(name)
}

/** Throws one `bad-input` for the first thing in `facts` that no artifact may say. */
export function checkFacts(facts: ChosenFacts): void {
  checkName(typeof facts.name === 'string' ? facts.name : facts.name.prefix)
  if (facts.deviceTypes.length === 0) throw new Failure('bad-input', 'no device type: name at least one')
  for (const type of facts.deviceTypes) {
    if (deviceType.test(type)) continue
    const rule = 'letters, digits and ._+- only, at most 128, the first a letter or digit'
    throw new Failure('bad-input', `${JSON.stringify(type)} can't be a device type: ${rule}`)
  }
  for (const key of Object.keys(facts.provides ?? {})) {
    if (!isOwnProvide(key)) continue
    throw new Failure('bad-input', `provides may not have ${key}: it is set from what the artifact holds`)
  }
  if (facts.depends !== undefined && 'device_type' in facts.depends) {
    throw new Failure('bad-input', 'depends may not have device_type: give the device types as such')
  }
}

function checkName(name: string): void {
  if (releaseName.test(name)) return
  const rule = 'at most 256 characters, without white space and slashes'
  throw new Failure('bad-input', `${JSON.stringify(name)} can't be a release's name: ${rule}`)
}

/** Reads the state scripts, sorted by name, which is the order in which a device runs them. */
export async function readScripts(given: ChosenFacts['stateScripts']): Promise<StateScript[]> {
  const scripts: StateScript[] = []
  for (const { name, path } of given ?? []) {
    if (!isScriptName(name) || name.length > 90) {
      const example = 'such as ArtifactInstall_Leave_10_check'
      throw new Failure('bad-input', `${JSON.stringify(name)} can't be a state script's name, ${example}`)
    }
    if (scripts.some((script) => script.name === name)) {
      throw new Failure('bad-input', `two state scripts have the name ${name}`)
    }
    const content = await readScript(path)
    scripts.push({ name, content, checksum: createHash('sha256').update(content).digest('hex') })
  }
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
    if (error instanceof Failure) throw error
    const why = hasCode(error, 'ENOENT') ? 'there is no such file' : messageOf(error)
    throw new Failure('file-missing', `can't read the state script ${path}: ${why}`, { cause: error })
  }
}

/** The documents of a header: what a device and a server read. Their size depends on the sizes of `name` and `checksum` alone. */
export function headerDocuments(
  facts: ChosenFacts,
  known: { name: string; checksum: string; scripts: readonly StateScript[] },
): { headerInfo: string; typeInfo: string } {
  const { artifact_name, artifact_group, ...depends } = facts.depends ?? {}
  const group = facts.artifactGroup === undefined ? {} : { artifact_group: facts.artifactGroup }
  const scripts = scriptsDigestOf(known.scripts)
  return {
    headerInfo: JSON.stringify({
      payloads: [{ type: 'rootfs-image' }],
      artifact_provides: { artifact_name: known.name, ...group },
      artifact_depends: {
        ...(artifact_name === undefined ? {} : { artifact_name: listOf(artifact_name) }),
        device_type: [...new Set(facts.deviceTypes)],
        ...(artifact_group === undefined ? {} : { artifact_group: listOf(artifact_group) }),
      },
    }),
    typeInfo: JSON.stringify({
      type: 'rootfs-image',
      ...(Object.keys(depends).length === 0 ? {} : { artifact_depends: sorted(depends) }),
      artifact_provides: sorted({
        ...facts.provides,
        'rootfs-image.checksum': known.checksum,
        'rootfs-image.version': known.name,
        ...(scripts === undefined ? {} : { [scriptsProvide]: scripts }),
      }),
      clears_artifact_provides: ['artifact_group', 'rootfs_image_checksum', 'rootfs-image.*'],
    }),
  }
}

function listOf(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? [value] : value
}

function sorted<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)))
}
