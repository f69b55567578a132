// The files of a fleet repository that says of a live fleet what it is now. What devices say of themselves gets into files
// that Ansible reads, so whatever could be more than a name there is left out.
import { createHash } from 'node:crypto'
import { type DeviceFacts, type Facts, isInLab } from '../ota/ota.ts'
import { counted } from '../platform/platform.ts'

/** A stage and its branch. */
export interface AdoptedStage {
  name: string
  branch: string
}

export interface Adopted {
  /** Texts by their paths in the repository; the same for the same facts in any order. */
  files: ReadonlyMap<string, string>
  /** How many devices are in it. */
  devices: number
  /** Devices that are not, and why. */
  leftOut: readonly { id: string; why: string }[]
}

interface Member {
  facts: DeviceFacts
  host: string
  group: string
  deviceType: string
  release: string
}

/** Writes down `facts`. Each stage comes after the one before; lab devices go into the first, those that name none into the last. */
export function adoptedFiles(facts: Facts, serverType: string, stages: readonly AdoptedStage[]): Adopted {
  const leftOut: { id: string; why: string }[] = []
  const members: Member[] = []
  const names = new Names()
  for (const device of [...facts.devices].sort((a, b) => compare(a.id, b.id))) {
    const { deviceType, release } = device
    const why = whyNot(device)
    if (why !== undefined || deviceType === undefined || release === undefined)
      leftOut.push({ id: device.id, why: why ?? '' })
    else members.push({ facts: device, ...names.of(device.id, deviceType), deviceType, release })
  }
  const files = new Map<string, string>()
  const usual = usualReleases(members)
  const branches = members.map((member) => branchOf(member.facts, stages))
  files.set('inventory.yml', inventory(members))
  for (const [group, { deviceType, release }] of usual)
    files.set(`group_vars/${group}.yml`, osImage(deviceType, release))
  members.forEach((member, index) => {
    const isUsual = usual.get(member.group)?.release === member.release
    files.set(`host_vars/${member.host}.yml`, variables(member, branches[index] ?? '', isUsual))
  })
  files.set('fleet.yml', policy(facts.server, serverType, stages, new Set(branches)))
  files.set('README.md', readme(members.length, leftOut.length, stages))
  return { files, devices: members.length, leftOut }
}

function whyNot(device: DeviceFacts): string | undefined {
  if (device.status !== 'accepted') return `is ${device.status} on the server`
  if (device.deviceType === undefined) return 'never reported its device type'
  if (device.release === undefined) return "doesn't report which release it runs"
  const unsafe = [device.id, device.deviceType, device.release].find((text) => !isName(text))
  return unsafe === undefined
    ? undefined
    : `has a name that can't stand in an inventory: ${JSON.stringify(unsafe.slice(0, 80))}`
}

/** Whether it is but a name: no template that Ansible would run, nothing that can't be seen. */
function isName(text: string): boolean {
  return (
    /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]{1,256}$/u.test(text) &&
    text.trim() === text &&
    !/\{[{%#]|^\$ANSIBLE_VAULT/.test(text)
  )
}

/** Names of hosts and groups that are safe as files too, and don't take one another's place. */
class Names {
  readonly #taken = new Map<string, string>([
    ['all', ''],
    ['ungrouped', ''],
    ['localhost', ''],
  ])

  of(id: string, deviceType: string): { host: string; group: string } {
    const group = this.#claim(`type_${deviceType.replace(/[^A-Za-z0-9]+/g, '_')}`, `type ${deviceType}`, '_')
    // a host's name has to stand in an inventory as it is, and the end of a file's name means something
    const isPlain = /^[A-Za-z0-9](?:[\w-]{0,98}[A-Za-z0-9])?$/.test(id) && /[A-Za-z-]/.test(id)
    return { host: this.#claim(isPlain ? id : 'device', `device ${id}`, '-'), group }
  }

  #claim(wanted: string, owner: string, joint: string): string {
    const short = createHash('sha256').update(owner).digest('hex').slice(0, 12)
    const isBare = wanted === 'device'
    // some file systems don't tell letters by their case
    const holder = this.#taken.get(wanted.toLowerCase())
    const name = isBare || (holder !== undefined && holder !== owner) ? `${wanted}${joint}${short}` : wanted
    this.#taken.set(name.toLowerCase(), owner)
    return name
  }
}

