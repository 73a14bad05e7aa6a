/**
 * point-of-sale.ts: how people work at the tills (point-of-sale.sql), and what the sums kept by triggers
 * must be.
 */
import { type Connection, quoted } from '../support/database.js';
import { type Application, readSchemaFile } from './application.js';
import type { Operator, Row, Work } from './operator.js';

const STORES = 5;

function sku(operator: Operator): string {
  return `SKU-${operator.below(60)}`;
}

function insertProduct(operator: Operator): void {
  const cost = operator.below(900);
  const values = [
    operator.newId('product'),
    sku(operator),
    operator.words(2),
    cost + operator.below(500),
    cost,
  ];
  operator.run('INSERT INTO products(id, sku, name, price, cost) VALUES(?, ?, ?, ?, ?)', ...values);
}

/**
 * From a supplier's list, under an id of its own: whoever has the number already makes room, where nobody
 * sold it.
 */
function importProduct(operator: Operator): void {
  const values = [operator.newId('import'), sku(operator), operator.words(1), 50 + operator.below(1000)];
  operator.run(
    'INSERT OR REPLACE INTO products(id, sku, name, price, cost, stock) VALUES(?, ?, ?, ?, 50, 10)',
    ...values,
  );
}

/** Two columns that one CHECK holds together, each changed by somebody else. */
function changePrice(operator: Operator): void {
  const product = operator.any('products', 'id');
  const column = operator.chance(0.5) ? 'price' : 'cost';
  operator.run(`UPDATE products SET ${column} = ? WHERE id = ?`, operator.below(1200) - 20, product?.['id']);
}

/** Mostly the till's own one. Now and then somebody helps elsewhere, and two tills may give the same number. */
function anyStore(operator: Operator): unknown {
  const index = operator.chance(0.85) ? operator.number % STORES : operator.below(STORES);
  return operator.value('SELECT id FROM stores ORDER BY id LIMIT 1 OFFSET ?', index);
}

function insertReceipt(operator: Operator): void {
  const store = anyStore(operator);
  const id = operator.newId('receipt');
  const number = operator.value('SELECT ifnull(max(number), 0) + 1 FROM receipts WHERE store_id = ?', store);
  const insert =
    "INSERT INTO receipts(id, store_id, number, is_shared, status, opened_at) VALUES(?, ?, ?, ?, 'open', ?)";
  operator.run(insert, id, store, number, operator.chance(0.3) ? 1 : 0, new Date().toISOString());
  for (let lines = 1 + operator.below(5); lines > 0; lines--) insertLine(operator, id, operator.newNumber());
}

function insertLine(operator: Operator, receipt: unknown, line: unknown): void {
  const product = operator.any('products', 'id');
  if (product === undefined) return;
  const quantity = 1 + operator.below(4);
  const price = product['price'] as bigint;
  const discount = operator.chance(0.3) ? operator.below(Number(price) + 1) : 0;
  operator.run(
    `INSERT INTO receipt_lines(receipt_id, line, product_id, quantity, price, discount)
     VALUES(?, ?, ?, ?, ?, ?)`,
    receipt,
    line,
    product['id'],
    quantity,
    price,
    discount,
  );
}

/** Two tills have given the same number; the one that is held gets the next free one. */
function renumberHeld(operator: Operator): void {
  const number = operator.value('SELECT max(number) + 1 FROM receipts');
  operator.settle('receipts', 'number', number);
}

/** A receipt that this till may change: its own, or one that was handed over to all. */
function anyReceipt(operator: Operator): Row | undefined {
  return operator.any('receipts', 'id', 'is_shared OR id LIKE ?', `receipt${operator.number}-%`);
}

function anyLine(operator: Operator): Row | undefined {
  return operator.any('receipt_lines', 'receipt_id, line', 'receipt_id = ?', anyReceipt(operator)?.['id']);
}

/**
 * Where several tills may add lines, two give the same number to different ones now and then: one row with one
 * of the two as its values. A till that counts by itself never gives a number again: a line that is held is not
 * seen, and a new one under its key would take its place.
 */
