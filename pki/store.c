#include "pki/store.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "pki/store_priv.h"
#include "pki/store_sql.h"

enum { BUSY_MS = 10000 };

/* In meta: the CRL in place is not what it should be, though no revocation is missing in it. */
static const char crl_due[] = "crl.due";

int store_code(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return -EROFS;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_NOMEM:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

const char *store_error(const struct store *s)
{
	return s != NULL ? sqlite3_errmsg(s->db) : "out of memory";
}

/*
 * Prepare sql and bind the arguments that types names: 't' text (NULL is fine), 'i' int64_t.  The statement is to be
 * finalized; NULL on failure.
 */
static sqlite3_stmt *prepare(struct store *s, const char *sql, const char *types, va_list ap)
{
	sqlite3_stmt *st = NULL;
	int r = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);

	for (int i = 0; r == SQLITE_OK && types[i] != '\0'; i++) {
		if (types[i] == 'i')
			r = sqlite3_bind_int64(st, i + 1, va_arg(ap, int64_t));
		else
			r = sqlite3_bind_text(
				st, i + 1, va_arg(ap, const char *), -1, SQLITE_TRANSIENT);
	}
	if (r == SQLITE_OK)
		return st;
	(void)sqlite3_finalize(st);
	return NULL;
}

/* Run a statement without rows.  Returns how many rows it has changed, or an error. */
static int run(struct store *s, const char *sql, const char *types, ...)
{
	va_list ap;

	va_start(ap, types);
	sqlite3_stmt *st = prepare(s, sql, types, ap);
	va_end(ap);
	if (st == NULL)
		return store_code(sqlite3_errcode(s->db));
	(void)sqlite3_step(st);
	int r = store_code(sqlite3_finalize(st));
	return r < 0 ? r : sqlite3_changes(s->db);
}

static int exec(struct store *s, const char *sql)
{
	return store_code(sqlite3_exec(s->db, sql, NULL, NULL, NULL));
}

/* One number: -ENOENT when there is no row or it is NULL. */
static int get_number(struct store *s, const char *sql, const char *types, int64_t *out, ...)
{
	va_list ap;
	int r;

	va_start(ap, out);
	sqlite3_stmt *st = prepare(s, sql, types, ap);
	va_end(ap);
	if (st == NULL)
		return store_code(sqlite3_errcode(s->db));
	r = sqlite3_step(st);
	if (r == SQLITE_ROW && sqlite3_column_type(st, 0) != SQLITE_NULL) {
		*out = sqlite3_column_int64(st, 0);
		r = 0;
	} else {
		r = r == SQLITE_ROW || r == SQLITE_DONE ? -ENOENT : store_code(r);
	}
	(void)sqlite3_finalize(st);
	return r;
}

static int check_version(struct store *s)
{
	int64_t id = 0, version = 0;
	int r = get_number(s, "PRAGMA application_id", "", &id);

	if (r == 0)
		r = get_number(s, "PRAGMA user_version", "", &version);
	if (r < 0)
		return r;
	return id == STORE_APP_ID && version == STORE_VERSION ? 0 : -EBADMSG;
}

static int is_empty(struct store *s)
{
	int64_t n = 0;
	int r = get_number(s, "SELECT count(*) FROM sqlite_schema", "", &n);

	return r < 0 ? r : n == 0;
}

