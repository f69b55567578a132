import { Failure, lastWords } from '../platform/platform.ts'
import { withoutCredentials } from './apt-sources.ts'
import { type BaseRequest, mirrorsOf } from './builder.ts'

/** What went wrong in a run of mmdebstrap, the reason first. The patterns are apt's and dpkg's words in the C locale. */
export function explained(output: string, code: number, request: BaseRequest): Failure {
  const words = lastWords(
    output
      .split('\n')
      .filter((line) => /^(E:|W:|Err:|dpkg: error|mmdebstrap)/.test(line))
      .map(withoutCredentials)
      .join('\n'),
    'mmdebstrap',
    code,
  )
  const from = mirrorsOf(request)
  const found = (pattern: RegExp) => pattern.exec(output)?.[1]
  const missing = [
    ...output.matchAll(
      /E: (?:Unable to locate package (\S+)|Package '([^']+)' has no installation candidate)/g,
    ),
  ].map((match) => match[1] ?? match[2])
  const version = found(/E: Version '([^']+)' for '[^']+' was not found/)
  if (/No space left on device/.test(output))
    return new Failure(
      'disk-full',
      `no space left while the base system was made: free some and run again (${words})`,
    )
  if (/newuidmap|newgidmap|subuid|subgid|unprivileged user|unshare\(CLONE|unshare mode/i.test(output)) {
    return new Failure(
      'missing-rights',
      `a base system is made by root, or by a user with subordinate ids (package uidmap, a line in /etc/subuid) on a machine that allows user namespaces: run this with sudo. It said: ${words}`,
    )
  }
  if (missing.length > 0)
    return failed(
      `${request.suite} for ${request.arch} has no package ${missing.join(', ')} (${from}): correct \`packages\` in the recipe`,
      words,
    )
  if (version)
    return failed(
      `${request.suite} has no version ${version} of a package any more: correct \`packages\` in the recipe`,
      words,
    )
  if (/does not have a Release file|404 {2}Not Found.*InRelease/.test(output))
    return failed(
      `${from} has no suite ${request.suite}: correct \`suite\` or \`mirror\` in the recipe`,
      words,
    )
  if (/NO_PUBKEY|is not signed|not available keyring|signatures (?:couldn't|were invalid)/.test(output))
    return failed(
      `${from} is not signed with a key that this machine trusts: install its keyring (for Debian: apt-get install debian-archive-keyring)`,
      words,
    )
  if (
    /Could not (?:connect|resolve)|Temporary failure resolving|Connection (?:failed|refused|timed out)|Unable to connect|Network is unreachable/.test(
      output,
    )
  )
    return failed(
      `${from} can't be reached: check the network, or name another \`mirror\` in the recipe`,
      words,
    )
  if (/unmet dependencies|held broken packages/.test(output))
    return failed(
      'the packages do not fit together: see what apt says above, and correct `packages` in the recipe',
      words,
    )
  const hook = found(/command failed: \S*\/hook-(\d+)$/m)
  if (hook) return hookFailure(output, request.hooks[Number(hook)] ?? [])
  return failed(`mmdebstrap ended with ${code}`, words)
}

function hookFailure(output: string, command: readonly string[]): Failure {
  const before = output.split(/^E: (setup|command) failed/m)[0] ?? ''
  const own = before.split('\n').filter((line) => !/^(I:|W:|E:|Setting up|Processing)/.test(line))
  return failed(
    `the hook \`${command.join(' ')}\` failed in the new system: correct it in the recipe`,
    lastWords(own.slice(-5).join('\n'), command[0] ?? 'the hook', 1),
  )
}

function failed(why: string, words: string): Failure {
  return new Failure('build-failed', `${why}. It said: ${words}`)
}
