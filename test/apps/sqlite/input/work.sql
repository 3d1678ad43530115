-- 10,000 inserts, indexes, joins, VACUUM; then the file is opened again.
PRAGMA journal_mode;
CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price REAL, blobby BLOB);
CREATE TABLE stock (item INTEGER REFERENCES item, place TEXT, n INTEGER);
BEGIN;
WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 10000)
  INSERT INTO item SELECT i, 'item ' || i, (i * 37 % 1000) / 8.0, zeroblob(i % 64) FROM c;
INSERT INTO stock SELECT id, CASE id % 3 WHEN 0 THEN 'attic' WHEN 1 THEN 'cellar' ELSE 'shop' END, id % 17 FROM item;
COMMIT;
CREATE INDEX item_price ON item (price);
SELECT count(*), sum(price), max(name), sum(length(blobby)) FROM item;
SELECT place, count(*), sum(n * price) FROM stock JOIN item ON item.id = stock.item GROUP BY place ORDER BY place;
UPDATE item SET price = price + 1 WHERE id % 10 = 0;
DELETE FROM item WHERE id > 9000;
BEGIN;
DELETE FROM stock;
ROLLBACK;
SELECT changes(), total_changes() > 10000;
VACUUM;
PRAGMA integrity_check;
PRAGMA page_count;
.open shop.db
PRAGMA integrity_check;
SELECT count(*), sum(price) FROM item;
SELECT name, price FROM item WHERE price BETWEEN 100 AND 101 ORDER BY price, id LIMIT 5;
PRAGMA journal_mode = WAL;
INSERT INTO item VALUES (20000, 'by the log', 1.5, x'00ff');
PRAGMA wal_checkpoint(TRUNCATE);
SELECT hex(blobby), upper(name), typeof(price) FROM item WHERE id = 20000;
.mode csv
.headers on
SELECT * FROM stock WHERE n = 16 ORDER BY item LIMIT 3;
SELECT date(1000000000, 'unixepoch'), json_extract('{"a": [1, 2, 3]}', '$.a[2]'), printf('%.3f', 2.0 / 3);
