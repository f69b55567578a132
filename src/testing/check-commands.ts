// Commands on the device: their exit status, what they print, and a number that they measure.
import { parseDuration, shorten } from '../platform/platform.ts'
import { type Check, listOf } from './check.ts'
import type { ChecksFile } from './checks-schema.ts'
import type { Measure } from './measure.ts'
import { type ProbeResult, limited } from './probe.ts'

type Command = NonNullable<ChecksFile['commands']>[number]

const defaultSeconds = 30

/** A check for each of `commands`; two of one name are a contradiction. */
export function commandChecks({ commands = [] }: ChecksFile): Check[] {
  const seen = new Set<string>()
  return commands.map((command, index) => {
    const name = command.name ?? shorten(command.run.join(' '), 120)
    const isTwice = seen.has(name)
    seen.add(name)
    const limitSeconds =
      command.timeout === undefined ? defaultSeconds : (parseDuration(command.timeout) ?? 0) / 1000
    return {
      section: 'commands',
      name,
      place: ['commands', index],
      contradiction: isTwice
        ? `commands: there are two of the name ${name}: give them a name each`
        : undefined,
      probe: { script: limited(limitSeconds, command.run), limitSeconds },
      judge: (answer) => judge(answer, command, limitSeconds),
    }
  })
}

function judge({ status, output, isCut, seconds }: ProbeResult, command: Command, limitSeconds: number) {
  const { status: wanted = 0, contains, lacks, measure } = command
  // whichever status its end by force has there
  if (seconds >= limitSeconds && status !== wanted)
    return { problems: [`it did not end within ${limitSeconds} s`] }
  const measured = measure && measureIn(output, measure)
  const problems = [
    ...(status === wanted ? [] : [`its exit status is ${status}, not ${wanted}${lastLine(output)}`]),
    ...listOf(contains).flatMap((text) =>
      output.includes(text) ? [] : [`"${text}" is not in ${isCut ? 'the first 256 KiB of ' : ''}its output`],
    ),
    ...listOf(lacks).flatMap((text) => foundIn(output, isCut, text)),
    ...(measure && !measured ? ['there is no number to measure in its output'] : []),
  ]
  return { problems, measures: measured ? [measured] : [] }
}

function foundIn(output: string, isCut: boolean, text: string): string[] {
  if (output.includes(text)) return [`"${text}" is in its output`]
  if (!isCut) return []
  const advice = 'have the command look itself, such as with grep'
  return [`whether "${text}" is in its output is not known, which has more than 256 KiB: ${advice}`]
}

function measureIn(
  output: string,
  { name, unit = '', after = '' }: NonNullable<Command['measure']>,
): Measure | undefined {
  const at = output.indexOf(after)
  if (at < 0) return undefined
  const number = /[-+]?\d+(\.\d+)?([eE][-+]?\d{1,3})?/.exec(output.slice(at + after.length))?.[0]
  return number === undefined ? undefined : { name, value: Number(number), unit }
}

function lastLine(output: string): string {
  const line = output.trim().split('\n').at(-1) ?? ''
  return line === '' ? '' : `: ${shorten(line, 200)}`
}
