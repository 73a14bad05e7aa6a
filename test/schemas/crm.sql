-- crm.sql: customer relations of many tenants: composite keys, every kind of reference, an audit trail.

CREATE TABLE tenants(
  id TEXT PRIMARY KEY NOT NULL,
  name TEXT NOT NULL,
  plan TEXT NOT NULL DEFAULT 'free' CHECK(plan IN ('free', 'team', 'large'))
);

CREATE TABLE stages(
  code TEXT PRIMARY KEY NOT NULL,
  position INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE campaigns(
  id TEXT PRIMARY KEY NOT NULL,
  name TEXT NOT NULL UNIQUE
);

CREATE TABLE users(
  tenant_id TEXT NOT NULL REFERENCES tenants(id) ON DELETE CASCADE ON UPDATE CASCADE,
  id TEXT NOT NULL,
  handle TEXT NOT NULL,
  PRIMARY KEY(tenant_id, id),
  UNIQUE(tenant_id, handle)
) WITHOUT ROWID;

CREATE TABLE companies(
  tenant_id TEXT NOT NULL REFERENCES tenants(id) ON DELETE CASCADE ON UPDATE CASCADE,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  domain TEXT,
  PRIMARY KEY(tenant_id, id)
);
CREATE UNIQUE INDEX companies_by_domain ON companies(tenant_id, lower(domain));

CREATE TABLE contacts(
  tenant_id TEXT NOT NULL,
  id TEXT NOT NULL,
  company_id TEXT,
  name TEXT NOT NULL,
  email TEXT,
  is_primary INTEGER NOT NULL DEFAULT 0 CHECK(is_primary IN (0, 1)),
  campaign_id TEXT REFERENCES campaigns(id) ON DELETE SET NULL ON UPDATE CASCADE,
  referrer_tenant TEXT,
  referrer_id TEXT,
  PRIMARY KEY(tenant_id, id),
  UNIQUE(tenant_id, email),
  FOREIGN KEY(tenant_id, company_id) REFERENCES companies(tenant_id, id) ON DELETE CASCADE ON UPDATE CASCADE,
  FOREIGN KEY(referrer_tenant, referrer_id) REFERENCES contacts(tenant_id, id)
    ON DELETE SET NULL ON UPDATE CASCADE,
  CHECK(NOT is_primary OR company_id IS NOT NULL)
);
CREATE UNIQUE INDEX contacts_primary ON contacts(tenant_id, company_id) WHERE is_primary;
CREATE INDEX contacts_by_company ON contacts(tenant_id, company_id);
CREATE INDEX contacts_by_referrer ON contacts(referrer_tenant, referrer_id);

CREATE TABLE deals(
  tenant_id TEXT NOT NULL,
  id TEXT NOT NULL,
  company_id TEXT NOT NULL,
  stage TEXT NOT NULL DEFAULT 'new' REFERENCES stages(code) ON DELETE SET DEFAULT ON UPDATE CASCADE,
  owner_id TEXT,
  amount INTEGER,
  probability INTEGER NOT NULL DEFAULT 0 CHECK(probability BETWEEN 0 AND 100),
  PRIMARY KEY(tenant_id, id),
  FOREIGN KEY(tenant_id, company_id) REFERENCES companies(tenant_id, id) ON DELETE RESTRICT ON UPDATE CASCADE,
  FOREIGN KEY(tenant_id, owner_id) REFERENCES users(tenant_id, id) ON DELETE NO ACTION ON UPDATE CASCADE,
  CHECK(probability < 100 OR amount IS NOT NULL)
) WITHOUT ROWID;
CREATE INDEX deals_by_company ON deals(tenant_id, company_id);
CREATE INDEX deals_by_owner ON deals(tenant_id, owner_id);

CREATE TABLE activities(
  tenant_id TEXT NOT NULL,
  id TEXT NOT NULL,
  contact_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  note TEXT,
  PRIMARY KEY(tenant_id, id),
  FOREIGN KEY(tenant_id, contact_id) REFERENCES contacts(tenant_id, id) ON DELETE CASCADE ON UPDATE CASCADE
) WITHOUT ROWID;
CREATE INDEX activities_by_contact ON activities(tenant_id, contact_id);

-- The reference goes to a unique key that is not the primary one.
CREATE TABLE tasks(
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT,
  assignee TEXT,
  title TEXT NOT NULL,
  is_done INTEGER NOT NULL DEFAULT 0,
  FOREIGN KEY(tenant_id, assignee) REFERENCES users(tenant_id, handle) ON DELETE SET NULL ON UPDATE CASCADE
);
CREATE INDEX tasks_by_assignee ON tasks(tenant_id, assignee);

CREATE VIEW pipeline AS
  SELECT d.tenant_id, d.id, c.name AS company, s.position, d.amount * d.probability / 100 AS expected
  FROM deals AS d JOIN companies AS c USING(tenant_id) JOIN stages AS s ON s.code = d.stage
  WHERE c.id = d.company_id;

CREATE VIEW address_book AS SELECT tenant_id, id, name, email FROM contacts WHERE email IS NOT NULL;
CREATE TRIGGER address_book_rename INSTEAD OF UPDATE OF name, email ON address_book BEGIN
  UPDATE contacts SET name = NEW.name, email = NEW.email WHERE tenant_id = NEW.tenant_id AND id = NEW.id;
END;

-- One entry for each edit, written where the edit is made, hence the guard.
CREATE TABLE audit(
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  contact_id TEXT NOT NULL,
  what TEXT NOT NULL
);
CREATE TRIGGER audit_insert AFTER INSERT ON contacts WHEN NOT cloudsync_is_sync() BEGIN
  INSERT INTO audit VALUES(lower(hex(randomblob(16))), NEW.tenant_id, NEW.id, 'new: ' || NEW.name);
END;
CREATE TRIGGER audit_update AFTER UPDATE ON contacts WHEN NOT cloudsync_is_sync() BEGIN
  INSERT INTO audit VALUES(lower(hex(randomblob(16))), NEW.tenant_id, NEW.id, 'now: ' || NEW.name);
END;
CREATE TRIGGER audit_delete AFTER DELETE ON contacts WHEN NOT cloudsync_is_sync() BEGIN
  INSERT INTO audit VALUES(lower(hex(randomblob(16))), OLD.tenant_id, OLD.id, 'gone: ' || OLD.name);
END;
