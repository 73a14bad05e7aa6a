-- point-of-sale.sql: tills of several stores: products, receipts with lines, payments, sums kept by triggers.

CREATE TABLE stores(
  id TEXT PRIMARY KEY NOT NULL,
  name TEXT NOT NULL
) STRICT;

CREATE TABLE products(
  id TEXT PRIMARY KEY NOT NULL,
  sku TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  price INTEGER NOT NULL CHECK(price >= 0),
  cost INTEGER NOT NULL,
  is_clearance INTEGER NOT NULL DEFAULT 0,
  stock INTEGER NOT NULL DEFAULT 0,
  margin INTEGER GENERATED ALWAYS AS (price - cost) VIRTUAL,
  CHECK(is_clearance OR cost <= price)
) STRICT;

CREATE TABLE receipts(
  id TEXT PRIMARY KEY NOT NULL,
  store_id TEXT NOT NULL REFERENCES stores(id) ON DELETE RESTRICT,
  number INTEGER NOT NULL,
  is_shared INTEGER NOT NULL DEFAULT 0,
  status TEXT NOT NULL CHECK(status IN ('open', 'paid', 'void')),
  total INTEGER NOT NULL DEFAULT 0,
  opened_at TEXT NOT NULL,
  closed_at TEXT,
  UNIQUE(store_id, number),
  CHECK((status = 'open') = (closed_at IS NULL))
) STRICT;

CREATE TABLE receipt_lines(
  receipt_id TEXT NOT NULL REFERENCES receipts(id) ON DELETE CASCADE,
  line INTEGER NOT NULL,
  product_id TEXT NOT NULL REFERENCES products(id) ON DELETE RESTRICT,
  quantity INTEGER NOT NULL CHECK(quantity > 0),
  price INTEGER NOT NULL CHECK(price >= 0),
  discount INTEGER NOT NULL DEFAULT 0,
  amount INTEGER GENERATED ALWAYS AS (quantity * price - discount) STORED,
  PRIMARY KEY(receipt_id, line),
  CHECK(discount >= 0 AND discount <= quantity * price)
) STRICT, WITHOUT ROWID;
CREATE INDEX receipt_lines_by_product ON receipt_lines(product_id);

CREATE TABLE payments(
  id TEXT PRIMARY KEY NOT NULL,
  receipt_id TEXT NOT NULL REFERENCES receipts(id) DEFERRABLE INITIALLY DEFERRED,
  method TEXT NOT NULL CHECK(method IN ('cash', 'card', 'voucher')),
  amount INTEGER NOT NULL CHECK(amount <> 0),
  voucher TEXT,
  CHECK((method = 'voucher') = (voucher IS NOT NULL)),
  UNIQUE(method, voucher)
) STRICT;
CREATE INDEX payments_by_receipt ON payments(receipt_id);

-- Rules that look at other rows: whoever writes has to keep them. A merge takes what happened: the guard.
CREATE TRIGGER closed_receipt_insert BEFORE INSERT ON receipt_lines
WHEN NOT cloudsync_is_sync() AND (SELECT status FROM receipts WHERE id = NEW.receipt_id) <> 'open' BEGIN
  SELECT RAISE(ABORT, 'the receipt is closed');
END;
CREATE TRIGGER closed_receipt_update BEFORE UPDATE ON receipt_lines
WHEN NOT cloudsync_is_sync() AND (SELECT status FROM receipts WHERE id = OLD.receipt_id) <> 'open' BEGIN
  SELECT RAISE(ABORT, 'the receipt is closed');
END;

-- A rule that looks at its own row only needs no guard: every device judges alike.
CREATE TRIGGER payment_limit BEFORE INSERT ON payments WHEN NEW.method = 'cash' AND NEW.amount > 50000 BEGIN
  SELECT RAISE(ABORT, 'too much for cash');
END;

-- Sums in columns that are synchronised: the device where the line is written changes them, hence the guard.
CREATE TRIGGER line_insert AFTER INSERT ON receipt_lines WHEN NOT cloudsync_is_sync() BEGIN
  UPDATE receipts SET total = total + NEW.amount WHERE id = NEW.receipt_id;
  UPDATE products SET stock = stock - NEW.quantity WHERE id = NEW.product_id;
END;
CREATE TRIGGER line_update AFTER UPDATE OF product_id, quantity, price, discount ON receipt_lines
WHEN NOT cloudsync_is_sync() BEGIN
  UPDATE receipts SET total = total - OLD.amount + NEW.amount WHERE id = NEW.receipt_id;
  UPDATE products SET stock = stock + OLD.quantity WHERE id = OLD.product_id;
  UPDATE products SET stock = stock - NEW.quantity WHERE id = NEW.product_id;
END;
CREATE TRIGGER line_delete AFTER DELETE ON receipt_lines WHEN NOT cloudsync_is_sync() BEGIN
  UPDATE receipts SET total = total - OLD.amount WHERE id = OLD.receipt_id;
  UPDATE products SET stock = stock + OLD.quantity WHERE id = OLD.product_id;
END;

-- Sums that every device keeps for itself: they follow every write, also those of a merge, and take no guard.
CREATE TABLE sales(
  product_id TEXT PRIMARY KEY NOT NULL,
  quantity INTEGER NOT NULL,
  amount INTEGER NOT NULL
) STRICT;
CREATE TRIGGER sales_insert AFTER INSERT ON receipt_lines BEGIN
  INSERT INTO sales VALUES(NEW.product_id, NEW.quantity, NEW.amount)
    ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity, amount = amount + excluded.amount;
END;
CREATE TRIGGER sales_update AFTER UPDATE ON receipt_lines BEGIN
  INSERT INTO sales VALUES(OLD.product_id, -OLD.quantity, -OLD.amount)
    ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity, amount = amount + excluded.amount;
  INSERT INTO sales VALUES(NEW.product_id, NEW.quantity, NEW.amount)
    ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity, amount = amount + excluded.amount;
END;
CREATE TRIGGER sales_delete AFTER DELETE ON receipt_lines BEGIN
  INSERT INTO sales VALUES(OLD.product_id, -OLD.quantity, -OLD.amount)
    ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity, amount = amount + excluded.amount;
END;
