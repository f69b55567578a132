// GitHub's own checks of workflow and action files, as its editors have them. The package imports JSON without saying so,
// which Node refuses: a loader hook says it for the package.
import { registerHooks } from 'node:module'
import { interfaceOf, type TextFile } from './files.ts'
import { thirdParty } from './third-party.ts'

registerHooks({
  load: (url, context, next) =>
    next(url, url.endsWith('.json') ? { ...context, importAttributes: { type: 'json' } } : context),
})
const { validate } = await import('@actions/languageservice')
const { TextDocument } = await import('vscode-languageserver-textdocument')

/** What the language service finds wrong, each as `file:line: message`. It knows the inputs of every action that is used. */
export async function diagnose({ path, text }: TextFile): Promise<string[]> {
  const document = TextDocument.create(`file:///${path}`, 'yaml', 1, text)
  const diagnostics = await validate(document, {
    actionsMetadataProvider: {
      fetchActionMetadata: async ({ owner, name, ref, path: folder }) => {
        const inputs = inputsOf(`${owner}/${name}`, folder, ref)
        return inputs && { name, description: '', inputs }
      },
    },
  })
  return diagnostics.map(({ range, message }) => {
    const said = typeof message === 'string' ? message : message.value
    return `${path}:${range.start.line + 1}: ${said}`
  })
}

function inputsOf(repository: string, folder: string | undefined, ref: string) {
  const pinned = thirdParty[repository]
  if (pinned) {
    if (pinned.commit !== ref) return undefined
    return Object.fromEntries(pinned.inputs.map((name) => [name, { description: '', required: false }]))
  }
  const target = interfaceOf(`${repository}/${folder}@${ref}`)
  if (!target) return undefined
  return Object.fromEntries(
    Object.entries(target.inputs).map(([name, { required }]) => [
      name,
      // a token may come from the environment, which the language service can't know
      { description: '', required: required === true && name !== 'token' },
    ]),
  )
}
