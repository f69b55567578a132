import { randomUUID } from 'node:crypto'
import type { Log } from '../platform/platform.ts'
import type { ArtifactFiles } from './artifact-files.ts'
import type { Secrets } from './secrets.ts'
import type { Store } from './store.ts'

/** What every route works on. */
export interface Core {
  store: Store
  files: ArtifactFiles
  secrets: Secrets
  log: Log
  /** `all`: every device that asks is accepted at once. */
  accept: 'none' | 'all'
  /** Largest artifact that is taken, in bytes. */
  maxArtifactBytes: number
}

/** The time as it is stored and answered. */
export function timestamp(date = new Date()): string {
  return date.toISOString()
}

/** A new id, as the real server makes them. */
export function newId(): string {
  return randomUUID()
}
