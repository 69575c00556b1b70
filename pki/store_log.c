#include <errno.h>
#include <sqlite3.h>

#include "pki/store.h"
#include "pki/store_priv.h"

static const char *text(sqlite3_stmt *st, int column)
{
	const char *t = (const char *)sqlite3_column_text(st, column);

	return t != NULL ? t : "";
}

int store_each_event(struct store *s, const struct store_event_filter *f,
	int (*fn)(const struct store_event *e, void *arg), void *arg)
{
	/* The inner one takes the last, the outer one puts them in order again. */
	static const char sql[] =
		"SELECT * FROM (SELECT a.id AS id,time,who,action,a.serial,detail,c.name FROM "
		"audit a "
		"LEFT JOIN cert c ON c.serial=a.serial WHERE (?1 IS NULL OR c.name=?1) "
		"AND (?2 IS NULL OR a.serial=?2) AND time>=?3 ORDER BY a.id DESC LIMIT ?4) ORDER "
		"BY id";
	sqlite3_stmt *st = NULL;
	int r = store_code(sqlite3_prepare_v2(s->db, sql, -1, &st, NULL)), stop = 0;

	if (r < 0)
		return r;
	(void)sqlite3_bind_text(st, 1, f->name, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(st, 2, f->serial, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(st, 3, f->since);
	(void)sqlite3_bind_int64(st, 4, f->last != 0 ? f->last : -1);
	while ((r = sqlite3_step(st)) == SQLITE_ROW && stop == 0) {
		const struct store_event e = {
			.time = sqlite3_column_int64(st, 1),
			.who = text(st, 2),
			.action = text(st, 3),
			.serial = text(st, 4),
			.detail = text(st, 5),
			.name = text(st, 6),
		};
		stop = fn(&e, arg);
	}
	(void)sqlite3_finalize(st);
	return stop != 0 ? stop : store_code(r);
}
