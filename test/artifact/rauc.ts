// What the tests of RAUC bundles share.
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { WriteRequest, WrittenArtifact } from '../../src/artifact/artifact.ts'
import { type RaucOptions, writeRauc } from '../../src/artifact/artifact.ts'
import { type Context, plainContext } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { authority } from './certificates.ts'

export const withoutRauc = needs('rauc', 'mksquashfs', 'unsquashfs', 'openssl', 'prlimit')

export const ours = authority('our fleet')
/** Fit for every purpose that a device may ask for. */
export const signer = ours.issue('ci')
export const imageBytes = 700_000

/** A folder with an image that doesn't compress, `rootfs.ext4`. */
export async function folderWithImage(t: TestContext): Promise<string> {
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, 'rootfs.ext4'), randomBytes(imageBytes))
  return folder
}

/** Writes `release.raucb` in `folder` from its image. */
export function writeIn(
  folder: string,
  options: Partial<WriteRequest & RaucOptions> = {},
  context: Context = plainContext(),
): Promise<WrittenArtifact> {
  return writeRauc(
    {
      source: join(folder, 'rootfs.ext4'),
      output: join(folder, 'release.raucb'),
      name: 'release-1',
      deviceTypes: ['board'],
      compression: 'gzip',
      signing: { key: signer.all },
      ...options,
    },
    context,
  )
}

/** Whether the real rauc takes the bundle: `info` looks at the manifest, `extract` at all of it. */
export function judge(
  command: 'info' | 'extract',
  bundle: string,
  keyring: string = ours.certificate,
): { isTaken: boolean; said: string } {
  const folder = mkdtempSync(join(tmpdir(), 'drover-test-'))
  try {
    const [ring, conf] = [join(folder, 'keyring.pem'), join(folder, 'system.conf')]
    writeFileSync(ring, keyring)
    writeFileSync(conf, '[system]\ncompatible=board\nbootloader=noop\n')
    const output = command === 'extract' ? [join(folder, 'out')] : []
    const { status, stdout, stderr } = spawnSync(
      'rauc',
      [command, '--conf', conf, '--keyring', ring, bundle, ...output],
      { encoding: 'utf8' },
    )
    return { isTaken: status === 0, said: stdout + stderr }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
