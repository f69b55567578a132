// Writing and verifying Mender artifacts, against Debian's mender-artifact, on a root file system of a device. Both are
// started as a user starts them, one after the other in each round. `npm run bench -- --large` adds an input of 4 GiB.
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  closeSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { benchFolder, benchImage } from './base-image.ts'
import { bundled } from './bundled.ts'
import type { Row } from './main.ts'
import { type Measured, measured, median } from './measured.ts'

const runs = 5
const root = join(import.meta.dirname, '..')
const drover = [process.execPath, join(root, 'dist', 'drover.mjs')]

type Name = keyof ReturnType<typeof candidatesOf>

/** Rows of time, size and memory. */
export async function artifactRows(isLarge: boolean): Promise<Row[]> {
  const image = await benchImage()
  const folder = await mkdtemp(join(tmpdir(), 'drover-bench-'))
  try {
    const script = bundled('artifact-step', folder)
    const results = await inRounds(candidatesOf(image, folder, script))
    return [
      ...timeRows(results),
      ...sizeRows(folder),
      ...memoryRows('768 MiB', results),
      ...(isLarge ? await largeRows(image, folder, script) : []),
      ...limitRows(image, results),
    ]
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** What is run, in the order in which it is: files that are read were written before. */
function candidatesOf(image: string, folder: string, script: readonly string[]) {
  const at = (name: string) => join(folder, `${name}.mender`)
  const rootfs = ['write', 'rootfs-image', '-n', 'bench', '-t', 'board', '-f', image]
  const theirs = (compression: string) =>
    ['mender-artifact', '--compression', compression].concat(rootfs, '-o', at(`theirs-${compression}`))
  const write = (compression: string) => [...script, 'write', compression, image, at(`ours-${compression}`)]
  const packed = ['package-artifact', '--source', image, '--device-types', 'board', '--name', 'bench']
  return {
    'their gzip': theirs('gzip'),
    'our gzip': write('gzip'),
    'our zstd': write('zstd'),
    'their none': theirs('none'),
    'our none': write('none'),
    'package-artifact': [...drover, ...packed, '--output', at('packaged')],
    'their validate gzip': ['mender-artifact', 'validate', at('theirs-gzip')],
    'our verify gzip': [...script, 'verify', at('theirs-gzip')],
    'their validate none': ['mender-artifact', 'validate', at('theirs-none')],
    'our verify none': [...script, 'verify', at('theirs-none')],
  }
}

/** artifact-step.ts as users get our code: in one file. */
async function inRounds<N extends string>(candidates: Record<N, string[]>): Promise<Map<string, Measured[]>> {
  const results = new Map<string, Measured[]>()
  for (let run = -1; run < runs; run++) {
    for (const [name, command] of Object.entries<string[]>(candidates)) {
      const result = await measured(command)
      if (run >= 0) results.set(name, [...(results.get(name) ?? []), result]) // the first round warms the disk's cache
    }
    console.log(`artifacts: round ${run + 1} of ${runs}${run < 0 ? ' (not counted)' : ''}`)
  }
  return results
}

const pairs: [name: string, ours: Name, theirs: Name][] = [
  ['write, gzip', 'our gzip', 'their gzip'],
  ['write, zstd, against their gzip', 'our zstd', 'their gzip'],
  ['write, none', 'our none', 'their none'],
  ['package-artifact, read back too', 'package-artifact', 'their gzip'],
  ['verify, gzip', 'our verify gzip', 'their validate gzip'],
  ['verify, none', 'our verify none', 'their validate none'],
]

function timeRows(results: Map<string, Measured[]>): Row[] {
  const of = (name: Name, key: keyof Measured) => median((results.get(name) ?? []).map((one) => one[key]))
  const rows = (key: 'seconds' | 'cpuSeconds', group: string) =>
    pairs.map(([name, ours, theirs]) => ({
      group,
      name,
      value: of(ours, key),
      unit: 's',
      peer: { name: 'mender-artifact', value: of(theirs, key) },
    }))
  return [
    ...rows('seconds', `Mender artifacts of a Debian root file system, median of ${runs}`),
    ...rows('cpuSeconds', 'The same in processor time of all cores'),
  ]
}

function sizeRows(folder: string): Row[] {
  const megabytes = (name: string) => statSync(join(folder, `${name}.mender`)).size / 1e6
  const peer = { name: 'mender-artifact gzip', value: megabytes('theirs-gzip') }
  return ['gzip', 'zstd'].map((compression) => ({
    group: 'Sizes of these artifacts',
    name: compression,
    value: megabytes(`ours-${compression}`),
    unit: 'MB',
    peer,
  }))
}

function memoryRows(input: string, results: Map<string, Measured[]>): Row[] {
  const peak = (name: string) => Math.max(...(results.get(name) ?? []).map(({ peakMiB }) => peakMiB))
  return [...results.keys()]
    .filter((name) => !name.startsWith('their'))
    .map((name) => ({ group: `Peak memory, input of ${input}`, name, value: peak(name), unit: 'MiB' }))
}

/** How near the machine's limit: what must be done to the input in any case, in this process alone. */
function limitRows(image: string, results: Map<string, Measured[]>): Row[] {
  const startedAt = performance.now()
  const hash = createHash('sha256')
  const buffer = Buffer.alloc(1 << 20)
  const file = openSync(image, 'r')
  for (let read = -1; read !== 0;) hash.update(buffer.subarray(0, (read = readSync(file, buffer))))
  closeSync(file)
  const seconds = (performance.now() - startedAt) / 1000
  const ours = median((results.get('our none') ?? []).map((one) => one.seconds))
  const peer = { name: 'write, none', value: ours }
  return [{ group: 'The limit', name: 'reading and hashing the input', value: seconds, unit: 's', peer }]
}

async function largeRows(image: string, folder: string, script: readonly string[]): Promise<Row[]> {
  const large = largeImage(image)
  const results = new Map<string, Measured[]>()
  for (const compression of ['gzip', 'zstd', 'none']) {
    const path = join(folder, `large-${compression}.mender`)
    results.set(`our ${compression}`, [await measured([...script, 'write', compression, large, path])])
    results.set(`our verify ${compression}`, [await measured([...script, 'verify', path])])
    await rm(path)
  }
  const times = [...results].map(([name, [one]]) => ({
    group: '4 GiB, one run',
    name,
    value: one?.seconds ?? Number.NaN,
    unit: 's',
  }))
  return [...times, ...memoryRows('4 GiB', results)]
}

/** The image five times over with holes between, 4 GiB. */
function largeImage(image: string): string {
  const path = join(benchFolder, 'large.ext4')
  if (existsSync(path)) return path
  const part = `${path}.part`
  copyFileSync(image, part)
  const [from, to] = [openSync(image, 'r'), openSync(part, 'r+')]
  const buffer = Buffer.alloc(1 << 20)
  for (const start of [832, 1664, 2496, 3328]) {
    for (let i = 0; i < 768; i++) {
      readSync(from, buffer, 0, buffer.length, i << 20)
      if (buffer.some((byte) => byte !== 0)) writeSync(to, buffer, 0, buffer.length, (start + i) * 2 ** 20)
    }
  }
  closeSync(from)
  closeSync(to)
  truncateSync(part, 2 ** 32)
  renameSync(part, path)
  return path
}
