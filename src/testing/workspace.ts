import { relative, resolve } from 'node:path'

/** The folder that files are named from: the job's workspace, in a shell the current one. */
export const workspace = () => resolve(process.env['GITHUB_WORKSPACE'] ?? process.cwd())

/** How a file is named to people: from the workspace on. */
export function fileInReports(file: string): string {
  const path = relative(workspace(), file)
  return path.startsWith('..') ? file : path
}
