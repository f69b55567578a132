// What should be: a fleet repository as data. Hides Ansible's inventory, variables and precedence, and fleet.yml's form.
export { type Allowed, allowedBy, environmentNames } from './allowed.ts'
export type { Configuration } from './configuration.ts'
export { configurationKeyVariable } from './configuration-fingerprint.ts'
export { type InventoryList, listInventory } from './inventory-list.ts'
export { type InventorySource, inventorySource } from './inventory-source.ts'
export { is32Bit } from './architecture.ts'
export { fileIn, loadFleet } from './load.ts'
export {
  type Fleet,
  type FleetDevice,
  type FleetWarning,
  type Image,
  releaseFor,
  warningsFor,
} from './model.ts'
export { withKnownBad } from './known-bad.ts'
export { parseFleetPolicy, policyFileName, readFleetPolicy } from './policy.ts'
export type {
  Budget,
  FleetPolicy,
  FleetServer,
  Gate,
  Limit,
  Stage,
  Switches,
  WaveStep,
  Window,
} from './policy.ts'
export { policySchema } from './policy-schema.ts'
export { type Path, type Place, isRecord, parseSource } from './source.ts'
export { type Rendered, type Templates, loadTemplates } from './template.ts'
