import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);
import {
  crowdServers,
  parseFaults
} from "./chunk-FFBWVHVW.mjs";
import {
  Failure,
  check,
  description,
  integer,
  maxLength,
  maxValue,
  minEntries,
  minValue,
  nonEmpty,
  number,
  optional,
  parse,
  parseDuration,
  pipe,
  readYaml,
  record,
  strictObject,
  string
} from "./chunk-J6UCEAK3.mjs";

// src/simulator/crowd-file.ts
var maxDevices = 2e4;
var duration = pipe(
  string("write a duration such as 30s, 15m or 24h"),
  check((text2) => (parseDuration(text2) ?? 0) > 0, "write a duration such as 30s, 15m or 24h")
);
var text = pipe(string("write it as text"), nonEmpty("it is empty"), maxLength(256));
var crowdSchema = strictObject({
  "device-types": pipe(
    record(text, pipe(number(), integer(), minValue(1), maxValue(maxDevices))),
    minEntries(1, "name at least one device type"),
    description("How many devices there are of each device type.")
  ),
  release: optional(pipe(text, description("The release that they run at first.")), "os-1"),
  attributes: optional(
    pipe(record(text, text), description("What every device reports besides, such as its site.")),
    {}
  ),
  poll: optional(pipe(duration, description("Time between two polls, in the devices' time.")), "30m"),
  speed: optional(
    pipe(
      number(),
      minValue(1),
      maxValue(1e6),
      description("Seconds that pass for the devices in one second.")
    ),
    60
  )
});
async function readCrowd(inputs) {
  const faults2 = parseFaults(inputs.faults);
  const server = serverOf(inputs);
  const isNumber = /^\d{1,6}$/.test(inputs.devices);
  const value = isNumber ? parse(crowdSchema, { "device-types": { virtual: countOf(inputs.devices) } }) : (await readYaml(inputs.devices, crowdSchema)).value;
  const total = Object.values(value["device-types"]).reduce((sum, count) => sum + count, 0);
  if (total > maxDevices)
    throw new Failure("bad-input", `${total} devices are too many: ${maxDevices} at most`);
  if (faults2.length > total)
    throw new Failure("bad-input", `${faults2.length} faults need more than ${total} devices`);
  return {
    ...server,
    deviceTypes: value["device-types"],
    release: value.release,
    attributes: value.attributes,
    pollMs: parseDuration(value.poll) ?? 0,
    speed: value.speed,
    faults: faults2,
    seed: inputs.seed
  };
}
function countOf(text2) {
  const count = Number(text2);
  if (count >= 1 && count <= maxDevices) return count;
  throw new Failure("bad-input", `devices is ${text2}; a crowd has 1 to ${maxDevices}`);
}
function serverOf({
  server,
  serverType: wanted = crowdServers[0],
  token
}) {
  const url = serverUrl(server);
  const serverType = crowdServers.find((one) => one === wanted);
  if (serverType === void 0)
    throw new Failure("bad-input", `server-type is "${wanted}"; it can be ${crowdServers.join(" or ")}`);
  if (serverType === "mender") return { url, serverType };
  if (token === void 0 || !/^[\x21-\x7e]+$/.test(token)) {
    throw new Failure(
      "bad-input",
      "hawkBit lets unknown devices in with its gateway token: turn it on there, and give its key as the input token"
    );
  }
  const hasTenant = new URL(url).pathname !== "/";
  return { url: hasTenant ? url : `${url}/DEFAULT`, serverType, token };
}
function serverUrl(text2) {
  const url = URL.canParse(text2) ? new URL(text2) : void 0;
  if (url && /^https?:$/.test(url.protocol) && !url.username && !url.search && !url.hash) {
    return url.href.replace(/\/+$/, "");
  }
  throw new Failure(
    "bad-input",
    "server has to be an address such as https://ota.example.com, without credentials"
  );
}

export {
  readCrowd
};
