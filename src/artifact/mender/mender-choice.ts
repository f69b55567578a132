// What the options of a Mender artifact come to: a kind of payload with all that it needs, or every reason why not.
import { stat } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import type { Problem } from '../../platform/platform.ts'
import { type ChosenFacts, isOwnProvide, softwareOf } from './mender-facts.ts'
import type { MenderOptionValues } from './mender-options.ts'
import {
  type PayloadChoice,
  type PayloadKind,
  defaultKind,
  hasImage,
  payloadKinds,
} from './payload-choice.ts'

/** What `writeMender` is told besides what the writers of all formats are. */
export type MenderChoice = Omit<ChosenFacts, 'name' | 'deviceTypes'> & { payload: PayloadChoice }

/** An options file as it was found, or none at all. */
export interface GivenOptions {
  /** Undefined where there is none. */
  file: string | undefined
  /** Keys and values that are right, each on its own. */
  values: MenderOptionValues
  /** All keys, right or wrong, with what they hold. */
  raw: Readonly<Record<string, unknown>>
  /** A problem at the place of a key, or of something in it. */
  problemAt: (path: readonly (string | number)[], message: string) => Problem
}

type Key = keyof MenderOptionValues

/** Keys that mean something for some kinds only; all others do for each. */
const kindsOf: Partial<Record<Key, readonly PayloadKind[]>> = {
  'state-scripts': payloadKinds.filter((kind) => kind !== 'bootstrap'),
  'no-checksum-provide': ['rootfs-image', 'bootstrap'],
  type: ['module-image'],
  'meta-data': ['module-image'],
  files: ['module-image', 'script', 'deb'],
  'dest-dir': ['directory', 'single-file'],
  filename: ['single-file'],
  permissions: ['single-file'],
  keep: ['directory'],
  containers: ['docker'],
  'run-args': ['docker'],
}

const needed: Partial<Record<PayloadKind, Key>> = {
  'module-image': 'type',
  directory: 'dest-dir',
  'single-file': 'dest-dir',
  docker: 'containers',
}

/** What was chosen, and everything that is wrong with it; the choice is undefined only where something is. */
export async function menderChoice(
  given: GivenOptions,
  source: string,
): Promise<{ choice: MenderChoice | undefined; problems: Problem[] }> {
  const { values } = given
  const isOptionsFile = given.file !== undefined && resolve(given.file) === resolve(source)
  const found = await stat(source).catch(() => undefined)
  // a kind that is misspelt is a problem already, and what it would mean for the others can't be said
  if ('payload' in given.raw && values.payload === undefined) return { choice: undefined, problems: [] }
  // that there is no source is for the writer to say, and nothing else can be said of it
  if (found === undefined && values.payload === undefined) {
    return { choice: { payload: { kind: 'rootfs-image' } }, problems: [] }
  }
  const kind = values.payload ?? defaultKind({ path: source, isFolder: found?.isDirectory() === true })
  const problems = [
    ...misplaced(given, kind),
    ...(isOptionsFile ? withoutSource(given, kind) : withSource(given, kind)),
    ...contradicting(given, kind),
    ...(await missingFiles(given)),
  ]
  const payload = payloadOf(given, kind, !isOptionsFile)
  const facts = factsOf(given)
  problems.push(...ownProvides(given, kind, facts))
  return { choice: payload && { ...facts, payload }, problems }
}

function misplaced({ raw, problemAt }: GivenOptions, kind: PayloadKind): Problem[] {
  const problems: Problem[] = []
  for (const [key, kinds] of Object.entries(kindsOf)) {
    if (!(key in raw) || kinds.includes(kind)) continue
    problems.push(
      problemAt([key], `${key} means nothing for the payload ${kind}, only for ${kinds.join(', ')}`),
    )
  }
  const lacking = needed[kind]
  if (lacking !== undefined && !(lacking in raw)) {
    problems.push(problemAt(['payload'], `the payload ${kind} needs the option ${lacking}`))
  }
  return problems
}

/** A source that nothing of would reach a device, while its name became the release's. */
function withSource({ problemAt }: GivenOptions, kind: PayloadKind): Problem[] {
  if (kind !== 'docker') return []
  return [problemAt(['payload'], 'the payload docker brings no files: leave the input source out')]
}

