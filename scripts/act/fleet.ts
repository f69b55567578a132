import type { Check } from '../act-workflows.ts'

export const fleetChecks: readonly Check[] = []
