/**
 * crm.ts: how people work with the customer relations (crm.sql), and what its views must show.
 */
import { type Connection, single } from '../support/database.js';
import { type Application, readSchemaFile } from './application.js';
import type { Operator, Row, Work } from './operator.js';

const TENANTS = 3;
const STAGES = ['new', 'offered', 'agreed', 'won'];
const KEY = 'tenant_id, id';

function any(operator: Operator, table: string, where?: string, ...parameters: unknown[]): Row | undefined {
  return operator.any(table, KEY, where, ...parameters);
}

/** Any row of a table of the same tenant as another row. */
function ofTenant(operator: Operator, table: string, row: Row | undefined): Row | undefined {
  return any(operator, table, 'tenant_id = ?', row?.['tenant_id']);
}

/** Few addresses for many people, so that the same is given twice on two devices. */
function email(operator: Operator): string | null {
  return operator.chance(0.15) ? null : `${operator.words(1)}${operator.below(6)}@example.org`;
}

function insertUser(operator: Operator): void {
  const tenant = operator.any('tenants', 'id')?.['id'];
  operator.run('INSERT INTO users VALUES(?, ?, ?)', tenant, operator.newId('user'), operator.words(1));
}

function insertCompany(operator: Operator): void {
  const tenant = operator.any('tenants', 'id')?.['id'];
  const host = operator.chance(0.5) ? operator.words(1) : operator.words(1).toUpperCase();
  const domain = operator.chance(0.2) ? null : `${host}.example`;
  const id = operator.newId('company');
  operator.run('INSERT INTO companies VALUES(?, ?, ?, ?)', tenant, id, operator.words(2), domain);
}

function insertContact(operator: Operator): void {
  const company = any(operator, 'companies');
  if (company === undefined) return;
  const referrer = operator.chance(0.3) ? any(operator, 'contacts') : undefined;
  operator.run(
    `INSERT INTO contacts(tenant_id, id, company_id, name, email, campaign_id, referrer_tenant, referrer_id)
     VALUES(?, ?, ?, ?, ?, ?, ?, ?)`,
    company['tenant_id'],
    operator.newId('contact'),
    operator.chance(0.8) ? company['id'] : null,
    operator.words(2),
    email(operator),
    operator.chance(0.4) ? (operator.any('campaigns', 'id')?.['id'] ?? null) : null,
    referrer?.['tenant_id'] ?? null,
    referrer?.['id'] ?? null,
  );
}

/** The one that was primary steps back; forgotten now and then, and then the index refuses. */
function makePrimary(operator: Operator): void {
  const contact = any(operator, 'contacts', 'company_id IS NOT NULL');
  if (contact === undefined) return;
  const { tenant_id, company_id, id } = contact;
  const stepBack = 'UPDATE contacts SET is_primary = 0 WHERE tenant_id = ? AND company_id = ? AND is_primary';
  if (operator.chance(0.9)) operator.run(stepBack, tenant_id, company_id);
  operator.run('UPDATE contacts SET is_primary = 1 WHERE tenant_id = ? AND id = ?', tenant_id, id);
}

/**
 * Two entries of one person become one: everything moves to the older, which takes the address of the other.
 */
function mergeContacts(operator: Operator): void {
  const keep = any(operator, 'contacts');
  const drop = ofTenant(operator, 'contacts', keep);
  if (keep === undefined || drop === undefined || keep['id'] === drop['id']) return;
  const { tenant_id: tenant } = keep;
  const activities = 'UPDATE activities SET contact_id = ? WHERE tenant_id = ? AND contact_id = ?';
  operator.run(activities, keep['id'], tenant, drop['id']);
  const referred = 'UPDATE contacts SET referrer_id = ? WHERE referrer_tenant = ? AND referrer_id = ?';
  operator.run(referred, keep['id'], tenant, drop['id']);
  operator.run('DELETE FROM contacts WHERE tenant_id = ? AND id = ?', tenant, drop['id']);
  const address = 'UPDATE contacts SET email = ifnull(email, ?) WHERE tenant_id = ? AND id = ?';
  operator.run(address, drop['email'], tenant, keep['id']);
}

/** The other company's people and deals come over, then it goes. */
function mergeCompanies(operator: Operator): void {
  const keep = any(operator, 'companies');
  const drop = ofTenant(operator, 'companies', keep);
  if (keep === undefined || drop === undefined || keep['id'] === drop['id']) return;
  const { tenant_id: tenant } = keep;
  const where = 'WHERE tenant_id = ? AND company_id = ?';
  operator.run(`UPDATE contacts SET company_id = ?, is_primary = 0 ${where}`, keep['id'], tenant, drop['id']);
  operator.run(`UPDATE deals SET company_id = ? ${where}`, keep['id'], tenant, drop['id']);
  operator.run('DELETE FROM companies WHERE tenant_id = ? AND id = ?', tenant, drop['id']);
}

