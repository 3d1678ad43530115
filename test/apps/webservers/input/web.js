// SPDX-License-Identifier: MIT
'use strict';
// A server with streams both ways: /sum of what is sent, /big in pieces, /hello.
const http = require('http');
const crypto = require('crypto');

const server = http.createServer((request, response) => {
    if (request.url === '/sum') {
        const sum = crypto.createHash('sha256');
        request.on('data', (data) => sum.update(data));
        request.on('end', () => response.end(sum.digest('hex')));
    } else if (request.url === '/big') {
        let left = 100;
        const more = () => {
            if (left-- === 0) {
                response.end();
            } else if (response.write(Buffer.alloc(40000, 97 + left % 26))) {
                setImmediate(more);
            } else {
                response.once('drain', more);
            }
        };
        more();
    } else {
        response.setHeader('Content-Type', 'text/plain');
        response.end('hello\n');
    }
});
process.on('SIGTERM', () => {
    server.close(() => process.exit(3));
    server.closeIdleConnections();
});
server.keepAliveTimeout = 60000; // of a client that is kept from asking for long
server.listen(8000, '0.0.0.0');
