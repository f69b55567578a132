// Devices under test: connections to real ones, and virtual ones to connect to.
export {
  type DeviceEvent,
  type EndOfBoot,
  type VirtualDevice,
  type VirtualDeviceOptions,
  startVirtualDevice,
} from './virtual-device.ts'
export { type ConnectOptions, connect } from './connect.ts'
export type { CommandOptions, Connection, TestinfraTarget } from './connection.ts'
export { shellQuote } from './shell-quote.ts'