function insertDeal(operator: Operator): void {
  const company = any(operator, 'companies');
  const owner = ofTenant(operator, 'users', company);
  operator.run(
    'INSERT INTO deals(tenant_id, id, company_id, stage, owner_id, amount) VALUES(?, ?, ?, ?, ?, ?)',
    company?.['tenant_id'] ?? null,
    operator.newId('deal'),
    company?.['id'] ?? null,
    operator.any('stages', 'code')?.['code'] ?? 'new',
    owner?.['id'] ?? null,
    operator.chance(0.2) ? null : operator.below(10_000),
  );
}

/** A new name for a stage; deals follow by ON UPDATE CASCADE. */
function renameStage(operator: Operator): void {
  const stage = operator.any('stages', 'code', "code <> 'new'");
  operator.run('UPDATE stages SET code = ? WHERE code = ?', operator.newId('stage'), stage?.['code']);
}

function insertActivity(operator: Operator): void {
  const contact = any(operator, 'contacts');
  if (contact === undefined) return;
  operator.run(
    'INSERT INTO activities VALUES(?, ?, ?, ?, ?)',
    contact['tenant_id'],
    operator.newId('activity'),
    contact['id'],
    operator.pick(['call', 'mail', 'visit']),
    operator.words(5),
  );
}

function insertTask(operator: Operator): void {
  const user = any(operator, 'users');
  const values = [
    operator.newId('task'),
    user?.['tenant_id'] ?? null,
    user?.['handle'] ?? null,
    operator.words(3),
  ];
  operator.run('INSERT INTO tasks(id, tenant_id, assignee, title) VALUES(?, ?, ?, ?)', ...values);
}

/** The whole tenant gets another id, and every row of it another key. */
function renameTenant(operator: Operator): void {
  const tenant = operator.any('tenants', 'id');
  operator.run('UPDATE tenants SET id = ? WHERE id = ?', operator.newId('tenant'), tenant?.['id']);
}

/**
 * Somebody leaves for good, while there are others. Companies with deals cannot be deleted, so these go
 * first.
 */
function deleteTenant(operator: Operator): void {
  const tenant = operator.any('tenants', 'id', '(SELECT count(*) FROM tenants) > ?', TENANTS)?.['id'];
  operator.run('DELETE FROM deals WHERE tenant_id = ?', tenant);
  operator.run('DELETE FROM tenants WHERE id = ?', tenant);
}

/** An update or a deletion of one row of a table with key (tenant_id, id). */
function onRow(
  table: string,
  action: string,
  values: (operator: Operator, row: Row) => unknown[],
): Work['perform'] {
  return (operator) => {
    const row = any(operator, table);
    if (row === undefined) return;
    const sql = action === 'DELETE' ? `DELETE FROM ${table}` : `UPDATE ${table} SET ${action}`;
    operator.run(
      `${sql} WHERE tenant_id = ? AND id = ?`,
      ...values(operator, row),
      row['tenant_id'],
      row['id'],
    );
  };
}

/** The same of a table with a key of one column. */
function onSingle(
  table: string,
  key: string,
  action: string,
  values: (operator: Operator) => unknown[],
): Work['perform'] {
  return (operator) => {
    const row = operator.any(table, key);
    const sql = action === 'DELETE' ? `DELETE FROM ${table}` : `UPDATE ${table} SET ${action}`;
    operator.run(`${sql} WHERE ${key} = ?`, ...values(operator), row?.[key]);
  };
}

const nothing = () => [];

