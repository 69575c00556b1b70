#ifndef PKI_STORE_PRIV_H
#define PKI_STORE_PRIV_H

#include <sqlite3.h>
#include <stdbool.h>

/* What the parts of the store share: store.c and store_*.c. */

struct store {
	sqlite3 *db;
	bool in_transaction;
};

/* 0 or a negative errno for a result code of SQLite. */
int store_code(int code);

#endif