/** What the most devices of each type run: of equally many, the later name. */
function usualReleases(members: readonly Member[]): Map<string, { deviceType: string; release: string }> {
  const counts = new Map<string, Map<string, Member[]>>()
  for (const member of members) {
    const releases = counts.get(member.group) ?? new Map<string, Member[]>()
    counts.set(member.group, releases)
    const alike = releases.get(member.release)
    if (alike) alike.push(member)
    else releases.set(member.release, [member])
  }
  const usual = new Map<string, { deviceType: string; release: string }>()
  for (const [group, releases] of [...counts].sort(([a], [b]) => compare(a, b))) {
    const [most] = [...releases.values()].sort(
      (a, b) => b.length - a.length || compare(b[0]?.release ?? '', a[0]?.release ?? ''),
    )
    if (most?.[0]) usual.set(group, { deviceType: most[0].deviceType, release: most[0].release })
  }
  return usual
}

function branchOf(device: DeviceFacts, stages: readonly AdoptedStage[]): string {
  const named = stages.find(({ branch }) => branch === device.attributes['subscribed_branch'])
  return (named ?? (isInLab(device) ? stages[0] : stages.at(-1)))?.branch ?? ''
}

function inventory(members: readonly Member[]): string {
  const groups = new Map<string, string[]>()
  for (const { group, host } of members) {
    const hosts = groups.get(group) ?? []
    groups.set(group, hosts)
    hosts.push(`        ${scalar(host)}:\n`)
  }
  const text = [...groups]
    .sort(([a], [b]) => compare(a, b))
    .map(([group, hosts]) => `    ${group}:\n      hosts:\n${hosts.join('')}`)
  return `all:\n  children:\n${text.join('')}`
}

const osImage = (deviceType: string, release: string) =>
  `os_image:\n  - device_type: ${scalar(deviceType)}\n    image_name: ${scalar(release)}\n`

function variables({ facts, deviceType, release }: Member, branch: string, isUsual: boolean): string {
  const { site, time_zone: timeZone } = facts.attributes
  return [
    `device_id: ${scalar(facts.id)}\n`,
    `device_type: ${scalar(deviceType)}\n`,
    `subscribed_branch: ${scalar(branch)}\n`,
    ...(isInLab(facts) ? ['lab: true\n'] : []),
    ...(site !== undefined && isName(site) ? [`site: ${scalar(site)}\n`] : []),
    ...(timeZone !== undefined && isZone(timeZone) ? [`time_zone: ${scalar(timeZone)}\n`] : []),
    ...(isUsual ? [] : [osImage(deviceType, release)]),
  ].join('')
}

function policy(
  server: string,
  type: string,
  stages: readonly AdoptedStage[],
  used: ReadonlySet<string>,
): string {
  const blocks = stages.map(({ name, branch }, index) => {
    const before = stages[index - 1]
    return [
      `  ${scalar(name)}:\n    branch: ${scalar(branch)}\n`,
      ...(before ? [`    after: ${scalar(before.name)}\n`] : []),
      ...(used.has(branch) ? [] : ['    allow-empty: true\n']),
    ].join('')
  })
  return `server:\n  type: ${type}\n  url: ${scalar(server)}\nstages:\n${blocks.join('')}`
}

function readme(devices: number, leftOut: number, stages: readonly AdoptedStage[]): string {
  const rows = stages.map(({ name, branch }) => `- ${name}: the branch \`${branch}\`\n`)
  return `# Fleet

What each device of this fleet should run. It was written from what ${counted(devices, 'device')} reported, so that nothing changes at
first${leftOut > 0 ? `; ${counted(leftOut, 'device')} of the server ${leftOut === 1 ? 'is' : 'are'} not in it` : ''}.

- \`inventory.yml\`: the devices, in a group for each device type
- \`group_vars/\`: what the devices of a type run; change \`image_name\` here to update them
- \`host_vars/\`: each device's id and branch, and its release where it is another than its group's
- \`fleet.yml\`: the OTA server and the stages

Stages, in their order:

${rows.join('')}
Look through it before the first merge: which stage a device is in, and its site, are what the device said itself.
`
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const word = /^(?!(?:true|false|null|yes|no|on|off|y|n)$)[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*_?$/i

/** Text as YAML: in quotes wherever it could be anything else. */
function scalar(text: string): string {
  if (uuid.test(text) || word.test(text)) return text
  return JSON.stringify(text).replace(
    /[\u007f-\u00a0\u2028\u2029\ufeff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function isZone(name: string): boolean {
  try {
    return isName(name) && new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
