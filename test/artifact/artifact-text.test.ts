import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ArtifactInfo, artifactText } from '../../src/artifact/artifact.ts'

const digest = `sha256:${'0'.repeat(64)}` as const
const info: ArtifactInfo = {
  format: 'mender',
  version: 3,
  name: 'os-1',
  deviceTypes: ['board', 'plank'],
  depends: { device_type: ['board', 'plank'] },
  provides: { artifact_name: 'os-1', 'rootfs-image.version': 'os-1' },
  clearsProvides: ['rootfs-image.*'],
  payloads: [
    {
      type: 'rootfs-image',
      files: [{ name: 'rootfs.ext4', sizeBytes: 5 << 20, checksum: '1'.repeat(64) }],
      metaData: {},
      provides: {},
      depends: {},
      clearsProvides: [],
    },
  ],
  scripts: ['ArtifactInstall_Enter_00'],
  signature: 'none',
  compression: 'gzip',
  sizeBytes: 1000,
  sha256: digest,
  contentDigest: digest,
}

test('an artifact is shown in two columns, with what people look for first on top', () => {
  assert.equal(
    artifactText(info),
    `name             os-1
format           mender, version 3
device types     board, plank
signature        none
size             1000 bytes
compression      gzip
content digest   ${digest}
file digest      ${digest}
provides         artifact_name: os-1
                 rootfs-image.version: os-1
depends          device_type: board, plank
clears provides  rootfs-image.*
state scripts    ArtifactInstall_Enter_00
payload 0        rootfs-image
  file           rootfs.ext4, 5.0 MiB (5242880 bytes), sha256 ${'1'.repeat(64)}
`,
  )
})

test('what was added after signing stands out', () => {
  const addition = { type: 'app', metaData: {}, provides: { more: '1' }, depends: {}, clearsProvides: [] }
  const text = artifactText({
    ...info,
    signature: 'verified',
    signedBy: digest,
    augmented: [{ ...addition, files: ['extra'] }],
  })
  assert.match(text, /^signature +valid, by the key sha256:0+, which does not cover what was added/m)
  assert.match(text, /^added to 0 +file extra\n +more: 1\n +no signature covers these$/m)
})

test('text from the file ends no line, moves no cursor and is cut where it has no end', () => {
  const evil = `a\u001b[2J\u009b31m\u202eb\r\nname  c${'x'.repeat(5000)}`
  const lines = artifactText(info).split('\n').length
  const text = artifactText({
    ...info,
    name: evil,
    group: evil,
    deviceTypes: [evil],
    provides: { [evil]: evil },
    depends: {},
    clearsProvides: [evil],
    scripts: [evil],
    bundle: { format: 'plain', description: evil, build: evil },
    payloads: info.payloads.map((one) => ({
      ...one,
      type: evil,
      metaData: { [evil]: evil },
      files: [{ name: evil, sizeBytes: 1, checksum: 'x', date: evil }],
    })),
  })
  assert.equal(text.split('\n').length, lines + 2)
  // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
  assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/)
  for (const line of text.split('\n')) assert.ok(line.length < 450, `${line.length} characters`)
})

test('the certificate of a signature is shown with its end', () => {
  const certificate = {
    subject: 'CN=ci',
    issuer: 'CN=fleet',
    from: '2026-01-01T00:00:00.000Z',
    until: '2036-11-20T08:53:42.000Z',
  }
  const shown = (certificates: ArtifactInfo['certificates'] = []) => artifactText({ ...info, certificates })
  assert.match(shown([certificate]), /^certificate +CN=ci, issued by CN=fleet, until 2036-11-20$/m)
  assert.match(shown([{ ...certificate, issuer: 'CN=ci' }]), /^certificate +CN=ci, self-signed, until/m)
  assert.doesNotMatch(shown(), /certificate/)
})
