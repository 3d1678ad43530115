# SPDX-License-Identifier: MIT
"""Real work with each of the modules that a small tool imports."""
import collections
import datetime
import decimal
import hashlib
import io
import json
import os
import re
import sqlite3
import struct
import sys
import tempfile
import threading
import time
import zipfile
import zlib


def work_json():
    with open("cities.json", encoding="utf-8") as f:
        cities = json.load(f)
    by_country = collections.defaultdict(list)
    for city in cities:
        by_country[city["country"]].append(city)
    totals = {c: sum(x["people"] for x in v) for c, v in by_country.items()}
    print("json", json.dumps(totals, sort_keys=True, ensure_ascii=False, indent=1))
    try:
        json.loads('{"a": [1, 2,}')
    except json.JSONDecodeError as e:
        print("json error", e.msg, e.pos)
    return cities


def work_re(cities):
    text = "\n".join(f"{c['name']} <{c['name'].lower()}@{c['country']}.example>" for c in cities)
    print("re", re.findall(r"<(\w+)@(\w\w)\.example>", text)[:3])
    swapped = re.sub(r"(?P<user>\w+)@(?P<host>[\w.]+)", r"\g<host>!\g<user>", text)
    print("re", swapped.split("\n")[0])
    print("re", bool(re.fullmatch(r"(a|b)*c", "ab" * 2000 + "c")))


def work_sqlite(cities):
    db = sqlite3.connect("cities.db")
    db.execute("CREATE TABLE city (name TEXT, country TEXT, people INTEGER)")
    with db:
        db.executemany("INSERT INTO city VALUES (:name, :country, :people)", cities * 500)
    db.create_function("reverse", 1, lambda s: s[::-1])
    rows = db.execute("SELECT country, count(*), avg(people), min(reverse(name)) FROM city "
                      "GROUP BY country ORDER BY country").fetchall()
    print("sqlite3", rows)
    db.execute("VACUUM")
    db.close()
    again = sqlite3.connect("cities.db")
    print("sqlite3", again.execute("PRAGMA integrity_check").fetchone(),
          again.execute("SELECT count(*) FROM city").fetchone(),
          os.path.getsize("cities.db") % 4096)


def work_zip():
    data = b"".join(struct.pack("<I", i * i) for i in range(20000))
    with zipfile.ZipFile("out.zip", "w", zipfile.ZIP_DEFLATED) as z:
        for name in ("squares.bin", "folder/again.bin"):
            z.writestr(zipfile.ZipInfo(name, (2001, 9, 9, 1, 46, 40)), data, zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile("out.zip") as z:
        print("zipfile", z.testzip(), [(i.filename, i.file_size, i.CRC) for i in z.infolist()])
        print("zipfile", zlib.crc32(z.read("squares.bin")), z.read("folder/again.bin") == data)
    buffer = io.BytesIO(b"PK damaged")
    try:
        zipfile.ZipFile(buffer)
    except zipfile.BadZipFile as e:
        print("zipfile error", e)


def work_hash():
    with open("cities.json", "rb") as f:
        data = f.read()
    for name in ("md5", "sha1", "sha256", "sha3_384", "blake2b"):
        print("hashlib", name, hashlib.new(name, data * 100).hexdigest()[:32])
    print("hashlib", hashlib.pbkdf2_hmac("sha256", b"secret", b"salt", 2000).hex()[:32])


def work_decimal():
    with decimal.localcontext() as context:
        context.prec = 120
        third = decimal.Decimal(1) / 3
        print("decimal", third.quantize(decimal.Decimal("1e-30")), decimal.Decimal(2).sqrt())
    print("decimal", sum(decimal.Decimal("0.1") for _ in range(10)) == 1)
    print("integer", len(str(7 ** 5000)), pow(3, 10 ** 20, 10 ** 9 + 7))


def work_system():
    print("system", datetime.datetime.fromtimestamp(10 ** 9, datetime.timezone.utc).isoformat())
    with tempfile.TemporaryDirectory() as folder:
        for i in range(5):
            with open(os.path.join(folder, f"f{i}"), "w", encoding="ascii") as f:
                f.write("x" * i)
        print("system", sorted((e.name, e.stat().st_size) for e in os.scandir(folder)))
    print("system", os.path.exists(folder), os.getcwd() == os.environ.get("PWD", os.getcwd()))
    start = time.monotonic()
    time.sleep(0.02)
    print("system", time.monotonic() - start >= 0.02, threading.current_thread().name,
          len(os.urandom(9)))
    print("system", sys.argv[1:], sys.stdin.readline().strip(), sys.version_info[:2])
    try:
        open("/nowhere/at/all", encoding="ascii")
    except FileNotFoundError as e:
        print("system", e)


def main():
    cities = work_json()
    work_re(cities)
    work_sqlite(cities)
    work_zip()
    work_hash()
    work_decimal()
    work_system()
    print("last words", file=sys.stderr)
    return 5


sys.exit(main())
