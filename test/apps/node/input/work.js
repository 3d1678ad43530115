// Worker threads, shared memory, files, crypto and zlib in the thread pool, wasm, timers, signals.
"use strict";
const { Worker, isMainThread, parentPort, workerData, MessageChannel } = require("worker_threads");
const { EventEmitter, once } = require("events");
const { pipeline } = require("stream/promises");
const { promisify } = require("util");
const crypto = require("crypto");
const fs = require("fs");
const zlib = require("zlib");

if (!isMainThread) {
  const view = new Int32Array(workerData.shared);
  for (let i = 0; i < 5000; i++) Atomics.add(view, 0, 1);
  Atomics.wait(view, 1, 0, 10000); // until the main thread opens the gate
  let hash = 0;
  for (let i = 0; i < 300000; i++) hash = (hash * 31 + i) | 0;
  const garbage = [];
  for (let i = 0; i < 20000; i++) garbage.push({ i, text: "x" + i });
  if (workerData.id === 3) throw new RangeError("from a worker");
  parentPort.postMessage({ id: workerData.id, hash, n: garbage.length });
} else {
  main().then(() => process.exit(5));
}

async function workers() {
  const shared = new SharedArrayBuffer(8);
  const view = new Int32Array(shared);
  const all = [0, 1, 2, 3].map((id) => {
    const w = new Worker(__filename, { workerData: { id, shared } });
    const ended = new Promise((r) => w.on("exit", (code) => r([code])));
    const said = id === 3 ? once(w, "error") : once(w, "message");
    w.on("error", () => {});
    return Promise.all([said, ended]);
  });
  while (Atomics.load(view, 0) < 20000) await new Promise((r) => setTimeout(r, 2));
  Atomics.store(view, 1, 1);
  Atomics.notify(view, 1);
  for (const [[message], [code]] of await Promise.all(all)) {
    console.log("worker", message instanceof Error ? message.message : message, code);
  }
  console.log("shared", view[0]);
}

async function channel() {
  const { port1, port2 } = new MessageChannel();
  port2.on("message", (m) => port2.postMessage(m.map((x) => x * 2)));
  port1.postMessage([1, 2, 3]);
  console.log("channel", (await once(port1, "message"))[0]);
  port1.close();
}

async function cryptography() {
  const scrypt = promisify(crypto.scrypt), pbkdf2 = promisify(crypto.pbkdf2);
  const keys = await Promise.all([
    scrypt("secret", "salt", 16, { N: 1024 }),
    ...[1, 2, 3, 4].map((i) => pbkdf2("secret", "salt" + i, 2000, 16, "sha512")),
  ]);
  console.log("keys", keys.map((k) => k.toString("hex")).join(" "));
  const pair = crypto.generateKeyPairSync("ed25519");
  const signature = crypto.sign(null, Buffer.from("text"), pair.privateKey);
  console.log("signed", crypto.verify(null, Buffer.from("text"), pair.publicKey, signature));
  const c = crypto.createCipheriv("aes-256-gcm", Buffer.alloc(32, 1), Buffer.alloc(12, 2));
  console.log("sealed", c.update("plain", "utf8", "hex") + c.final("hex"), c.getAuthTag().toString("hex"));
  console.log("random", (await promisify(crypto.randomBytes)(32)).length);
}

async function files() {
  const text = Array.from({ length: 50000 }, (_, i) => `line ${i}\n`).join("");
  await fs.promises.writeFile("a.txt", text);
  await pipeline(fs.createReadStream("a.txt"), zlib.createGzip(), fs.createWriteStream("a.gz"));
  await pipeline(fs.createReadStream("a.gz"), zlib.createGunzip(), fs.createWriteStream("b.txt"));
  console.log("same", fs.readFileSync("b.txt", "utf8") === text, fs.statSync("b.txt").size);
  const packed = await Promise.all(
    [1, 5, 9].map((level) => promisify(zlib.deflate)(text, { level })));
  for (const p of packed) {
    console.log("inflated", (await promisify(zlib.inflate)(p)).equals(Buffer.from(text)));
  }
  console.log("brotli", zlib.brotliDecompressSync(zlib.brotliCompressSync(text.slice(0, 9999), {
    params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } })).length);
  fs.mkdirSync("d/e/f", { recursive: true });
  fs.renameSync("a.gz", "d/e/g");
  console.log("tree", fs.readdirSync("d").concat(fs.readdirSync("d/e").sort()).join(" "));
  fs.rmSync("d", { recursive: true });
  console.log("gone", !fs.existsSync("d"), await fs.promises.open("none").catch((e) => e.code));
}

async function wasm() { // (func (param i32) (result i32)): the factorial, by recursion
  const bytes = Uint8Array.from([
    0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 127, 1, 127, 3, 2, 1, 0, 5, 3, 1, 0, 1, 7, 13, 2, 3,
    102, 97, 99, 0, 0, 3, 109, 101, 109, 2, 0, 10, 23, 1, 21, 0, 32, 0, 69, 4, 127, 65, 1, 5, 32, 0, 32,
    0, 65, 1, 107, 16, 0, 108, 11, 11]);
  const { instance } = await WebAssembly.instantiate(bytes);
  let x = 0;
  for (let i = 0; i < 200000; i++) x = (x + instance.exports.fac(i % 13)) | 0;
  instance.exports.mem.grow(10);
  console.log("wasm", instance.exports.fac(10), x, instance.exports.mem.buffer.byteLength);
  try {
    instance.exports.fac(10000000); // until the stack is used up
  } catch (e) {
    console.log("wasm", e.name);
  }
}

async function main() {
  await workers();
  await channel();
  await cryptography();
  await files();
  await wasm();
  const order = [];
  await new Promise((done) => {
    setTimeout(() => { order.push("timeout 150"); done(); }, 150);
    setTimeout(() => order.push("timeout 60"), 60);
    setImmediate(() => order.push("immediate"));
    process.nextTick(() => order.push("tick"));
    Promise.resolve().then(() => order.push("microtask"));
  });
  console.log(order.join(", "));
  const signal = once(process, "SIGUSR2"), alive = setInterval(() => {}, 1000);
  process.kill(process.pid, "SIGUSR2");
  console.log("signal", (await signal)[0]);
  clearInterval(alive);
  try {
    (function deep() { deep(); })();
  } catch (e) {
    console.log(e.name);
  }
  const { spawnSync } = require("child_process");
  console.log("events", new EventEmitter().listenerCount("x"), typeof spawnSync);
}
