// What should be: a fleet repository as data. Hides Ansible's inventory, variables and precedence, and fleet.yml's form.
export { readFleetPolicy, parseFleetPolicy, policyFileName } from './policy.ts'
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
export type { Place } from './source.ts'
