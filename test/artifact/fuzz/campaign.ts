// A run of many inputs: mutants of the seeds, one after the other, each made of the campaign's number and its own.
import { deflateRawSync } from 'node:zlib'
import type { ArtifactInfo, InspectOptions } from '../../../src/artifact/artifact.ts'
import { check, checkPart } from './check.ts'
import { mutateMender } from './mender-mutation.ts'
import { mutateSwupdate } from './swupdate-mutation.ts'
import { mutateRauc } from './rauc-parts.ts'
import { Random } from './random.ts'
import type { Seed } from './seeds.ts'

export interface Figures {
  inputs: number
  accepted: number
  /** How often each reason was given. */
  refused: Record<string, number>
  /** Each with what makes it again: its number and its seed's name, and the input itself (base64 of raw deflate). */
  bugs: string[]
  slowest: { input: number; ms: number }
  /** Resident memory at its highest, MiB. */
  peakMiB: number
}

export interface Mutant {
  seed: Seed
  bytes: Buffer
  options: InspectOptions
  random: Random
}

/** The figures of two runs together. */
export function added(a: Figures, b: Figures): Figures {
  const reasons = [...new Set([...Object.keys(a.refused), ...Object.keys(b.refused)])]
  return {
    inputs: a.inputs + b.inputs,
    accepted: a.accepted + b.accepted,
    refused: Object.fromEntries(reasons.map((key) => [key, (a.refused[key] ?? 0) + (b.refused[key] ?? 0)])),
    bugs: [...a.bugs, ...b.bugs],
    slowest: a.slowest.ms > b.slowest.ms ? a.slowest : b.slowest,
    peakMiB: Math.max(a.peakMiB, b.peakMiB),
  }
}

/** The mutant of this number. */
export function mutantOf(seeds: readonly Seed[], input: number): Mutant {
  const random = new Random(input)
  const seed = random.some(seeds)
  if (seed === undefined) throw new Error('no seeds')
  const bytes = mutate(seed, random)
  const limits = random.chance(50)
    ? { artifactBytes: 1 << 22, headerBytes: 1 << 18, payloadBytes: 1 << 20 }
    : undefined
  const verifyKeys = seed.publicKey !== undefined && random.chance(30) ? [seed.publicKey] : []
  return { seed, bytes, options: { limits, verifyKeys }, random }
}

function mutate(seed: Seed, random: Random): Buffer {
  if (seed.parse !== undefined) return mutateRauc(seed, random)
  const isSwupdate = seed.bytes.toString('latin1', 0, 5) === '07070'
  return (isSwupdate ? mutateSwupdate : mutateMender)(seed.bytes, random)
}

/** Runs the inputs `from` to `to` − 1; `onAccepted` sees what was accepted. */
export async function campaign(
  seeds: readonly Seed[],
  range: { from: number; to: number },
  onAccepted: (mutant: Mutant, input: number) => void = () => {},
): Promise<Figures> {
  const figures: Figures = {
    inputs: 0,
    accepted: 0,
    refused: {},
    bugs: [],
    slowest: { input: -1, ms: 0 },
    peakMiB: 0,
  }
  for (let input = range.from; input < range.to && figures.bugs.length < 10; input++) {
    const mutant = mutantOf(seeds, input)
    const { seed, bytes, options, random } = mutant
    const verdict = await (seed.parse ? checkPart(seed.parse, bytes) : check(bytes, options, random))
    figures.inputs++
    if (input % 8 === 0) figures.peakMiB = Math.max(figures.peakMiB, process.memoryUsage.rss() / 2 ** 20)
    if (verdict.ms > figures.slowest.ms) figures.slowest = { input, ms: verdict.ms }
    let bug = verdict.kind === 'bug' ? verdict.why : undefined
    if (verdict.kind === 'refused') {
      const reason = verdict.detail
      figures.refused[reason] = (figures.refused[reason] ?? 0) + 1
    }
    if (verdict.kind === 'accepted') {
      figures.accepted++
      onAccepted(mutant, input)
      if (verdict.info !== undefined) bug = await whyWrong(verdict.info, mutant)
    }
    if (bug !== undefined) {
      figures.bugs.push(
        `input ${input}, of seed ${seed.name}: ${bug}\n${deflateRawSync(bytes).toString('base64')}`,
      )
    }
  }
  return figures
}

const infos = new WeakMap<Seed, Promise<ArtifactInfo | undefined>>()

/** What a signature covers can't change while the key says yes. */
async function whyWrong(info: ArtifactInfo, { seed, options }: Mutant): Promise<string | undefined> {
  if (options.verifyKeys?.length !== 1) return undefined
  if (info.signature !== 'verified') return 'accepted unverified though a key was given'
  const original = infos.get(seed) ?? infoOf(seed)
  infos.set(seed, original)
  const expected = await original
  const same =
    expected !== undefined && JSON.stringify(signedFacts(info)) === JSON.stringify(signedFacts(expected))
  return same ? undefined : 'what the signature covers is another, and yet the key accepts it'
}

async function infoOf(seed: Seed): Promise<ArtifactInfo | undefined> {
  const verdict = await check(seed.bytes, {}, new Random(0))
  return verdict.kind === 'accepted' ? verdict.info : undefined
}

/** Everything but size, digest, dates and compression of the whole, which no signature covers. */
export function signedFacts(info: ArtifactInfo): unknown {
  const {
    sizeBytes: _,
    sha256: __,
    signature: ___,
    signedBy: ____,
    compression: _____,
    payloads,
    ...facts
  } = info
  return {
    ...facts,
    payloads: payloads.map(({ files, ...payload }) => ({
      ...payload,
      files: files.map(({ date: ______, ...file }) => file),
    })),
  }
}
