// The contract of the port, kept by the server in memory that histories are played on.
import { openMemoryLab } from '../support/memory-lab.ts'
import { contract } from './contract.ts'

contract('server in memory', openMemoryLab)