function withoutSource({ problemAt }: GivenOptions, kind: PayloadKind): Problem[] {
  if (kind === 'docker' || kind === 'module-image') return []
  return [
    problemAt(
      ['payload'],
      `the payload ${kind} needs a source, and there is only this file: give the input source`,
    ),
  ]
}

function contradicting({ raw, values, problemAt }: GivenOptions, kind: PayloadKind): Problem[] {
  if (kind === 'directory' && /^\/+$/.test(values['dest-dir'] ?? '')) {
    return [problemAt(['dest-dir'], 'dest-dir: the update replaces all of that folder, which can’t be /')]
  }
  if (values['no-default-software-version'] !== true) return []
  return ['software-filesystem', 'software-name', 'software-version']
    .filter((key) => key in raw)
    .map((key) => problemAt([key], `${key} means nothing with no-default-software-version`))
}

async function missingFiles(given: GivenOptions): Promise<Problem[]> {
  const problems: Problem[] = []
  for (const key of ['state-scripts', 'files'] as const) {
    const seen = new Set<string>()
    for (const [i, path] of (given.values[key] ?? []).entries()) {
      const full = atOptions(given, path)
      const facts = await stat(full).catch(() => undefined)
      if (facts?.isFile() !== true) {
        const why = facts === undefined ? 'there is no such file' : 'it is no plain file'
        problems.push(given.problemAt([key, i], `${key}.${i}: can't read ${full}: ${why}`))
      }
      const name = basename(path)
      if (seen.has(name))
        problems.push(given.problemAt([key, i], `${key}.${i}: another one is named ${name}, too`))
      seen.add(name)
    }
  }
  return problems
}

function ownProvides(
  { raw, values, problemAt }: GivenOptions,
  kind: PayloadKind,
  facts: Omit<MenderChoice, 'payload'>,
): Problem[] {
  const { provides } = raw
  if (typeof provides !== 'object' || provides === null) return []
  const type = kind === 'bootstrap' ? null : kind === 'module-image' ? (values.type ?? '') : kind
  const checksum = hasImage(type) ? '' : undefined
  const own = softwareOf(facts, { type, checksum, release: '' }).provides
  return Object.keys(provides)
    .filter((key) => isOwnProvide(key) || Object.hasOwn(own, key))
    .map((key) =>
      problemAt(
        ['provides', key],
        `provides.${key}: it is set from what the artifact holds and can’t be given`,
      ),
    )
}

function factsOf(given: GivenOptions): Omit<MenderChoice, 'payload'> {
  const { values } = given
  return {
    stateScripts: values['state-scripts']?.map((path) => ({
      name: basename(path),
      path: atOptions(given, path),
    })),
    provides: values.provides,
    depends: values.depends,
    clearsProvides: values['clears-provides'],
    artifactGroup: values['artifact-group'],
    software: {
      filesystem: values['software-filesystem'],
      name: values['software-name'],
      version: values['software-version'],
    },
    without: {
      softwareVersion: values['no-default-software-version'] === true,
      clearsProvides: values['no-default-clears-provides'] === true,
      checksum: values['no-checksum-provide'] === true,
    },
  }
}

function payloadOf(given: GivenOptions, kind: PayloadKind, hasSource: boolean): PayloadChoice | undefined {
  const { values } = given
  const files = (values.files ?? []).map((path) => atOptions(given, path))
  const destDir = values['dest-dir']
  switch (kind) {
    case 'rootfs-image':
    case 'bootstrap':
      return { kind }
    case 'script':
    case 'deb':
      return { kind, files }
    case 'module-image':
      if (values.type === undefined) return undefined
      return { kind, type: values.type, hasSource, files, metaData: values['meta-data'] ?? {} }
    case 'directory':
      return destDir === undefined ? undefined : { kind, destDir, keep: keptOf(values.keep) }
    case 'single-file': {
      const { filename } = values
      const permissions = values.permissions?.replace(/^0(?=[0-7]{3})/, '')
      return destDir === undefined ? undefined : { kind, destDir, filename, permissions }
    }
    case 'docker':
      if (values.containers === undefined) return undefined
      return { kind, containers: values.containers, runArgs: values['run-args'] ?? '' }
  }
}

function keptOf(keep: MenderOptionValues['keep']) {
  const has = (what: 'modes' | 'owners' | 'times') => keep?.includes(what) === true
  return { modes: has('modes'), owners: has('owners'), times: has('times') }
}

function atOptions({ file = '.' }: GivenOptions, path: string): string {
  return resolve(dirname(file), path)
}
