// From variables to devices: checks what Git says of each host and gathers everything wrong with its place.
import { type Problem, oneLine } from '../platform/platform.ts'
import { is32Bit } from './architecture.ts'
import type { Host, Variable } from './inventory-model.ts'
import type { FleetDevice } from './model.ts'
import type { Stage } from './policy.ts'
import type { TemplateKit } from './template-hosts.ts'
import { type Read, type Values, VariableReader } from './variable-reader.ts'
import { type HostVariables, type Layers, lookUp, written } from './variables.ts'

export interface Resolved {
  devices: FleetDevice[]
  problems: Problem[]
  warnings: Problem[]
  /** What this run knows nothing of for want of a secret. */
  unknown: Problem[]
  /** Whether it could not be read for every host to which branch it subscribes. */
  isBranchUnknown: boolean
  /** Whether there are templates, and no `kit` was given: then the rest doesn't count. */
  needsTemplates: boolean
  /** Whether all problems are that templates have what is not supported. */
  isUnsupported: boolean
}

/** Makes devices of all hosts. `stageOf` gives the stage of a branch, or undefined where a branch is none. */
export function resolveDevices(
  hosts: readonly Host[],
  variables: HostVariables,
  stageOf: (branch: string) => Stage | undefined,
  kit?: TemplateKit,
): Resolved {
  const reader = new VariableReader(kit)
  const devices: FleetDevice[] = []
  const problems: Problem[] = []
  const warnings: Problem[] = []
  let isBranchUnknown = false
  for (const host of hosts) {
    const layers = variables.layersOf(host)
    reader.warnOf(layers)
    const read = reader.read(host, layers)
    const { values, wrong } = read
    isBranchUnknown ||= wrong.has('subscribed_branch')
    const device = deviceOf(host, layers, read, stageOf, problems)
    if (device) devices.push(device)
    else if (wrong.size === 0 && values.subscribed_branch === undefined && values.os_image === undefined)
      warnings.push({ ...host.at(), message: `${host.name} subscribes to no branch: it is left alone` })
  }
  problems.push(...duplicates(devices, hostPlaces(hosts)))
  return {
    devices,
    problems: [...reader.problems, ...problems].map(reader.withoutSecrets),
    warnings: [...reader.warnings, ...warnings],
    unknown: reader.unknown.map(reader.withoutSecrets),
    isBranchUnknown,
    needsTemplates: reader.needsTemplates,
    isUnsupported: reader.isUnsupported && problems.length === 0,
  }
}

function deviceOf(
  host: Host,
  layers: Layers,
  { values, wrong, configuration }: Read,
  stageOf: (branch: string) => Stage | undefined,
  problems: Problem[],
): FleetDevice | undefined {
  const { subscribed_branch: branch, os_image: images } = values
  if (branch === undefined) {
    if (images !== undefined && !wrong.has('subscribed_branch'))
      problems.push({ ...host.at(), message: `${host.name} has an os_image and no subscribed_branch` })
    return undefined
  }
  const stage = stageOf(branch)
  const branchVariable = lookUp(layers, 'subscribed_branch')
  if (!stage) {
    const message = `${host.name} subscribes to the branch ${branch}, which is no stage of fleet.yml`
    problems.push({ ...(branchVariable?.at() ?? host.at()), message })
    return undefined
  }
  const isRetired = values.state === 'retired'
  const image = written(layers, 'os_image')
  const problem = wrong.has('os_image') ? undefined : imageProblem(host, values, image, isRetired)
  if (problem) problems.push(problem)
  if (
    stage.window?.timeZone === 'device' &&
    values.time_zone === undefined &&
    !wrong.has('time_zone') &&
    !isRetired
  ) {
    const message = `${host.name} has no time_zone, which the window of stage ${stage.name} needs`
    problems.push({ ...host.at(), message })
  }
  const isRunner = !isRetired && hasRole(layers, 'runner')
  const architecture = lookUp(layers, 'architecture')?.value
  if (isRunner && typeof architecture === 'string' && is32Bit(architecture)) {
    const message = `roles: ${host.name} is a 32-bit device (${oneLine(architecture)}) and can't be a runner: GitHub's runner needs a 64-bit system. Test it over ssh from another one`
    problems.push({ ...(lookUp(layers, 'roles')?.at() ?? host.at()), message })
  }
  return {
    host: host.name,
    id: values.device_id ?? host.name,
    stage: stage.name,
    images: images ?? [],
    imageSource: { file: image?.file ?? '', path: image?.path ?? [] },
    deviceType: values.device_type,
    isLab: values.lab ?? false,
    site: values.site,
    timeZone: values.time_zone,
    isRetired,
    isRunner,
    configuration,
    at: () => image?.at() ?? host.at(),
    memberAt: () => lookUp(layers, 'state')?.at() ?? host.at(),
  }
}

/** Both words are common: whatever else stands there, also a template, is somebody else's. */
function hasRole(layers: Layers, role: string): boolean {
  const roles = lookUp(layers, 'roles')?.value
  return Array.isArray(roles) ? roles.includes(role) : roles === role
}

function imageProblem(
  host: Host,
  values: Values,
  image: Variable | undefined,
  isRetired: boolean,
): Problem | undefined {
  if (isRetired) return undefined
  const { os_image: images, device_type: type } = values
  if (!images) return { ...host.at(), message: `${host.name} has no os_image` }
  if (type === undefined || images.some(({ deviceType }) => deviceType === undefined || deviceType === type))
    return undefined
  return {
    ...(image?.at() ?? host.at()),
    message: `os_image has no image for the device type ${type} of ${host.name}`,
  }
}

const hostPlaces = (hosts: readonly Host[]) => new Map(hosts.map((host) => [host.name, host]))

function duplicates(devices: readonly FleetDevice[], hosts: ReadonlyMap<string, Host>): Problem[] {
  const byId = new Map<string, FleetDevice>()
  return devices.flatMap((device) => {
    const other = byId.get(device.id)
    byId.set(device.id, other ?? device)
    const place = hosts.get(device.host)?.at()
    if (!other || !place) return []
    const where = other.stage === device.stage ? '' : `, and the device would be in two stages`
    return [
      { ...place, message: `${device.host} has the same device id as ${other.host}: ${device.id}${where}` },
    ]
  })
}