function addLine(operator: Operator): void {
  const receipt = anyReceipt(operator);
  if (receipt === undefined) return;
  const next = 'SELECT ifnull(max(line), 0) + 1 FROM receipt_lines WHERE receipt_id = ?';
  const line = receipt['is_shared'] ? operator.value(next, receipt['id']) : operator.newNumber();
  insertLine(operator, receipt['id'], line);
}

function changeLine(set: string, most: number): Work['perform'] {
  return (operator) => {
    const line = anyLine(operator);
    const sql = `UPDATE receipt_lines SET ${set} WHERE receipt_id = ? AND line = ?`;
    operator.run(sql, operator.below(most), line?.['receipt_id'], line?.['line']);
  };
}

function exchangeProduct(operator: Operator): void {
  const [line, product] = [anyLine(operator), operator.any('products', 'id')];
  const sql = 'UPDATE receipt_lines SET product_id = ? WHERE receipt_id = ? AND line = ?';
  operator.run(sql, product?.['id'], line?.['receipt_id'], line?.['line']);
}

function removeLine(operator: Operator): void {
  const line = anyLine(operator);
  const sql = 'DELETE FROM receipt_lines WHERE receipt_id = ? AND line = ?';
  operator.run(sql, line?.['receipt_id'], line?.['line']);
}

/** The receipt is closed and paid in one go, the payment first: its reference is checked at the end. */
function pay(operator: Operator): void {
  const receipt = anyReceipt(operator);
  if (receipt === undefined || receipt['status'] !== 'open') return;
  const method = operator.pick(['cash', 'card', 'voucher']);
  operator.run(
    'INSERT INTO payments(id, receipt_id, method, amount, voucher) VALUES(?, ?, ?, ?, ?)',
    operator.newId('payment'),
    receipt['id'],
    method,
    operator.chance(0.05) ? 60_000 : receipt['total'],
    method === 'voucher' ? `V${operator.below(200)}` : null,
  );
  const close = "UPDATE receipts SET status = 'paid', closed_at = ? WHERE id = ?";
  operator.run(close, new Date().toISOString(), receipt['id']);
}

function refund(operator: Operator): void {
  const payment = operator.any('payments', 'id', "method <> 'voucher'");
  if (payment === undefined) return;
  operator.run(
    'INSERT INTO payments(id, receipt_id, method, amount) VALUES(?, ?, ?, ?)',
    operator.newId('refund'),
    payment['receipt_id'],
    payment['method'],
    -(payment['amount'] as bigint),
  );
}

/** A mistake: the receipt goes with its lines. Refused when somebody has paid. */
function deleteReceipt(operator: Operator): void {
  operator.run('DELETE FROM receipts WHERE id = ?', anyReceipt(operator)?.['id']);
}

const WORKS: readonly Work[] = [
  { name: 'new product', weight: 5, perform: insertProduct },
  { name: 'import product', weight: 2, perform: importProduct },
  { name: 'change price', weight: 6, perform: changePrice },
  {
    name: 'clearance',
    weight: 3,
    perform: (operator) => {
      const product = operator.any('products', 'id')?.['id'];
      operator.run('UPDATE products SET is_clearance = 1 - is_clearance WHERE id = ?', product);
    },
  },
  {
    name: 'delivery',
    weight: 4,
    perform: (operator) => {
      const product = operator.any('products', 'id')?.['id'];
      operator.run('UPDATE products SET stock = stock + ? WHERE id = ?', operator.below(50), product);
    },
  },
  {
    name: 'delete product',
    weight: 4,
    perform: (o) => void o.run('DELETE FROM products WHERE id = ?', o.any('products', 'id')?.['id']),
  },
  { name: 'new receipt', weight: 12, perform: insertReceipt },
  { name: 'renumber held receipt', weight: 4, needsOthers: true, perform: renumberHeld },
  { name: 'add line', weight: 10, perform: addLine },
  { name: 'change quantity', weight: 8, perform: changeLine('quantity = ?', 4) },
  { name: 'change discount', weight: 6, perform: changeLine('discount = ?', 1500) },
  { name: 'exchange product', weight: 4, perform: exchangeProduct },
  { name: 'remove line', weight: 4, perform: removeLine },
  { name: 'pay', weight: 10, perform: pay },
  {
    name: 'void receipt',
    weight: 2,
    perform: (o) => {
      const void_ = "UPDATE receipts SET status = 'void', closed_at = ? WHERE id = ?";
      o.run(void_, new Date().toISOString(), anyReceipt(o)?.['id']);
    },
  },
  { name: 'refund', weight: 2, perform: refund },
  { name: 'delete receipt', weight: 3, perform: deleteReceipt },
];

