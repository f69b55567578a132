// What mutants are made of: small artifacts of every kind, by mender-artifact, by the tests and by the writer.
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zstdCompressSync } from 'node:zlib'
import { writeMender } from '../../../src/artifact/artifact.ts'
import { plainContext } from '../../../src/platform/platform.ts'
import { craft } from '../craft.ts'
import { raucSeeds } from './rauc-parts.ts'
import { swupdateSeeds } from './swupdate-seeds.ts'

export interface Seed {
  name: string
  bytes: Buffer
  /** What verifies it (PEM), where it is signed. */
  publicKey?: string
  /** Reads it, where it is only a part of a file. */
  parse?: (bytes: Buffer) => unknown
}

/** A key that every run has, so that the seeds are the same in every run; it signs nothing else. */
const key = createPrivateKey({
  key: {
    kty: 'EC',
    crv: 'P-256',
    d: 'AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE',
    x: 'b_A7lJJBzh2t1DUZ5pYOCoW0GmmgXDKBA6orzhWUyhY',
    y: 'PE91OlW_AdxT9sCwx-7ni0DG_30lqW4igrmJzvccFEo',
  },
  format: 'jwk',
})
const publicKey = createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString()

/** Of all formats. */
export async function allSeeds(): Promise<Seed[]> {
  return [...(await fixtures()), ...crafted(), ...(await written()), ...swupdateSeeds(), ...raucSeeds()]
}

async function fixtures(): Promise<Seed[]> {
  const at = (name: string) => new URL(`../fixtures/${name}`, import.meta.url)
  const signedBy = await readFile(at('signed.pub'), 'utf8')
  const names = ['module', 'none', 'bootstrap', 'augmented', 'augmented-signed', 'signed']
  return Promise.all(
    names.map(async (name) => ({
      name,
      bytes: await readFile(at(`${name}.mender`)),
      ...(name.endsWith('signed') ? { publicKey: signedBy } : {}),
    })),
  )
}

function crafted(): Seed[] {
  const files = [
    { name: 'a', content: 'x'.repeat(3000) },
    { name: 'b', content: '' },
  ]
  return [
    { name: 'zstd', bytes: craft({ compress: (tar) => zstdCompressSync(tar), suffix: '.zst' }) },
    { name: 'two files', bytes: craft({ files, headerMembers: moduleHeader }) },
  ]
}

const moduleHeader = [
  {
    name: 'header-info',
    content: JSON.stringify({
      payloads: [{ type: 'directory' }],
      artifact_provides: { artifact_name: 'release-1', artifact_group: 'blue' },
      artifact_depends: { device_type: ['board'], artifact_name: ['release-0'], artifact_group: ['green'] },
    }),
  },
  {
    name: 'headers/0000/type-info',
    content: JSON.stringify({
      type: 'directory',
      artifact_provides: { 'rootfs-image.directory.version': 'release-1' },
      artifact_depends: { 'rootfs-image.version': ['release-0', 'release-00'] },
      clears_artifact_provides: ['rootfs-image.directory.*'],
    }),
  },
  {
    name: 'headers/0000/meta-data',
    content: JSON.stringify({ a: { b: [1, 'c', null, { d: true }] }, e: 'f' }),
  },
]

async function written(): Promise<Seed[]> {
  const folder = await mkdtemp(join(tmpdir(), 'drover-fuzz-'))
  try {
    const source = join(folder, 'rootfs.ext4')
    const script = join(folder, 'script')
    await writeFile(source, Buffer.from('an image '.repeat(300)))
    await writeFile(script, '#!/bin/sh\nexit 0\n')
    const options = {
      source,
      output: join(folder, 'out.mender'),
      name: 'release-1',
      deviceTypes: ['board', 'board-2'],
      stateScripts: [{ name: 'ArtifactInstall_Leave_10_check', path: script }],
      provides: { 'data-layout': '3' },
      depends: { 'data-layout': '2', artifact_name: ['release-0'] },
      artifactGroup: 'production',
    }
    const seeds: Seed[] = []
    for (const compression of ['gzip', 'none'] as const) {
      for (const isSigned of [false, true]) {
        const signing = isSigned ? { key: key.export({ type: 'sec1', format: 'pem' }).toString() } : undefined
        const { path } = await writeMender({ ...options, compression, signing }, plainContext())
        const name = `written ${compression}${isSigned ? ' signed' : ''}`
        seeds.push({ name, bytes: await readFile(path), ...(isSigned ? { publicKey } : {}) })
      }
    }
    return seeds
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
