import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  jsonText,
  reportFailure
} from "./chunk-BALUSF3Z.mjs";
import {
  bootLimitsMs,
  startVirtualDevice,
  startVirtualMachine
} from "./chunk-MZND4F6A.mjs";
import {
  terminalHost
} from "./chunk-AWI2SVCX.mjs";
import {
  Failure,
  endingSignal,
  messageOf,
  parseDuration,
  systemClock,
  untilRepeatsAreOver
} from "./chunk-J6UCEAK3.mjs";
import "./chunk-A3BQXR3L.mjs";

// src/cli/virtual-device.ts
import { existsSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
var usage = `drover virtual-device --image FILE --folder FOLDER --device-type TYPE --serial SERIAL [--server URL]

  --image             ext4 root file system, also of the other architecture, for a folder that has no device yet
  --machine           a machine with a kernel of its own, in QEMU; it takes disk images, too
  --folder            where the device keeps its state; a device that is there goes on
  --device-type       what artifacts must be made for
  --serial            what the device identifies itself by
  --server            OTA server, an http URL; it may listen on loopback alone
  --authorized-key    file with the public ssh key that may log in as root
  --verify-key        file with the public key that must have signed what the device installs
  --boot-timeout      how long an update may stay unconfirmed before the power is cut (default: 60s, a machine: 5m)
  --json              one JSON object on standard output as soon as ssh answers: address, ssh, hostKey, serial, pid; or failure-reason
  --debug             tells more

SIGINT, SIGTERM and SIGHUP power it off, and so does output that nobody reads. A file named powercut in the folder cuts the power for a moment.
`;
async function virtualDevice(args) {
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(usage);
    return 0;
  }
  const given = readArguments(args);
  if (given === void 0) return 2;
  const host = terminalHost({}, { json: given.json, debug: given.debug });
  const signal = endingSignal((line) => host.log.info(line));
  try {
    await runDevice(given, { log: host.log, signal, clock: systemClock });
    return 0;
  } catch (error) {
    if (signal.aborted) return 0;
    return reportFailure(error, host, given);
  } finally {
    await untilRepeatsAreOver();
  }
}
async function runDevice(given, context) {
  const { json, debug: _debug, isMachine, ...options } = given;
  for (const name of ["authorizedKey", "verifyKey"]) {
    if (options[name] !== void 0) options[name] = await keyFrom(options[name]);
  }
  const device = await (isMachine ? startVirtualMachine : startVirtualDevice)(options, context);
  const cutter = setInterval(() => cutWhereAsked(device), 200);
  try {
    await device.answers(isMachine ? bootLimitsMs.vm : void 0);
    context.log.info(`ssh answers: ssh ${device.sshUrl}`);
    context.log.info(`host key: ${device.hostKey}`);
    if (json) {
      const { address, sshUrl: ssh, hostKey } = device;
      process.stdout.write(jsonText({ address, ssh, hostKey, serial: given.serial, pid: process.pid }));
    }
    await device.done;
  } finally {
    clearInterval(cutter);
    await device.stop();
  }
}
function cutWhereAsked(device) {
  const path = join(device.folder, "powercut");
  if (!existsSync(path)) return;
  rmSync(path, { force: true });
  device.powerCut();
}
async function keyFrom(path) {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new Failure("bad-input", `can't read the key ${path}: ${messageOf(error)}`, {
      cause: error
    });
  }
}
function readArguments(args) {
  const text = { type: "string" };
  const flag = { type: "boolean" };
  try {
    const { values } = parseArgs({
      args,
      options: {
        image: text,
        folder: text,
        "device-type": text,
        serial: text,
        server: text,
        "authorized-key": text,
        "verify-key": text,
        "boot-timeout": text,
        machine: flag,
        json: flag,
        debug: flag
      }
    });
    const bootTimeoutMs = parseDuration(values["boot-timeout"] ?? (values.machine ? "5m" : "60s"));
    if (bootTimeoutMs === void 0) throw new Error("--boot-timeout is a duration such as 60s");
    const needed = (name) => {
      const value = values[name];
      if (!value) throw new Error(`--${name} is missing`);
      return value;
    };
    return {
      image: resolve(needed("image")),
      folder: resolve(needed("folder")),
      deviceType: needed("device-type"),
      serial: needed("serial"),
      ...values.server === void 0 ? {} : { serverUrl: values.server },
      ...values["authorized-key"] === void 0 ? {} : { authorizedKey: values["authorized-key"] },
      ...values["verify-key"] === void 0 ? {} : { verifyKey: values["verify-key"] },
      bootTimeoutMs,
      isMachine: values.machine === true,
      json: values.json === true,
      debug: values.debug === true
    };
  } catch (error) {
    process.stderr.write(`drover virtual-device: ${messageOf(error)}

${usage}`);
    return void 0;
  }
}
export {
  virtualDevice
};
