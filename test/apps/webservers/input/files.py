# SPDX-License-Identifier: MIT
"""Files, from the directory where this is: http.server as a program would use it."""
import http.server
import signal
import sys

signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))


class Quiet(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("", 8000), Quiet).serve_forever()
