// SPDX-License-Identifier: MIT
// A server and clients on an AF_UNIX socket in one event loop, with much data in both directions.
const fs = require("fs"), net = require("net"), os = require("os"), path = require("path");
const where = fs.mkdtempSync(path.join(os.tmpdir(), "unix"));
const name = path.join(where, "socket");
const big = Buffer.alloc(1 << 20, "0123456789abcdef");
let open = 0, good = 0;

const server = net.createServer((c) => c.pipe(c));
server.listen(name, () => {
    for (let i = 0; i < 10; i++) {
        open++;
        const parts = [];
        const c = net.connect(name, () => c.end(big));
        c.on("data", (d) => parts.push(d));
        c.on("end", () => { good += Buffer.concat(parts).equals(big) ? 1 : 0; });
        c.on("close", () => { if (--open === 0) server.close(); });
    }
});
server.on("close", () => {
    console.log("echoed", good, "times, still there:", fs.existsSync(name));
    net.connect(name).on("error", (e) => {
        console.log(e.code);
        fs.rmdirSync(where);
    });
});
