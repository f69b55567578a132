// Mender's state scripts that travel in an artifact; those of the states Idle, Sync and Download live on the device alone.
const scriptName =
  /^(?:Artifact(?:Install|Reboot|Commit)_(?:Enter|Leave|Error)|Artifact(?:Rollback|RollbackReboot|Failure)_(?:Enter|Leave))_\d\d(?:_[^\s/]+)?$/

/** Whether a state script in an artifact may have this name: `<State>_<Enter|Leave|Error>_NN[_text]`. */
export function isScriptName(name: string): boolean {
  return Buffer.byteLength(name) <= 255 && scriptName.test(name)
}
