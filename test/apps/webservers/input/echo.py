# SPDX-License-Identifier: MIT
"""asyncio: what comes on port 8000 goes back, for any number of connections at once."""
import asyncio
import signal


async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def main():
    server = await asyncio.start_server(echo, "0.0.0.0", 8000)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    server.close()
    await server.wait_closed()

asyncio.run(main())
raise SystemExit(3)
