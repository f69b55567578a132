// `drover <action> --<input> <value>`: the same entry points as on a runner, without a runner.
import { parseArgs } from 'node:util'
import { type ActionName, manifest, setHost, terminalHost } from '../action/action.ts'
import { messageOf } from '../platform/platform.ts'

const actions: Record<ActionName, () => Promise<unknown>> = {
  'build-image': () => import('../../actions/build-image/main.ts'),
  'dispatch-artifact': () => import('../../actions/dispatch-artifact/main.ts'),
  'gather-facts': () => import('../../actions/gather-facts/main.ts'),
  'lease-device': () => import('../../actions/lease-device/foreground.ts'),
  'package-artifact': () => import('../../actions/package-artifact/main.ts'),
  'plan-updates': () => import('../../actions/plan-updates/main.ts'),
  'schedule-updates': () => import('../../actions/schedule-updates/main.ts'),
  'serve-ota': () => import('../../actions/serve-ota/foreground.ts'),
  'simulate-fleet': () => import('../../actions/simulate-fleet/foreground.ts'),
  'test-device': () => import('../../actions/test-device/main.ts'),
  'upload-artifact': () => import('../../actions/upload-artifact/main.ts'),
  'verify-artifact': () => import('../../actions/verify-artifact/main.ts'),
}

/** What exists only as a command: it gets the arguments after its name. */
const commands: Record<string, { description: string; run: (args: string[]) => Promise<number> }> = {
  'inspect-artifact': {
    description: 'Prints what an update file holds',
    run: async (args) => (await import('./inspect-artifact.ts')).inspectCommand(args),
  },
  'virtual-device': {
    description:
      "Runs a virtual device with two root slots and the image's own update client, until it is interrupted",
    run: async (args) => (await import('./virtual-device.ts')).virtualDevice(args),
  },
}

const [name, ...args] = process.argv.slice(2)
if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
  process.stdout.write(usage())
  process.exit(name === undefined ? 2 : 0)
} else if (Object.hasOwn(commands, name)) {
  process.exitCode = await commands[name]?.run(args)
} else if (isAction(name)) {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(usageOf(name))
    process.exit(0)
  }
  const { inputs, json, debug } = readArguments(name, args)
  setHost(terminalHost(inputs, { json, debug }))
  await actions[name]()
} else {
  wrongUsage(`there is no command "${name}"`, usage())
}

function isAction(text: string): text is ActionName {
  return Object.hasOwn(actions, text)
}

function readArguments(action: ActionName, args: string[]) {
  const known = Object.keys(manifest[action].inputs)
  const options = Object.fromEntries([
    ...known.map((key) => [key, { type: 'string' as const }]),
    ['json', { type: 'boolean' as const }],
    ['debug', { type: 'boolean' as const }],
  ]) as Record<string, { type: 'string' | 'boolean' }>
  try {
    const { values } = parseArgs({ args, options, allowPositionals: false })
    const inputs: Record<string, string> = {}
    for (const key of known) if (typeof values[key] === 'string') inputs[key] = values[key]
    return { inputs, json: values['json'] === true, debug: values['debug'] === true }
  } catch (error) {
    return wrongUsage(messageOf(error), usageOf(action))
  }
}

function usage(): string {
  const rows = [
    ...Object.entries(manifest).map(([key, { description }]) => [key, description] as const),
    ...Object.entries(commands).map(([key, { description }]) => [key, description] as const),
  ].map(([key, description]) => `  ${key.padEnd(20)}${description}`)
  return `drover <command> --<input> <value> … [--json] [--debug]\n\n${rows.join('\n')}\n\ndrover <command> --help lists a command's inputs.\n`
}

function usageOf(action: ActionName): string {
  const inputs = manifest[action].inputs as Record<string, { required: boolean; default?: string }>
  const rows = Object.entries(inputs).map(([key, input]) => {
    const fallback = input.default && !input.default.includes('${{') ? ` (default: ${input.default})` : ''
    return `  --${key.padEnd(18)}${input.required ? 'required' : ''}${fallback}`
  })
  return `drover ${action}: ${manifest[action].description}\n\n${rows.join('\n')}\n  --json              outputs as one JSON object on standard output\n  --debug             tells more\n\nSecrets are better given as DROVER_TOKEN, DROVER_SIGNING_KEY and DROVER_SSH_KEY. actions/${action}/README.md says more.\n`
}

function wrongUsage(message: string, help: string): never {
  process.stderr.write(`drover: ${message}\n\n${help}`)
  process.exit(2)
}
