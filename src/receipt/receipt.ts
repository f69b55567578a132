// Signed statements that a content digest passed its tests on a device type: an in-toto statement in a DSSE envelope. Hides
// both formats. Nothing here speaks to anybody: a receipt is made and verified offline.
export { type Receipt, type TestCounts, maxReceiptBytes, receiptFile, statementFile } from './statement.ts'
export { makeReceipt } from './make-receipt.ts'
export { checkReceiptKey, receiptKeys } from './receipt-keys.ts'
export { readReceipt, verifyReceipt } from './verify-receipt.ts'
