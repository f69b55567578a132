import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ArtifactFormat, type WrittenArtifact, packageArtifact } from '../../src/artifact/artifact.ts'
import { plainContext, runOk } from '../../src/platform/platform.ts'
import { image } from './craft.ts'
import { ec } from './keys.ts'

/** A small update file of any format, signed with the tests' EC key, whose certificate is `certificate.pem` beside it. */
export async function updateFile(format: ArtifactFormat, folder: string): Promise<WrittenArtifact> {
  const at = (name: string) => join(folder, name)
  await writeFile(at('rootfs.ext4'), image(1 << 20))
  await writeFile(at('key.pem'), ec.pkcs8)
  const subject = ['-key', at('key.pem'), '-subj', '/CN=test', '-days', '2', '-out', at('certificate.pem')]
  await runOk('openssl', ['req', '-x509', '-new', ...subject], { what: 'openssl' })
  const certificate = await readFile(at('certificate.pem'), 'utf8')
  await writeFile(
    at('options.yml'),
    format === 'swupdate' ? 'swupdate: { device: /dev/mmcblk0p2 }\n' : '{}\n',
  )
  return await packageArtifact(
    {
      format,
      source: at('rootfs.ext4'),
      name: 'os-20260112T0930-0123456789ab',
      deviceTypes: ['board', ...(format === 'rauc' ? [] : ['plank'])],
      compression: 'gzip',
      output: at('os.update'),
      optionsFile: at('options.yml'),
      signing: { key: ec.pkcs8, certificate },
    },
    plainContext(),
  )
}
