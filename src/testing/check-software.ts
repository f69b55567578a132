// Services and packages, by whichever of the known programs the device has.
import { shellQuote } from '../device/device.ts'
import { type Check, isLike, unanswered } from './check.ts'
import type { ChecksFile } from './checks-schema.ts'

const properties = 'LoadState,ActiveState,SubState,UnitFileState,NRestarts'

/** A check for each of `services`; on a device without systemd none passes. */
export function serviceChecks({ services = {} }: ChecksFile): Check[] {
  return Object.entries(services).map(([name, wanted]) => {
    const { running = true, enabled, 'max-restarts': maxRestarts } = wanted ?? {}
    const unit = /\.(service|socket|timer|path|target|mount|device|slice|swap|scope|automount)$/.test(name)
      ? name
      : `${name}.service`
    const words = shellQuote(['systemctl', 'show', `--property=${properties}`, '--', unit])
    return {
      section: 'services',
      name,
      place: ['services', name],
      probe: { script: `[ -d /run/systemd/system ] || exit 200\n${words}` },
      judge: (answer) => {
        if (answer.status === 200)
          return { problems: ["this device doesn't run systemd, so nothing is known of its services"] }
        const value = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(answer.output)?.[1] ?? ''
        const active = value('ActiveState')
        if (answer.status !== 0 || active === '') return unanswered('systemctl', answer)
        const isMissing = value('LoadState') === 'not-found'
        if (isMissing && (running || enabled === true)) return { problems: [`there is no ${unit}`] }
        // enabled-runtime and generated ones start too, but are not what a file of the image says
        const isEnabled = /^(enabled|alias|static|indirect)$/.test(value('UnitFileState'))
        const restarts = value('NRestarts')
        return {
          problems: [
            ...((active === 'active') === running ? [] : [`it is ${active} (${value('SubState')})`]),
            ...(enabled === undefined || isEnabled === enabled
              ? []
              : [
                  `it is ${value('UnitFileState') || 'without a unit file'}, not ${enabled ? 'enabled' : 'disabled'}`,
                ]),
            ...(maxRestarts === undefined ? [] : tooManyRestarts(restarts, maxRestarts)),
          ],
        }
      },
    }
  })
}

// only a service has this number, and no systemd before 235
function tooManyRestarts(told: string, limit: number): string[] {
  if (told === '') return ['systemd does not tell how often it was restarted']
  return Number(told) <= limit ? [] : [`it was restarted ${told} times; ${limit} are the limit`]
}

/** A check for each of `packages`. */
export function packageChecks({ packages = {} }: ChecksFile): Check[] {
  return Object.entries(packages).map(([name, wanted]) => {
    const { installed = true, version } = wanted ?? {}
    return {
      section: 'packages',
      name,
      place: ['packages', name],
      contradiction:
        !installed && version !== undefined
          ? `packages.${name}: a package that is not installed has no version`
          : undefined,
      probe: { script: packageScript(name) },
      judge: (answer) => {
        if (answer.status === 200)
          return {
            problems: [
              'this device has none of dpkg-query, rpm, opkg and apk, so nothing is known of its packages',
            ],
          }
        if (answer.status !== 0) return unanswered('the list of packages', answer)
        const [, found] = /^installed (\S+)/m.exec(answer.output) ?? []
        if (found === undefined && !/^absent$/m.test(answer.output))
          return unanswered('the list of packages', answer)
        if ((found !== undefined) !== installed)
          return { problems: [installed ? 'it is not installed' : `it is installed (${found})`] }
        if (version === undefined || found === undefined || isLike(found, version)) return { problems: [] }
        return { problems: [`its version is ${found}, not ${version}`] }
      },
    }
  })
}

// each says `installed <version>` or `absent`, and anything else is no answer: a package that can't be looked up must not
// count as one that isn't there. busybox has programs of these names, and no list of packages
function packageScript(name: string): string {
  const word = shellQuote([name])
  return `if command -v dpkg-query >/dev/null 2>&1 && [ -e /var/lib/dpkg/status ]; then
  o=$(dpkg-query -W -f='\${db:Status-Status} \${Version}\\n' -- ${word} 2>/dev/null); s=$?
  case "$s $o" in "0 installed "*) echo "$o";; 0*|1*) echo absent;; esac
elif command -v rpm >/dev/null 2>&1 && { [ -d /var/lib/rpm ] || [ -d /usr/lib/sysimage/rpm ]; }; then
  o=$(rpm -q --qf 'installed %{VERSION}-%{RELEASE}\\n' -- ${word} 2>&1)
  case "$o" in installed*) echo "$o";; *" is not installed") echo absent;; *) echo "$o";; esac
elif command -v opkg >/dev/null 2>&1; then
  o=$(opkg list-installed ${word} 2>&1) || { echo "$o"; exit 1; }
  case "$o" in *" - "*) echo "$o" | sed -n 's/^[^ ]* - \\([^ ]*\\).*/installed \\1/p';; *) echo absent;; esac
elif command -v apk >/dev/null 2>&1; then
  apk info -e ${word} >/dev/null 2>&1; s=$?
  case $s in
  0) apk list -I ${word} 2>/dev/null | sed -n 's/^[^ ]*-\\([0-9][^- ]*-r[0-9]*\\) .*/installed \\1/p';;
  1) echo absent;;
  esac
else exit 200; fi
true`
}