/** Fails with the first row of a query that must have none. */
function expectNone(db: Connection, what: string, sql: string): void {
  const row = db.prepare(sql).raw().get() as unknown[] | undefined;
  if (row !== undefined) throw new Error(`${what}: ${row.join('|')}`);
}

/** The device's own sums follow what is in the table. */
function check(db: Connection, complete: boolean): void {
  const sums = `SELECT product_id, sum(quantity) AS quantity, sum(amount) AS amount FROM receipt_lines
     GROUP BY product_id`;
  expectNone(
    db,
    'sales that do not follow the lines',
    `SELECT s.*, l.* FROM sales AS s LEFT JOIN (${sums}) AS l USING(product_id)
     WHERE s.quantity <> ifnull(l.quantity, 0) OR s.amount <> ifnull(l.amount, 0)`,
  );
  expectNone(
    db,
    'lines without sales',
    `SELECT * FROM (${sums}) WHERE product_id NOT IN (SELECT product_id FROM sales)`,
  );
  if (complete) checkTotals(db);
}

/** The total of a receipt is the sum of its lines where one till alone has changed it. */
function checkTotals(db: Connection): void {
  const wrong = db
    .prepare(
      `SELECT r.id, r.total, ifnull(sum(l.amount), 0) AS lines FROM receipts AS r
       LEFT JOIN receipt_lines AS l ON l.receipt_id = r.id WHERE NOT r.is_shared
       GROUP BY r.id HAVING r.total <> lines`,
    )
    .all() as Array<{ id: string; total: bigint; lines: bigint }>;
  if (wrong.length === 0) return;
  const excused = excusedReceipts(db);
  for (const { id, total, lines } of wrong) {
    if (!excused.some((key) => key.includes(id)))
      throw new Error(`receipt ${id} shows ${total}, its lines are ${lines}`);
  }
}

/**
 * Keys of receipts whose total need not be the sum of the lines: with a line that is held, and such that
 * were deleted, their lines too, and brought back by somebody's refund.
 */
function excusedReceipts(db: Connection): string[] {
  const keys = db
    .prepare(
      `SELECT pk FROM cloudsync_held WHERE tbl = 'receipt_lines'
       UNION SELECT pk FROM cloudsync_changes WHERE tbl = 'receipts' AND cl > 1`,
    )
    .pluck()
    .all() as Buffer[];
  return keys.map((key) => key.toString('latin1'));
}

export const POINT_OF_SALE: Application = {
  name: 'point of sale',
  schema: readSchemaFile('point-of-sale.sql'),
  tables: new Map([
    ['stores', 'cls'],
    ['products', 'cls'],
    ['receipts', 'cls'],
    ['receipt_lines', 'cls'],
    ['payments', 'cls'],
  ]),
  begin: (operator) => {
    for (let i = 0; i < STORES; i++) {
      operator.run(
        `INSERT INTO ${quoted('stores')} VALUES(?, ?)`,
        operator.newId('store'),
        operator.words(1),
      );
    }
    for (let i = 0; i < 15; i++) {
      const values = [operator.newId('product'), `SKU-${i}`, operator.words(2), 100 + i, 50 + i];
      operator.run('INSERT INTO products(id, sku, name, price, cost) VALUES(?, ?, ?, ?, ?)', ...values);
    }
  },
  works: WORKS,
  check,
};
