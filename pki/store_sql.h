#ifndef PKI_STORE_SQL_H
#define PKI_STORE_SQL_H

/* The schema of the index.  A change of it needs a new STORE_VERSION and a way from the old one. */

enum {
	STORE_APP_ID = 0x53504b49, /* "SPKI" */
	STORE_VERSION = 1,
};

static const char store_schema[] =
	"BEGIN IMMEDIATE;"
	"PRAGMA application_id=0x53504b49;"
	"PRAGMA user_version=1;"
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE cert("
	"  id INTEGER PRIMARY KEY,"
	"  serial TEXT NOT NULL UNIQUE,"
	"  issuer TEXT NOT NULL,"
	"  kind TEXT NOT NULL CHECK(kind IN ('ca','server','client')),"
	"  name TEXT NOT NULL,"
	"  state TEXT NOT NULL CHECK(state IN ('reserved','issued','abandoned')),"
	"  sans TEXT NOT NULL,"
	"  has_key INTEGER NOT NULL,"
	"  created INTEGER NOT NULL,"
	"  not_before INTEGER NOT NULL,"
	"  not_after INTEGER NOT NULL,"
	"  revoked_at INTEGER,"
	"  reason INTEGER,"
	"  crl_number INTEGER);"
	"CREATE INDEX cert_name ON cert(name);"
	"CREATE INDEX cert_reserved ON cert(state) WHERE state='reserved';"
	"CREATE INDEX cert_revoked ON cert(issuer) WHERE revoked_at IS NOT NULL;"
	"CREATE TABLE crl("
	"  number INTEGER PRIMARY KEY,"
	"  issuer TEXT NOT NULL,"
	"  this_update INTEGER NOT NULL,"
	"  next_update INTEGER NOT NULL,"
	"  entries INTEGER NOT NULL);"
	"CREATE TABLE audit("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  time INTEGER NOT NULL,"
	"  who TEXT NOT NULL,"
	"  action TEXT NOT NULL,"
	"  serial TEXT,"
	"  detail TEXT);"
	"CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit"
	"  BEGIN SELECT raise(ABORT,'the audit trail only grows'); END;"
	"CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit"
	"  BEGIN SELECT raise(ABORT,'the audit trail only grows'); END;"
	"COMMIT;";

static const char store_select_cert[] =
	"SELECT serial,issuer,kind,name,state,sans,has_key,created,not_before,not_after,revoked_at,"
	"reason,crl_number FROM cert WHERE state=";

static const char store_not_superseded[] =
	" AND NOT EXISTS(SELECT 1 FROM cert n WHERE n.name=cert.name AND n.kind=cert.kind AND "
	"n.state='issued' AND n.revoked_at IS NULL AND n.not_after>cert.not_after)";

#endif
