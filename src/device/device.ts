// Devices under test: connections to real ones, and virtual ones to connect to.
export { type VirtualDevice, type VirtualDeviceOptions, startVirtualDevice } from './virtual-device.ts'
export { type VirtualMachineOptions, startVirtualMachine } from './virtual-machine.ts'
export type { DeviceEvent, EndOfBoot } from './power.ts'
export { type ConnectOptions, connect } from './connect.ts'
export { bootLimitsMs } from './virtual-connection.ts'
export type { CollectOptions, Collected, CollectedName } from './collect.ts'
export type { CommandOptions, Connection, TestinfraTarget } from './connection.ts'
export { shellQuote } from './shell-quote.ts'