static int set_up(struct store *s, enum store_mode mode)
{
	int r;

	(void)sqlite3_extended_result_codes(s->db, 1);
	(void)sqlite3_busy_timeout(s->db, BUSY_MS);
	r = mode == STORE_READ ? 0 : exec(s, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL");
	if (r == 0 && mode == STORE_CREATE) {
		r = is_empty(s);
		if (r == 1)
			r = exec(s, store_schema);
	}
	if (r == 0)
		r = exec(s, "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF");
	return r < 0 ? r : check_version(s);
}

int store_open(const char *path, enum store_mode mode, struct store **out)
{
	struct store *s = calloc(1, sizeof(*s));
	int flags = SQLITE_OPEN_READWRITE | (mode == STORE_CREATE ? SQLITE_OPEN_CREATE : 0);
	int r;

	if (s == NULL)
		return -ENOMEM;
	if (mode != STORE_CREATE && access(path, F_OK) < 0) {
		free(s);
		return -ENOENT;
	}
	r = store_code(sqlite3_open_v2(path, &s->db, flags, NULL));
	if (r == 0)
		r = set_up(s, mode);
	if (r < 0) {
		store_close(s);
		return r;
	}
	*out = s;
	return 0;
}

void store_close(struct store *s)
{
	if (s == NULL)
		return;
	store_rollback(s);
	(void)sqlite3_close(s->db);
	free(s);
}

int store_begin(struct store *s)
{
	int r = exec(s, "BEGIN IMMEDIATE");

	s->in_transaction = r == 0;
	return r;
}

int store_commit(struct store *s)
{
	int r = exec(s, "COMMIT");

	if (r == 0)
		s->in_transaction = false;
	return r;
}

void store_rollback(struct store *s)
{
	if (s->in_transaction)
		(void)exec(s, "ROLLBACK");
	s->in_transaction = false;
}

int store_meta(struct store *s, const char *key, char *out, size_t cap)
{
	sqlite3_stmt *st = NULL;
	int r = store_code(
		sqlite3_prepare_v2(s->db, "SELECT value FROM meta WHERE key=?1", -1, &st, NULL));

	if (r < 0)
		return r;
	(void)sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	r = sqlite3_step(st);
	if (r == SQLITE_ROW) {
		const char *v = (const char *)sqlite3_column_text(st, 0);
		r = v != NULL && strlen(v) < cap ? 0 : -EBADMSG;
		if (r == 0)
			(void)snprintf(out, cap, "%s", v);
	} else {
		r = r == SQLITE_DONE ? -ENOENT : store_code(r);
	}
	(void)sqlite3_finalize(st);
	return r;
}

int store_set_meta(struct store *s, const char *key, const char *value)
{
	int r = run(s, "INSERT OR REPLACE INTO meta(key,value) VALUES(?1,?2)", "tt", key, value);

	return r < 0 ? r : 0;
}

/* A statement that must change just one row. */
static int one_row(int r)
{
	return r < 0 ? r : r == 1 ? 0 : -ENOENT;
}

int store_reserve(struct store *s, const struct store_cert *c)
{
	return one_row(run(s,
		"INSERT INTO cert(serial,issuer,kind,name,state,sans,has_key,created,not_before,"
		"not_after) VALUES(?1,?2,?3,?4,'reserved',?5,?6,?7,?8,?9)",
		"tttttiiii", c->serial, c->issuer, c->kind, c->name, c->sans, (int64_t)c->has_key,
		c->created, c->not_before, c->not_after));
}

int store_set_issued(struct store *s, const char *serial, int64_t not_before, int64_t not_after)
{
	return one_row(run(s,
		"UPDATE cert SET state='issued',not_before=?2,not_after=?3 "
		"WHERE serial=?1 AND state='reserved'",
		"tii", serial, not_before, not_after));
}

int store_set_abandoned(struct store *s, const char *serial)
{
	return one_row(
		run(s, "UPDATE cert SET state='abandoned' WHERE serial=?1 AND state='reserved'",
			"t", serial));
}

int store_set_revoked(struct store *s, const char *serial, int64_t when, int reason)
{
	return one_row(run(s,
		"UPDATE cert SET revoked_at=?2,reason=?3,crl_number=NULL "
		"WHERE serial=?1 AND state='issued' AND (revoked_at IS NULL OR reason=6)",
		"tii", serial, when, (int64_t)reason));
}

int store_want_crl(struct store *s)
{
	return store_set_meta(s, crl_due, "1");
}

int store_set_unheld(struct store *s, const char *serial)
{
	int r = one_row(run(s,
		"UPDATE cert SET revoked_at=NULL,reason=NULL,crl_number=NULL "
		"WHERE serial=?1 AND state='issued' AND reason=6",
		"t", serial));

	return r < 0 ? r : store_want_crl(s);
}

int store_last_crl(struct store *s, struct store_crl *out)
{
	sqlite3_stmt *st = NULL;
	int r = store_code(sqlite3_prepare_v2(s->db,
		"SELECT number,this_update,next_update,entries FROM crl ORDER BY number DESC LIMIT "
		"1",
		-1, &st, NULL));

	if (r < 0)
		return r;
	r = sqlite3_step(st);
	if (r == SQLITE_ROW) {
		*out = (struct store_crl){
			.number = sqlite3_column_int64(st, 0),
			.this_update = sqlite3_column_int64(st, 1),
			.next_update = sqlite3_column_int64(st, 2),
			.entries = sqlite3_column_int64(st, 3),
		};
		r = 0;
	} else {
		r = r == SQLITE_DONE ? -ENOENT : store_code(r);
	}
	(void)sqlite3_finalize(st);
	return r;
}

static int take_entry(sqlite3_stmt *st, struct crl_entry *out)
{
	const char *serial = (const char *)sqlite3_column_text(st, 0);

	out->date = sqlite3_column_int64(st, 1);
	out->reason = sqlite3_column_int(st, 2);
	return serial != NULL ? serial_parse(serial, &out->serial) : -EBADMSG;
}

int store_revoked(struct store *s, const char *issuer, struct crl_entry **out, size_t *n)
{
	static const char sql[] = "SELECT serial,revoked_at,reason FROM cert WHERE issuer=?1 AND "
				  "revoked_at IS NOT NULL "
				  "AND NOT (crl_number IS NOT NULL AND not_after < ?2) ORDER BY "
				  "length(serial),serial";
	struct store_crl last = { .this_update = 0 };
	struct crl_entry *list = NULL;
	size_t count = 0, cap = 0;
	sqlite3_stmt *st = NULL;
	int r = store_last_crl(s, &last);

	if (r < 0 && r != -ENOENT)
		return r;
	r = store_code(sqlite3_prepare_v2(s->db, sql, -1, &st, NULL));
	if (r < 0)
		return r;
	(void)sqlite3_bind_text(st, 1, issuer, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(st, 2, last.this_update);
	while (r == 0 && (r = sqlite3_step(st)) == SQLITE_ROW) {
		if (count == cap) {
			cap = cap == 0 ? 64 : 2 * cap;
			struct crl_entry *more = realloc(list, cap * sizeof(*more));
			if (more == NULL) {
				r = -ENOMEM;
				break;
			}
			list = more;
		}
		r = take_entry(st, &list[count++]);
	}
	r = r < 0 ? r : store_code(r);
	(void)sqlite3_finalize(st);
	if (r < 0) {
		free(list);
		return r;
	}
	*out = list;
	*n = count;
	return 0;
}

int store_add_crl(struct store *s, const struct store_crl *crl, const char *issuer)
{
	int r = run(s,
		"INSERT INTO crl(number,issuer,this_update,next_update,entries) "
		"VALUES(?1,?2,?3,?4,?5)",
		"itiii", crl->number, issuer, crl->this_update, crl->next_update, crl->entries);

	if (r >= 0)
		r = run(s,
			"UPDATE cert SET crl_number=?1 WHERE issuer=?2 AND revoked_at IS NOT NULL "
			"AND crl_number IS NULL",
			"it", crl->number, issuer);
	if (r >= 0)
		r = run(s, "DELETE FROM meta WHERE key=?1", "t", crl_due);
	return r < 0 ? r : 0;
}

int64_t store_pending(struct store *s)
{
	int64_t n = 0;
	int r = get_number(s,
		"SELECT (SELECT count(*) FROM cert WHERE revoked_at IS NOT NULL AND crl_number IS "
		"NULL) + (SELECT count(*) FROM meta WHERE key='crl.due')",
		"", &n);

	return r < 0 ? r : n;
}

int store_audit(
	struct store *s, int64_t when, const char *action, const char *serial, const char *detail)
{
	const char *sudo = getenv("SUDO_USER");
	char who[96];
	int r;

	(void)snprintf(who, sizeof(who), "uid %u%s%.64s", (unsigned)getuid(),
		sudo != NULL ? " by sudo from " : "", sudo != NULL ? sudo : "");
	r = run(s, "INSERT INTO audit(time,who,action,serial,detail) VALUES(?1,?2,?3,?4,?5)",
		"itttt", when, who, action, serial, detail);
	return r < 0 ? r : 0;
}

static struct store_cert row(sqlite3_stmt *st)
{
	const char *text[6];

	for (int i = 0; i < 6; i++) {
		text[i] = (const char *)sqlite3_column_text(st, i);
		text[i] = text[i] != NULL ? text[i] : "";
	}
	return (struct store_cert){
		.serial = text[0],
		.issuer = text[1],
		.kind = text[2],
		.name = text[3],
		.state = text[4],
		.sans = text[5],
		.has_key = sqlite3_column_int(st, 6) != 0,
		.created = sqlite3_column_int64(st, 7),
		.not_before = sqlite3_column_int64(st, 8),
		.not_after = sqlite3_column_int64(st, 9),
		.revoked_at = sqlite3_column_int64(st, 10),
		.reason = sqlite3_column_int(st, 11),
		.crl_number = sqlite3_column_int64(st, 12),
	};
}

/* A statement for f.  Every condition is a text of ours; values are bound. */
static sqlite3_stmt *select_certs(struct store *s, const struct store_filter *f)
{
	char sql[1024];
	sqlite3_stmt *st = NULL;

	(void)snprintf(sql, sizeof(sql), "%s%s%s%s%s%s%s%s%s%s%s%s", store_select_cert,
		f->reserved ? "'reserved'" : "'issued'", f->serial != NULL ? " AND serial=?1" : "",
		f->name != NULL ? " AND name=?2" : "",
		f->name_glob != NULL ? " AND name GLOB ?3" : "",
		f->kind != NULL ? " AND kind=?4" : "", f->valid_at != 0 ? " AND not_after>=?5" : "",
		f->expired_at != 0 ? " AND not_after<?6" : "",
		f->revoked ? " AND revoked_at IS NOT NULL" : "",
		f->not_revoked ? " AND revoked_at IS NULL" : "",
		f->not_superseded ? store_not_superseded : "",
		f->by_expiry      ? " ORDER BY not_after,rowid"
		: f->newest_first ? " ORDER BY rowid DESC"
				  : " ORDER BY rowid");
	if (sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) != SQLITE_OK)
		return NULL;
	/* Binding a parameter that the statement does not have fails and does no harm. */
	(void)sqlite3_bind_text(st, 1, f->serial, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(st, 2, f->name, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(st, 3, f->name_glob, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(st, 4, f->kind, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(st, 5, f->valid_at);
	(void)sqlite3_bind_int64(st, 6, f->expired_at);
	return st;
}

int store_each(struct store *s, const struct store_filter *f,
	int (*fn)(const struct store_cert *c, void *arg), void *arg)
{
	sqlite3_stmt *st = select_certs(s, f);
	int r, stop = 0;

	if (st == NULL)
		return store_code(sqlite3_errcode(s->db));
	while ((r = sqlite3_step(st)) == SQLITE_ROW && stop == 0) {
		struct store_cert c = row(st);
		stop = fn(&c, arg);
	}
	(void)sqlite3_finalize(st);
	return stop != 0 ? stop : store_code(r);
}
