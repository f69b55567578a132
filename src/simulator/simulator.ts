// A crowd of devices without hardware: many in one process, over real sockets, with what goes wrong in the field. Hides the
// device's side of the protocol and how faults are dealt out.
export { type Crowd, type CrowdEvent, type CrowdOptions, startCrowd } from './crowd.ts'
export { type CrowdInputs, crowdSchema, readCrowd } from './crowd-file.ts'
export { type CrowdReport, reportLines } from './crowd-report.ts'
export { type LaunchedCrowd, endCrowd, launchCrowd } from './launch-crowd.ts'
export { type Fault, type FaultShare, faults, parseFaults } from './faults.ts'
