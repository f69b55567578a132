// Small artifacts, and what a change to one of their bytes comes to.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Compression, inspectArtifact, writeMender } from '../../../src/artifact/artifact.ts'
import { Failure, plainContext } from '../../../src/platform/platform.ts'
import { ec, rsa } from '../keys.ts'
import { signedFacts } from './campaign.ts'
import { nameOf, parseTar } from './tar-model.ts'

export interface Artifact {
  bytes: Buffer
  /** What verifies it, where it is signed. */
  publicKey: string | undefined
  /** What it says, as `factsOf` gives it. */
  facts: string
}

/** An artifact with a state script, provides and a group, written in `folder`. */
export async function smallArtifact(
  folder: string,
  compression: Compression,
  key: 'rsa' | 'ec' | undefined,
  content: Buffer = Buffer.from('an image of a few bytes\n'.repeat(8)),
): Promise<Artifact> {
  const [source, script] = [join(folder, 'rootfs.ext4'), join(folder, 'ArtifactInstall_Leave_10_check')]
  await writeFile(source, content)
  await writeFile(script, '#!/bin/sh\nexit 0\n')
  const { path } = await writeMender(
    {
      source,
      output: join(folder, 'small.mender'),
      name: 'release-1',
      deviceTypes: ['board'],
      compression,
      stateScripts: [{ name: 'ArtifactInstall_Leave_10_check', path: script }],
      provides: { a: 'b' },
      artifactGroup: 'blue',
      signing: key === undefined ? undefined : { key: { rsa, ec }[key].pkcs8 },
    },
    plainContext(),
  )
  const bytes = await readFile(path)
  const publicKey = key === undefined ? undefined : { rsa, ec }[key].public
  const facts = await factsOf(bytes, publicKey)
  if (facts === undefined) throw new Error('the artifact itself is refused')
  return { bytes, publicKey, facts }
}

/**
 * Everything that an artifact says and brings, as one text; undefined where it is refused. Of the rest no checksum knows: the
 * dates of files and how the payload is compressed. Throws what is no refusal.
 */
export async function factsOf(bytes: Buffer, publicKey?: string): Promise<string | undefined> {
  async function* source() {
    yield bytes
  }
  try {
    const verifyKeys = publicKey === undefined ? [] : [publicKey]
    const info = await inspectArtifact(source(), { verifyKeys })
    return JSON.stringify([info.contentDigest, signedFacts(info)])
  } catch (error) {
    if (error instanceof Failure) return undefined
    throw error
  }
}

/** `bytes` with one byte changed. */
export function changed(bytes: Buffer, at: number, xor: number): Buffer {
  const mutant = Buffer.from(bytes)
  mutant[at] = (mutant[at] ?? 0) ^ xor
  return mutant
}

/** Where the content of an outer member lies. */
export function positionsOf(bytes: Buffer, member: string): number[] {
  let at = 0
  for (const node of parseTar(bytes).nodes) {
    const start = at + 512
    if (nameOf(node) === member) return Array.from(node.content.keys(), (i) => start + i)
    at = start + node.content.length + node.padding.length
  }
  return []
}

/**
 * The bytes that the format leaves free: of a compressed payload only what it unpacks to has a checksum. In the head of a gzip
 * stream date, hints and system mean nothing; and a compressor has more than one way to say the same.
 */
export function slackOf(bytes: Buffer): ReadonlySet<number> {
  return new Set([...positionsOf(bytes, 'data/0000.tar.gz'), ...positionsOf(bytes, 'data/0000.tar.zst')])
}