const WORKS: readonly Work[] = [
  { name: 'new user', weight: 4, perform: insertUser },
  { name: 'rename user', weight: 2, perform: onRow('users', 'handle = ?', (o) => [o.words(1)]) },
  { name: 'delete user', weight: 2, perform: onRow('users', 'DELETE', nothing) },
  { name: 'new company', weight: 8, perform: insertCompany },
  {
    name: 'change domain',
    weight: 4,
    perform: onRow('companies', 'domain = ?', (o) => [`${o.words(1)}.EXAMPLE`]),
  },
  { name: 'delete company', weight: 3, perform: onRow('companies', 'DELETE', nothing) },
  { name: 'merge companies', weight: 1, perform: mergeCompanies },
  { name: 'new contact', weight: 14, perform: insertContact },
  { name: 'change email', weight: 6, perform: onRow('contacts', 'email = ?', (o) => [email(o)]) },
  {
    name: 'give held contact another email',
    weight: 5,
    needsOthers: true,
    perform: (operator) => operator.settle('contacts', 'email', email(operator)),
  },
  {
    name: 'edit address book',
    weight: 4,
    perform: onRow('address_book', 'name = ?, email = lower(email)', (o) => [o.words(2)]),
  },
  { name: 'make primary', weight: 5, perform: makePrimary },
  {
    name: 'change company',
    weight: 5,
    perform: onRow('contacts', 'company_id = ?', (o, row) => [ofTenant(o, 'companies', row)?.['id'] ?? null]),
  },
  {
    name: 'rename contact id',
    weight: 1,
    perform: onRow('contacts', 'id = ?', (o) => [o.newId('contact')]),
  },
  { name: 'merge contacts', weight: 2, perform: mergeContacts },
  { name: 'delete contact', weight: 3, perform: onRow('contacts', 'DELETE', nothing) },
  {
    name: 'new campaign',
    weight: 2,
    perform: (o) => void o.run('INSERT INTO campaigns VALUES(?, ?)', o.newId('campaign'), o.words(1)),
  },
  { name: 'delete campaign', weight: 1, perform: onSingle('campaigns', 'id', 'DELETE', nothing) },
  {
    name: 'rename campaign id',
    weight: 1,
    perform: onSingle('campaigns', 'id', 'id = ?', (o) => [o.newId('campaign')]),
  },
  { name: 'new deal', weight: 8, perform: insertDeal },
  {
    name: 'advance deal',
    weight: 7,
    perform: onRow('deals', 'stage = ?, probability = ?', (o) => [
      o.any('stages', 'code')?.['code'] ?? 'new',
      o.pick([10, 50, 100]),
    ]),
  },
  {
    name: 'change amount',
    weight: 4,
    perform: onRow('deals', 'amount = ?', (o) => [o.chance(0.3) ? null : o.below(10_000)]),
  },
  {
    name: 'change owner',
    weight: 3,
    perform: onRow('deals', 'owner_id = ?', (o, row) => [ofTenant(o, 'users', row)?.['id'] ?? null]),
  },
  { name: 'delete deal', weight: 3, perform: onRow('deals', 'DELETE', nothing) },
  {
    name: 'new stage',
    weight: 1,
    perform: (o) => void o.run('INSERT INTO stages VALUES(?, ?)', o.newId('stage'), o.below(10)),
  },
  { name: 'rename stage', weight: 0.5, perform: renameStage },
  { name: 'delete stage', weight: 0.5, perform: onSingle('stages', 'code', 'DELETE', nothing) },
  { name: 'new activity', weight: 10, perform: insertActivity },
  { name: 'delete activity', weight: 2, perform: onRow('activities', 'DELETE', nothing) },
  { name: 'new task', weight: 5, perform: insertTask },
  { name: 'finish task', weight: 4, perform: onSingle('tasks', 'id', 'is_done = 1 - is_done', nothing) },
  { name: 'delete task', weight: 2, perform: onSingle('tasks', 'id', 'DELETE', nothing) },
  {
    name: 'new tenant',
    weight: 0.3,
    perform: (o) => void o.run("INSERT INTO tenants VALUES(?, 'new', 'team')", o.newId('tenant')),
  },
  {
    name: 'change plan',
    weight: 1,
    perform: onSingle('tenants', 'id', 'plan = ?', (o) => [o.pick(['free', 'team', 'big'])]),
  },
  { name: 'rename tenant', weight: 0.2, perform: renameTenant },
  { name: 'delete tenant', weight: 0.1, perform: deleteTenant },
];

/** The views can be read, and show what their tables hold. */
function check(db: Connection): void {
  const listed = single(db, 'SELECT count(*) FROM address_book');
  const counted = single(db, 'SELECT count(*) FROM contacts WHERE email IS NOT NULL');
  if (listed !== counted) throw new Error(`the address book lists ${listed} of ${counted} contacts`);
  single(db, 'SELECT sum(expected) FROM pipeline');
}

export const CRM: Application = {
  name: 'customer relations',
  schema: readSchemaFile('crm.sql'),
  tables: new Map([
    ['tenants', 'cls'],
    ['stages', 'cls'],
    ['campaigns', 'cls'],
    ['users', 'cls'],
    ['companies', 'cls'],
    ['contacts', 'cls'],
    ['deals', 'cls'],
    ['activities', 'cls'],
    ['tasks', 'cls'],
    ['audit', 'gos'],
  ]),
  journal: 'audit',
  begin: (operator) => {
    for (let i = 0; i < TENANTS; i++) {
      operator.run('INSERT INTO tenants(id, name) VALUES(?, ?)', operator.newId('tenant'), operator.words(1));
    }
    STAGES.forEach((code, i) => {
      operator.run('INSERT INTO stages VALUES(?, ?)', code, i);
    });
    for (let i = 0; i < 3; i++) insertCompany(operator);
  },
  works: WORKS,
  check,
};
