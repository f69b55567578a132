// Files: what they are, whose, and what stands in them.
import { shellQuote } from '../device/device.ts'
import { type Check, listOf, unanswered } from './check.ts'
import type { ChecksFile } from './checks-schema.ts'
import type { ProbeResult } from './probe.ts'

type FileWanted = NonNullable<NonNullable<ChecksFile['files']>[string]>

// the upper bits of a file's mode
const typeOfBits: Record<string, NonNullable<FileWanted['type']>> = {
  8: 'file',
  4: 'directory',
  a: 'link',
  c: 'socket',
  2: 'device',
  6: 'device',
  1: 'pipe',
}

/** A check for each of `files`. */
export function fileChecks({ files = {} }: ChecksFile): Check[] {
  return Object.entries(files).map(([path, given]) => {
    const { exists = true, ...wanted } = given ?? {}
    const isContradiction = !exists && Object.values(wanted).some((value) => value !== undefined)
    return {
      section: 'files',
      name: path,
      place: ['files', path],
      contradiction: isContradiction
        ? `files.${path}: what doesn't exist has no ${Object.keys(wanted).join(', ')}`
        : undefined,
      probe: { script: fileScript(path, wanted) },
      judge: (answer) => ({ problems: problemsOf(answer, exists, wanted) }),
    }
  })
}

function fileScript(path: string, { type, contains, lacks }: FileWanted): string {
  const file = shellQuote([path])
  const find = (texts: string | readonly string[] | undefined, word: string) =>
    listOf(texts).map(
      (text, index) =>
        `${shellQuote(['grep', '-F', '-q', '-e', text, '--', path])}; echo "${word} ${index} $?"`,
    )
  return [
    `if [ -e ${file} ] || [ -L ${file} ]; then`,
    // %f is the mode in hex, which GNU's and busybox's stat write alike
    `echo "stat $(stat ${type === 'link' ? '' : '-L '}-c '%f %u %g %U %G' -- ${file})"`,
    ...find(contains, 'contains'),
    ...find(lacks, 'lacks'),
    'else',
    // where a folder can't be entered, nothing in it seems to exist
    `ls -d ${file}`,
    'fi',
    'true',
  ].join('\n')
}

function problemsOf({ status, output }: ProbeResult, exists: boolean, wanted: FileWanted): string[] {
  const [, bits = '', uid = '', gid = '', user = '', group = ''] =
    /^stat ([0-9a-f]+) (\d+) (\d+) (\S+) (\S+)$/m.exec(output) ?? []
  if (status !== 0) return unanswered('the shell', { status, output }).problems
  const isThere = /^stat/m.test(output)
  if (!isThere && !/No such file|Not a directory/i.test(output))
    return [`it can't be looked at: ${output.trim()}`]
  if (!exists) return isThere ? ['it exists'] : []
  if (!isThere) return ["it doesn't exist"]
  if (bits === '') return [`it can't be looked at: ${output.trim()}`]
  const mode = Number.parseInt(bits, 16)
  const type = typeOfBits[(mode >> 12).toString(16)] ?? 'unknown'
  const permissions = (mode & 0o7777).toString(8).padStart(4, '0')
  const isDifferent = (value: string | undefined, ...found: string[]) =>
    value !== undefined && !found.includes(value)
  return [
    ...(isDifferent(wanted.type, type) ? [`it is a ${type}, not a ${wanted.type}`] : []),
    ...(isDifferent(wanted.mode?.padStart(4, '0'), permissions)
      ? [`its mode is ${permissions}, not ${wanted.mode}`]
      : []),
    ...(isDifferent(wanted.owner, user, uid) ? [`its owner is ${user}, not ${wanted.owner}`] : []),
    ...(isDifferent(wanted.group, group, gid) ? [`its group is ${group}, not ${wanted.group}`] : []),
    ...foundTexts(output, 'contains', wanted.contains, '0', (text) => `"${text}" is not in it`),
    ...foundTexts(output, 'lacks', wanted.lacks, '1', (text) => `"${text}" is in it`),
  ]
}

// grep ends with 0 where it found the text, with 1 where not, with 2 where it couldn't look
function foundTexts(
  output: string,
  word: string,
  texts: string | readonly string[] | undefined,
  good: string,
  say: (text: string) => string,
): string[] {
  return listOf(texts).flatMap((text, index) => {
    const status = new RegExp(`^${word} ${index} (\\d+)$`, 'm').exec(output)?.[1] ?? '2'
    if (status === good) return []
    return [status === '0' || status === '1' ? say(text) : `it can't be read for "${text}"`]
  })
}
