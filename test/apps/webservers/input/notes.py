# SPDX-License-Identifier: MIT
"""A service with a database: POST /notes keeps a text, GET /notes/N gives it, GET /count counts."""
import http.server
import signal
import sqlite3
import sys
import threading

signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
local = threading.local()


def database():
    if not hasattr(local, "db"):
        local.db = sqlite3.connect("/tmp/notes.db", timeout=30, isolation_level=None)
        local.db.execute("PRAGMA journal_mode=WAL")
    return local.db


class Notes(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        done = database().execute("INSERT INTO notes(text) VALUES (?)", (text,))
        self.answer(201, str(done.lastrowid))

    def do_GET(self):
        if self.path == "/count":
            self.answer(200, str(database().execute("SELECT count(*) FROM notes").fetchone()[0]))
            return
        row = database().execute("SELECT text FROM notes WHERE id = ?",
                                 (self.path.rpartition("/")[2],)).fetchone()
        self.answer(200 if row else 404, row[0] if row else "")

    def log_message(self, *_):
        pass


database().execute("CREATE TABLE notes(id INTEGER PRIMARY KEY, text TEXT)")
http.server.ThreadingHTTPServer(("", 8000), Notes).serve_forever()
