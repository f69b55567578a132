// Of which variant an image is stands in update files of every format, where the real updaters don't mind it.
import assert from 'node:assert/strict'
import { truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  type ArtifactFormat,
  type PackageOptions,
  isLabVariant,
  openArtifact,
  packageArtifact,
  variantProvide,
  verifyArtifact,
} from '../../src/artifact/artifact.ts'
import { Failure, plainContext } from '../../src/platform/platform.ts'
import { needs } from '../support/needs.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { image } from './craft.ts'
import { authority } from './certificates.ts'
import { judge, ours, signer } from './rauc.ts'
import { install } from './swupdate-device.ts'

const context = plainContext()
const imageBytes = 700_000
const formats: readonly (readonly [ArtifactFormat, ReturnType<typeof needs>])[] = [
  ['mender', false],
  ['swupdate', needs('openssl')],
  ['rauc', needs('rauc', 'mksquashfs', 'unsquashfs', 'openssl', 'prlimit')],
]

/** A folder with an image and a device's slot, and files packaged of it. */
async function bench(t: TestContext, format: ArtifactFormat) {
  const folder = await temporaryFolder(t)
  const source = join(folder, 'rootfs.ext4')
  await writeFile(source, image(imageBytes))
  await writeFile(join(folder, 'slot'), '')
  await truncate(join(folder, 'slot'), imageBytes)
  let count = 0
  const pack = async (options: string, more: Partial<PackageOptions> = {}) => {
    const optionsFile = join(folder, `${++count}.yml`)
    const own = format === 'swupdate' ? `swupdate: { device: ${folder}/slot }\n` : 'signing: {}\n'
    await writeFile(optionsFile, `${own}${options}`)
    const output = join(folder, `${count}.update`)
    const signing = format === 'rauc' ? { key: signer.all } : {}
    const request = { format, source, name: 'os-1', deviceTypes: ['board'], compression: 'gzip' } as const
    const written = await packageArtifact({ ...request, output, optionsFile, signing, ...more }, context)
    return { path: written.path, info: await openArtifact(written.path, {}) }
  }
  const built = async (variant: string) =>
    await writeFile(
      `${source}.release.json`,
      JSON.stringify({ release: 'os-1', sha256: await digest(), variant }),
    )
  const digest = async () => {
    const { info } = await pack('')
    return `sha256:${info.payloads.flatMap(({ files }) => files)[0]?.checksum ?? ''}`
  }
  return { folder, source, pack, built }
}

for (const [format, skip] of formats) {
  test(
    `${format}: a file says the variant of its image, and brings the same content`,
    { skip },
    async (t) => {
      const { pack, built } = await bench(t, format)
      const plain = await pack('')
      assert.equal(plain.info.provides[variantProvide], undefined)
      const given = await pack(`provides: { ${variantProvide}: lab }\n`)
      const { [variantProvide]: variant, ...others } = given.info.provides
      assert.deepEqual([variant, others], ['lab', plain.info.provides])
      assert.equal(given.info.contentDigest, plain.info.contentDigest)
      await built('lab')
      const image = await pack('')
      assert.ok(isLabVariant(image.info.provides))
      assert.equal(image.info.contentDigest, plain.info.contentDigest)
      const other = await pack(`provides: { ${variantProvide}: kiosk }\n`)
      assert.equal(other.info.provides[variantProvide], 'kiosk', 'what the options say goes before')
    },
  )

  test(`${format}: whoever verifies a file says for whom it has to be`, { skip }, async (t) => {
    const { pack } = await bench(t, format)
    const files = {
      none: (await pack('')).path,
      lab: (await pack(`provides: { ${variantProvide}: lab }\n`)).path,
      kiosk: (await pack(`provides: { ${variantProvide}: kiosk }\n`)).path,
    }
    const cases: [file: keyof typeof files, variant: string | undefined, reasons: string[]][] = [
      ['none', undefined, []],
      ['lab', undefined, []],
      ['none', 'field', []],
      ['kiosk', 'field', []],
      ['lab', 'field', ['wrong-variant']],
      ['lab', 'lab', []],
      ['none', 'lab', ['wrong-variant']],
      ['kiosk', 'lab', ['wrong-variant']],
      ['kiosk', 'kiosk', []],
    ]
    for (const [file, variant, reasons] of cases) {
      const verdict = await verifyArtifact(files[file], { keys: [], deviceTypes: [], variant }, context)
      assert.deepEqual(verdict.reasons, reasons, `${file} for ${variant}`)
      const check = verdict.checks.find(({ what }) => what === 'variant')
      assert.equal(check?.result === 'not-checked', variant === undefined)
    }
  })
}

test(
  'the real swupdate installs a file that says a variant',
  { skip: needs('swupdate', 'openssl') },
  async (t) => {
    const { pack } = await bench(t, 'swupdate')
    const fleet = authority('fleet')
    const key = fleet.issue('signer', { extensions: 'extendedKeyUsage=codeSigning', type: 'rsa' }).all
    const { path } = await pack(`provides: { ${variantProvide}: lab }\n`, { signing: { key } })
    const { isDone, said } = await install(t, path, { trust: fleet.certificate })
    assert.ok(isDone, said)
  },
)

test(
  'the real rauc takes a bundle that says a variant beside its description',
  { skip: formats[2]?.[1] ?? false },
  async (t) => {
    const { pack } = await bench(t, 'rauc')
    for (const format of ['verity', 'plain']) {
      const { path, info } = await pack(
        `provides: { ${variantProvide}: lab }\nrauc: { bundle-format: ${format}, description: 'for (all) of us' }\n`,
      )
      for (const command of ['info', 'extract'] as const) {
        const { isTaken, said } = judge(command, path)
        assert.ok(isTaken, said)
        if (command === 'info') assert.match(said, /for \(all\) of us \(variant: lab\)/)
      }
      assert.equal(info.provides[variantProvide], 'lab')
      const again = await packageArtifact(
        {
          format: 'rauc',
          source: path,
          deviceTypes: [],
          compression: 'gzip',
          output: `${path}.signed`,
          signing: { key: ours.issue('next').all },
        },
        context,
      )
      const signed = await openArtifact(again.path, {})
      assert.equal(signed.provides[variantProvide], 'lab', 'and who signs it anew leaves that as it is')
    }
  },
)

test('what such a file can’t say is told with its line', { skip: needs('openssl') }, async (t) => {
  const { pack } = await bench(t, 'swupdate')
  const problems = async (options: string) => {
    try {
      await pack(options)
      return []
    } catch (error) {
      assert.ok(error instanceof Failure, String(error))
      return error.problems.length > 0
        ? error.problems.map(({ line, message }) => `${line}: ${message}`)
        : [`${error.reason}: ${error.message}`]
    }
  }
  assert.deepEqual(await problems('provides: { other: x }\n'), [
    '2: provides.other means nothing for the format swupdate: only rootfs-image.variant does',
  ])
  assert.deepEqual(await problems(`provides: { ${variantProvide}: 'a b' }\n`), [
    'bad-input: "a b" can\'t be a variant: letters, digits and ._- only, at most 64, the first a letter or digit',
  ])
})
