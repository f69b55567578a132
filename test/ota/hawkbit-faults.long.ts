import { hawkbitFaults } from './hawkbit-faults.ts'

hawkbitFaults(3)
