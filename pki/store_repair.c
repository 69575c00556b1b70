#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pki/store.h"
#include "pki/store_priv.h"

int store_check(struct store *s)
{
	sqlite3_stmt *st = NULL;
	int r = store_code(sqlite3_prepare_v2(s->db, "PRAGMA quick_check(1)", -1, &st, NULL));

	if (r < 0)
		return r;
	r = sqlite3_step(st);
	if (r == SQLITE_ROW) {
		const char *answer = (const char *)sqlite3_column_text(st, 0);
		r = answer != NULL && strcmp(answer, "ok") == 0 ? 0 : -EBADMSG;
	} else {
		r = r == SQLITE_DONE ? -EBADMSG : store_code(r);
	}
	(void)sqlite3_finalize(st);
	return r;
}

int store_image(struct store *s, void **out, size_t *len)
{
	sqlite3_int64 n = 0;
	unsigned char *image = sqlite3_serialize(s->db, "main", &n, 0);
	void *copy = image != NULL ? malloc((size_t)n) : NULL;

	if (copy != NULL) {
		memcpy(copy, image, (size_t)n);
		*out = copy;
		*len = (size_t)n;
	}
	sqlite3_free(image);
	return copy != NULL ? 0 : -ENOMEM;
}

int store_state(struct store *s, const char *serial, char out[static 16])
{
	sqlite3_stmt *st = NULL;
	int r = store_code(
		sqlite3_prepare_v2(s->db, "SELECT state FROM cert WHERE serial=?1", -1, &st, NULL));

	if (r < 0)
		return r;
	(void)sqlite3_bind_text(st, 1, serial, -1, SQLITE_STATIC);
	out[0] = '\0';
	r = sqlite3_step(st);
	if (r == SQLITE_ROW)
		(void)snprintf(out, 16, "%s", (const char *)sqlite3_column_text(st, 0));
	r = store_code(r);
	(void)sqlite3_finalize(st);
	return r;
}

int store_is_revoked(struct store *s, const char *serial)
{
	sqlite3_stmt *st = NULL;
	int r = store_code(sqlite3_prepare_v2(s->db,
		"SELECT 1 FROM cert WHERE serial=?1 AND revoked_at IS NOT NULL", -1, &st, NULL));

	if (r < 0)
		return r;
	(void)sqlite3_bind_text(st, 1, serial, -1, SQLITE_STATIC);
	r = sqlite3_step(st);
	(void)sqlite3_finalize(st);
	return r == SQLITE_ROW ? 1 : store_code(r);
}

/* Insert c, or do what update says to the row that is there. */
static int upsert(
	struct store *s, const struct store_cert *c, const char *state, const char *update)
{
	char sql[640];
	sqlite3_stmt *st = NULL;
	int r;

	(void)snprintf(sql, sizeof(sql),
		"INSERT INTO cert(serial,issuer,kind,name,state,sans,has_key,created,not_before,"
		"not_after,revoked_at,reason,crl_number) VALUES(?1,?2,?3,?4,'%s',?5,?6,?7,?8,?9,"
		"NULLIF(?10,0),CASE WHEN ?10=0 THEN NULL ELSE ?11 END,NULLIF(?12,0)) "
		"ON CONFLICT(serial) DO UPDATE SET %s",
		state, update);
	r = store_code(sqlite3_prepare_v2(s->db, sql, -1, &st, NULL));
	if (r < 0)
		return r;
	const char *const texts[] = { c->serial, c->issuer, c->kind, c->name, c->sans };
	const int64_t numbers[] = { c->has_key, c->created, c->not_before, c->not_after,
		c->revoked_at, c->reason, c->crl_number };
	int at = 0;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		(void)sqlite3_bind_text(st, ++at, texts[i], -1, SQLITE_STATIC);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		(void)sqlite3_bind_int64(st, ++at, numbers[i]);
	(void)sqlite3_step(st);
	return store_code(sqlite3_finalize(st));
}

int store_adopt(struct store *s, const struct store_cert *c)
{
	return upsert(s, c, "issued",
		"state='issued',not_before=excluded.not_before,not_after=excluded.not_after");
}

int store_set_lost_revoked(struct store *s, const struct store_cert *c)
{
	return upsert(s, c, "abandoned",
		"revoked_at=excluded.revoked_at,reason=excluded.reason,"
		"crl_number=excluded.crl_number");
}

int store_set_dates(struct store *s, const char *serial, int64_t not_before, int64_t not_after)
{
	sqlite3_stmt *st = NULL;
	int r = store_code(sqlite3_prepare_v2(s->db,
		"UPDATE cert SET not_before=?2,not_after=?3 WHERE serial=?1", -1, &st, NULL));

	if (r < 0)
		return r;
	(void)sqlite3_bind_text(st, 1, serial, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(st, 2, not_before);
	(void)sqlite3_bind_int64(st, 3, not_after);
	(void)sqlite3_step(st);
	return store_code(sqlite3_finalize(st));
}
