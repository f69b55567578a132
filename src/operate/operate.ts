// What happens to a fleet over time, composed of what the folders below know.
export { type UpdateToVerify, verifyUpdate } from './verify.ts'
