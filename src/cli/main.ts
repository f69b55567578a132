// `drover <action> --<input> <value>`: the same entry points as on a runner, without a runner.
import { parseArgs } from 'node:util'
import { type ActionName, manifest, setHost, terminalHost } from '../action/action.ts'
import { messageOf } from '../platform/platform.ts'
import { nearest, usage, usageOf } from './usage.ts'

const actions: Record<ActionName, () => Promise<unknown>> = {
  'build-image': () => import('../../actions/build-image/main.ts'),
  'dispatch-artifact': () => import('../../actions/dispatch-artifact/main.ts'),
  'enroll-device': () => import('../../actions/enroll-device/main.ts'),
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
  'adopt-fleet': {
    description: 'Writes a fleet repository from a live fleet',
    run: async (args) => (await import('./adopt-fleet.ts')).adoptCommand(args),
  },
  'inspect-artifact': {
    description: 'Prints what an update file holds',
    run: async (args) => (await import('./inspect-artifact.ts')).inspectCommand(args),
  },
  resolve: {
    description: 'Prints the variables of every device of a fleet repository',
    run: async (args) => (await import('./resolve.ts')).resolveCommand(args),
  },
  'virtual-device': {
    description:
      "Runs a virtual device with two root slots and the image's own update client, until it is interrupted",
    run: async (args) => (await import('./virtual-device.ts')).virtualDevice(args),
  },
}

const [name, ...args] = process.argv.slice(2)
if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
  process.stdout.write(usage(commands))
  process.exit(name === undefined ? 2 : 0)
} else if (Object.hasOwn(commands, name)) {
  process.exitCode = await commands[name]?.run(args)
} else if (isAction(name)) {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(usageOf(name, Math.min(process.stdout.columns ?? 100, 120)))
    process.exit(0)
  }
  const { inputs, json, debug } = readArguments(name, args)
  setHost(terminalHost(inputs, { json, debug }))
  await actions[name]()
} else {
  const meant = nearest(name, [...Object.keys(actions), ...Object.keys(commands)])
  wrongUsage(`there is no command "${name}"${didYouMean(meant)}`, 'drover --help lists all')
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
    const { values, tokens } = parseArgs({ args, options, allowPositionals: false, tokens: true })
    const names = tokens.flatMap((token) => (token.kind === 'option' ? [token.name] : []))
    const twice = names.find((one, i) => names.indexOf(one) !== i)
    // else the last would count, and with it fewer keys or devices than were named
    if (twice !== undefined) throw new Error(`--${twice} was given twice: put a comma between several values`)
    const inputs: Record<string, string> = {}
    for (const key of known) if (typeof values[key] === 'string') inputs[key] = values[key]
    return { inputs, json: values['json'] === true, debug: values['debug'] === true }
  } catch (error) {
    const message = messageOf(error)
    const unknown = /^Unknown option '--([^']*)'/.exec(message)?.[1]
    const meant = unknown === undefined ? undefined : nearest(unknown, Object.keys(options))
    // the rest of what Node says is about ways of writing options
    const lonely = /^Unexpected argument '([^']*)'/.exec(message)?.[1]
    const what =
      unknown !== undefined
        ? `there is no option --${unknown}`
        : lonely !== undefined
          ? `no option stands before "${lonely}"`
          : message
    return wrongUsage(
      `${what}${didYouMean(meant === undefined ? undefined : `--${meant}`)}`,
      `drover ${action} --help lists all options`,
    )
  }
}

function didYouMean(what: string | undefined): string {
  return what === undefined ? '' : `; did you mean ${what}?`
}

function wrongUsage(message: string, hint: string): never {
  process.stderr.write(`drover: ${message}\n${hint}\n`)
  process.exit(2)
}
