// The templates of each host, and the secrets that they read. Hides how a secret is known again in what comes of it.
import type { Problem } from '../platform/platform.ts'
import type { Allowed } from './allowed.ts'
import type { Host } from './inventory-model.ts'
import { type ReadEnvironment, environmentFor } from './template-environment.ts'
import { type TemplateFiles, readTemplateFiles } from './template-files.ts'
import { type TemplateParser, loadTemplateParser } from './template-parse.ts'
import { type Spot, TemplateProblem, UnknownSecret } from './template-tree.ts'
import { HostTemplates, magicOf } from './template-variables.ts'
import { lockedLayer } from './variable-files.ts'
import { type Layers, lookUp } from './variables.ts'
import { type Opened, openVault } from './vault.ts'

/** What reading templates takes. */
export interface TemplateKit {
  parse: TemplateParser
  files: TemplateFiles
  environment: ReadEnvironment
  /** Whether secrets that are missing are unknown, and no mistake. */
  hasNoSecrets: boolean
}

/** Loads what reads templates, and the templates of the repository in `root`. They may read what is allowed of the environment. */
export async function loadTemplateKit(
  root: string,
  { environment = [], hasNoSecrets = false }: Allowed = {},
): Promise<TemplateKit> {
  const [parse, files] = await Promise.all([loadTemplateParser(), readTemplateFiles(root)])
  return { parse, files, environment: environmentFor(environment), hasNoSecrets }
}

const minSecret = 4

/** Everything secret that was read, so that no message repeats it. */
export class Secrets {
  readonly #texts = new Set<string>()
  readonly #opened = new Map<string, Opened>()

  /** Takes a value of the environment. Shorter ones are no secrets, and taken out they would leave no word whole. */
  add(text: string): void {
    if (text.length >= minSecret) this.#texts.add(text)
  }

  /** `openVault`, once for each text: it takes milliseconds, and hosts share them. */
  open(vault: string): Opened {
    let opened = this.#opened.get(vault)
    if (!opened) {
      opened = openVault(vault)
      this.#opened.set(vault, opened)
      if (opened.ok && opened.text !== '') this.#texts.add(opened.text)
    }
    return opened
  }

  /** A problem whose message has nothing in it that was secret. */
  readonly withoutSecrets = (problem: Problem): Problem => ({
    ...problem,
    message: [...this.#texts].reduce(
      (message, secret) => message.replaceAll(secret, '(encrypted)'),
      problem.message,
    ),
  })
}

/** One host's templates, and the same with other secrets; undefined where they read no secret. */
export interface TemplatesOfHost {
  templates: HostTemplates
  others: () => HostTemplates | undefined
}

/** Makes what renders the templates of a host. */
export function templatesOfHost(
  kit: TemplateKit,
  secrets: Secrets,
  host: Host,
  layers: Layers,
): TemplatesOfHost {
  let hasRead = false
  const withSecrets = (change: (secret: string) => string) => {
    const read = (secret: string) => {
      hasRead = true
      return change(secret)
    }
    return new HostTemplates({
      parse: kit.parse,
      variable: (name) => lookUp(layers, name),
      magic: () => magicOf(host, layers),
      decrypt: (vault, spot) => read(textIn(secrets.open(vault), spot, kit)),
      environment: (name, spot) => {
        const value = kit.environment(name, spot)
        // where GitHub gives a job no secrets, they are empty
        if (kit.hasNoSecrets && !value) throw new UnknownSecret(`${name} is not set in this run`, spot)
        if (value === undefined) return undefined
        secrets.add(value)
        return read(value)
      },
      missing: (name, spot) => {
        if (!layers.includes(lockedLayer)) return
        throw new UnknownSecret(`${name} may be in a file that this run has no password for`, spot)
      },
    })
  }
  return {
    templates: withSecrets((secret) => secret),
    others: () => (hasRead ? withSecrets(otherSecret) : undefined),
  }
}

function textIn(opened: Opened, spot: Spot, { hasNoSecrets }: TemplateKit): string {
  if (opened.ok) return opened.text
  if (opened.isLocked && hasNoSecrets)
    throw new UnknownSecret('is encrypted, and this run has no password', spot)
  throw new TemplateProblem(opened.why, spot)
}

/** Another secret of the same form: what it changes depends on the secret. */
function otherSecret(secret: string): string {
  return secret.replace(/[a-z0-9]/gi, (letter) => {
    const alphabet = alphabets.find((letters) => letters.includes(letter)) ?? letter
    return alphabet[(alphabet.indexOf(letter) + 1) % alphabet.length] ?? letter
  })
}

const alphabets = ['abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', '0123456789']
