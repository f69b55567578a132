// `drover resolve`: the groups and variables of every device of a fleet repository, as `ansible-inventory --list` prints them.
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { terminalHost } from '../action/action.ts'
import { environmentNames, inventorySource, listInventory } from '../fleet/fleet.ts'
import { endingSignal, messageOf, plainContext } from '../platform/platform.ts'
import { jsonText, placed, reportFailure } from './report.ts'

const usage = `drover resolve --fleet DIR [--inventory-command COMMAND | --inventory-url URL] [--allow-env NAMES] [--json]

  --fleet             folder of a fleet repository
  --inventory-command program that prints the inventory as ansible-inventory --list does, in the place of the repository's
                      own: words as a shell splits them, or a JSON list; no shell runs it and nothing is expanded
  --inventory-url     URL with the same; a token for it is read from DROVER_INVENTORY_TOKEN
  --allow-env         environment variables that templates may read besides those of names with FLEET_, separated by commas
  --json              in one line, and also of a failure one JSON object on standard output

Prints the groups and variables of every device as JSON, in the form of ansible-inventory --list. Values with !vault stay
encrypted, as they do there; what is in files that are encrypted as a whole is shown. Their password is read from
DROVER_VAULT_PASSWORD. A rendered configuration stands in _meta.configurations, without its secrets.
`

/** Runs the command; returns its exit status. */
export async function resolveCommand(args: string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(usage)
    return 0
  }
  const given = readArguments(args)
  if (given === undefined) return 2
  const host = terminalHost({}, { json: given.json, debug: false })
  try {
    const inventory = inventorySource({ command: given.command, url: given.url })
    const environment = environmentNames(given.allowEnv)
    // only a program or a server may have to be left
    const signal = inventory && endingSignal((line) => host.log.info(line))
    const context = plainContext({ log: host.log, ...(signal ? { signal } : {}) })
    const { list, warnings } = await listInventory(given.fleet, context, { inventory, environment })
    process.stdout.write(jsonText(sorted(list), { indent: given.json ? 0 : 4 }))
    for (const warning of warnings) host.log.info(`warning: ${placed(warning)}`)
    return 0
  } catch (error) {
    return reportFailure(error, host, given)
  }
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(sorted)
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  for (const entry of entries) entry[1] = sorted(entry[1])
  return Object.fromEntries(entries)
}

function readArguments(args: string[]) {
  try {
    const text = { type: 'string' } as const
    const { values } = parseArgs({
      args,
      options: {
        fleet: text,
        'inventory-command': text,
        'inventory-url': text,
        'allow-env': text,
        json: { type: 'boolean' },
      },
    })
    if (values.fleet === undefined) throw new Error('give the folder of a fleet repository with --fleet')
    return {
      fleet: resolve(values.fleet),
      command: values['inventory-command'],
      url: values['inventory-url'],
      allowEnv: (values['allow-env'] ?? '')
        .split(',')
        .map((name) => name.trim())
        .filter(Boolean),
      json: values.json === true,
    }
  } catch (error) {
    process.stderr.write(`drover resolve: ${messageOf(error)}\n\n${usage}`)
    return undefined
  }
}
