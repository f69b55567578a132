// The contract of the port, kept by the Mender adapter against the embedded server.
import { openLab } from '../support/mender-lab.ts'
import { contract } from './contract.ts'

contract('embedded server', openLab)
