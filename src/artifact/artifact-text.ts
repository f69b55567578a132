import { oneLine, shorten } from '../platform/platform.ts'
import type { ArtifactInfo, CertificateInfo, Depends, PayloadInfo } from './artifact-info.ts'

type Row = readonly [label: string, value: string]

/** Beyond this a value is cut: a person doesn't read it, and JSON has it whole. */
const maxValue = 400

/**
 * What an update file holds as lines for a terminal: labels and values in two columns, what people look for first on top.
 * Nothing in it that comes from the file can end a line, move the cursor or colour anything.
 */
export function artifactText(info: ArtifactInfo): string {
  const rows = [...summaryOf(info), ...info.payloads.flatMap(rowsOfPayload), ...additionsOf(info)]
  const width = Math.max(...rows.map(([label]) => label.length)) + 2
  return rows.map(([label, value]) => `${label.padEnd(width)}${shown(value)}\n`).join('')
}

function summaryOf(info: ArtifactInfo): Row[] {
  const { format, version, bundle } = info
  return [
    ['name', info.name],
    ['format', `${format}, version ${version}${bundle === undefined ? '' : `, ${bundle.format}`}`],
    ['device types', info.deviceTypes.join(', ')],
    ['signature', signatureOf(info)],
    ['size', sizeOf(info.sizeBytes)],
    ['compression', info.compression],
    ['content digest', info.contentDigest],
    ['file digest', info.sha256],
    ...under('certificate', (info.certificates ?? []).map(certificateOf)),
    ...(info.group === undefined ? [] : [['group', info.group] as const]),
    ...(bundle?.description === undefined ? [] : [['description', bundle.description] as const]),
    ...(bundle?.build === undefined ? [] : [['build', bundle.build] as const]),
    ...under('provides', pairs(info.provides)),
    ...under('depends', pairs(info.depends)),
    ...under('clears provides', info.clearsProvides),
    ...under('state scripts', info.scripts),
  ]
}

function rowsOfPayload({ type, files, metaData }: PayloadInfo, index: number): Row[] {
  const settings = Object.keys(metaData).length === 0 ? [] : [JSON.stringify(metaData)]
  return [
    [`payload ${index}`, type === '' ? 'none: it only changes what the device provides' : type],
    ...files.map(({ name, sizeBytes, checksum, date }): Row => {
      // a reproducible file has no dates: the epoch tells nobody anything
      const when = date === undefined || date.startsWith('1970-01-01T00:00:00') ? '' : `, ${date}`
      return ['  file', `${shown(name)}, ${sizeOf(sizeBytes)}, sha256 ${checksum}${when}`]
    }),
    ...settings.map((text): Row => ['  meta-data', text]),
  ]
}

function additionsOf({ augmented = [] }: ArtifactInfo): Row[] {
  return augmented.flatMap(({ files, metaData, provides, depends }, index) => {
    const parts = [
      ...files.map((name) => `file ${name}`),
      ...Object.keys(metaData).map((key) => `meta-data ${key}`),
      ...pairs(provides),
      ...pairs(depends),
    ]
    return under(`added to ${index}`, parts.length === 0 ? [] : [...parts, 'no signature covers these'])
  })
}

function signatureOf({ signature, signedBy, augmented = [] }: ArtifactInfo): string {
  const but = augmented.length === 0 ? '' : ', which does not cover what was added to the payloads'
  switch (signature) {
    case 'none':
      return 'none'
    case 'unverified':
      return `there is one; nobody checked it: give the key with --verify-key${but}`
    case 'verified':
      return `valid${signedBy === undefined ? '' : `, by the key ${signedBy}`}${but}`
  }
}

function certificateOf({ subject, issuer, until }: CertificateInfo): string {
  return `${subject}, ${issuer === subject ? 'self-signed' : `issued by ${issuer}`}, until ${until.slice(0, 10)}`
}

/** Several values under one label, which stands beside the first alone. */
function under(label: string, values: readonly string[]): Row[] {
  return values.map((value, i) => [i === 0 ? label : '', value])
}

function pairs(values: Depends): string[] {
  return Object.entries(values).map(([key, value]) => {
    const text = typeof value === 'string' ? value : value.join(', ')
    return `${key}: ${text}`
  })
}

const units = ['KiB', 'MiB', 'GiB'] as const

function sizeOf(bytes: number): string {
  let [size, unit] = [bytes, '']
  for (const next of units) {
    if (size < 1024) break
    size /= 1024
    unit = next
  }
  return unit === '' ? `${bytes} bytes` : `${size.toFixed(1)} ${unit} (${bytes} bytes)`
}

const shown = (text: string) => shorten(oneLine(text), maxValue)
