import type { RegisteredRunner, RunnerRegistry } from '../../src/operate/operate.ts'

/** A registry in memory, for what needs no wire: its runners never come online by themselves. */
export function memoryRegistry(
  runners: RegisteredRunner[] = [],
): RunnerRegistry & { runners: RegisteredRunner[]; given: string[] } {
  const given: string[] = []
  const registry = {
    where: 'octo/fleet',
    runners,
    given,
    within: () => registry,
    list: async () => [...runners],
    find: async (id: number) => runners.find((one) => one.id === id),
    register: async ({ name, labels }: { name: string; labels: readonly string[] }) => {
      const runner = { id: runners.length + 1, name, isOnline: false, isBusy: false, labels }
      runners.push(runner)
      const configuration = `configuration of ${name}`
      given.push(configuration)
      return { runner, configuration }
    },
    remove: async (id: number) => {
      const at = runners.findIndex((one) => one.id === id)
      if (at >= 0) runners.splice(at, 1)
    },
  }
  return registry
}
