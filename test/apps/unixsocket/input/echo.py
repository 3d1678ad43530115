# SPDX-License-Identifier: MIT
"""asyncio on AF_UNIX: a server and 40 clients in one loop; then threads with socketserver."""
import asyncio
import os
import socket
import socketserver
import tempfile
import threading

where = tempfile.mkdtemp()


async def serve(reader, writer):
    while line := await reader.readline():
        writer.write(line.upper())
        await writer.drain()
    writer.close()


async def ask(number, path):
    reader, writer = await asyncio.open_unix_connection(path)
    good = 0
    for i in range(20):
        writer.write(f"client {number} line {i}\n".encode())
        good += await reader.readline() == f"CLIENT {number} LINE {i}\n".encode()
    writer.write_eof()
    good += await reader.read() == b""
    writer.close()
    return good


async def main():
    path = where + "/loop"
    server = await asyncio.start_unix_server(serve, path)
    print("asyncio:", sum(await asyncio.gather(*(ask(i, path) for i in range(40)))))
    server.close()
    os.unlink(path)


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line[::-1])


def client(path, results):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        f = s.makefile("rw", newline="\n")
        for i in range(50):
            f.write(f"{i}\n")
        f.flush()
        s.shutdown(socket.SHUT_WR)
        results.append(len(f.read()))


def threads():
    path = where + "/threads"
    results = []
    with socketserver.ThreadingUnixStreamServer(path, Handler) as server:
        t = threading.Thread(target=server.serve_forever, args=(0.01,))
        t.start()
        clients = [threading.Thread(target=client, args=(path, results)) for _ in range(8)]
        for c in clients:
            c.start()
        for c in clients:
            c.join()
        server.shutdown()
        t.join()
    print("socketserver:", results)
    os.unlink(path)


def descriptors():
    a, b = socket.socketpair()
    with tempfile.TemporaryFile() as f:
        f.write(b"through a socket")
        f.flush()
        socket.send_fds(a, [b"file"], [f.fileno()])
    text, fds, flags, _ = socket.recv_fds(b, 100, 1)
    print(text, os.pread(fds[0], 100, 0), flags)


asyncio.run(main())
threads()
descriptors()
os.rmdir(where)
