// Requests to the server. Whatever goes wrong comes out as a Problem, which knows how to be told.

import { kept, keep } from "./kept.js";

const BASE = new URL("v1/", document.baseURI);
const PATIENCE = 3; // seconds that a busy server may ask to wait for before people are told

/** What went wrong: `kind` names its text, `detail` is what the server says of it. */
export class Problem extends Error {
  constructor(status, detail, wait = 0) {
    super(detail);
    this.status = status;
    this.detail = detail;
    this.wait = wait;
    this.kind = { 0: "away", 401: "key", 403: "role", 404: "missing", 409: "refused", 422: "refused",
      429: "busy", 503: "busy" }[status] ?? "inside";
  }
}

let askForKey = async () => null; // set by who can show a dialog
let waiting = null;

export function onKeyNeeded(ask) {
  askForKey = ask;
}

export const key = () => kept("key", "sessionStorage");

/** Ask for a key, once for all requests that wait for one. */
async function keyGiven(refused) {
  if (key() !== refused) return true; // another request got one meanwhile
  waiting ??= askForKey(refused !== null).finally(() => { waiting = null; });
  const given = await waiting;
  if (given) keep("key", given, "sessionStorage");
  return Boolean(given);
}

/** The answer to a request, as the server sent it. */
async function sent(path, { method, body, query = {}, signal, headers = {} } = {}) {
  const address = new URL(path, BASE);
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "") address.searchParams.append(name, one);
    }
  }
  for (let turn = 0; ; turn += 1) {
    const used = key();
    let answer;
    try {
      answer = await fetch(address, {
        method: method ?? (body === undefined ? "GET" : "POST"),
        body: body === undefined ? undefined : JSON.stringify(body),
        headers: {
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
          ...(used ? { Authorization: `Bearer ${used}` } : {}),
          ...headers,
        },
        signal,
      });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Problem(0, "");
    }
    if (answer.ok) return answer;
    const problem = await problemOf(answer);
    if (problem.status === 401 && (await keyGiven(used))) continue;
    const later = problem.kind === "busy" && problem.wait <= PATIENCE && turn === 0;
    if (!later) throw problem;
    await new Promise((wake) => setTimeout(wake, 1000 * (problem.wait || 1)));
    signal?.throwIfAborted();
  }
}

async function problemOf(answer) {
  let detail = "";
  try {
    detail = (await answer.json()).detail ?? "";
  } catch {
    // Something between the page and the server answered; its status says enough.
  }
  return new Problem(answer.status, String(detail), Number(answer.headers.get("Retry-After")) || 0);
}

/** The JSON answer to a request. */
export async function ask(path, options = {}) {
  return (await sent(path, options)).json();
}

/** The answer as a file. */
export async function blob(path, options = {}) {
  return (await sent(path, options)).blob();
}

/** Say what a person did. Under one name however often it is sent, so that it counts once. */
export async function happened(user, item, kind) {
  const name = Array.from(crypto.getRandomValues(new Uint8Array(12)), (one) =>
    one.toString(16).padStart(2, "0")).join("");
  const options = { body: { events: [{ user, item, kind }] }, headers: { "Idempotency-Key": name } };
  try {
    return await ask("events", options);
  } catch (error) {
    if (error.status !== 0) throw error;
    return ask("events", options); // the connection broke off: perhaps it was written, perhaps not
  }
}

/** The events of a streamed answer: [name, value] of each, as they come. */
export async function* streamed(path, options) {
  const answer = await sent(path, { ...options, headers: { Accept: "text/event-stream" } });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    let part;
    try {
      part = await reader.read();
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Problem(0, "");
    }
    rest += part.value ?? "";
    const blocks = rest.split(/\r?\n\r?\n/);
    rest = blocks.pop();
    for (const block of blocks) yield eventOf(block);
    if (part.done) return;
  }
}

function eventOf(block) {
  let name = "message";
  const data = [];
  for (const line of block.split(/\r?\n/)) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    if (line.startsWith("data:")) data.push(line.slice(5).trim());
  }
  return [name, JSON.parse(data.join("\n"))];
}
