#ifndef PKI_PICK_H
#define PKI_PICK_H

#include "pki/ca.h"
#include "pki/store.h"

#include <stddef.h>

/* Which certificates a command line means: NAME (with --type where a server and a client share it) or --serial S. */

enum { PICK_MAX = 1024 };

struct pick_opts {
	const char *name;   /* Or NULL. */
	const char *serial; /* Or NULL. */
	const char *type;   /* "server", "client", "ca"; NULL: any. */
};

struct picked {
	struct store_cert c; /* Texts point into what follows. */
	char serial[SERIAL_TEXT_LEN], issuer[SERIAL_TEXT_LEN], kind[8], name[256];
};

enum pick_which {
	PICK_NEWEST,    /* One: the newest valid one, else the newest. */
	PICK_LIVE,      /* All that are neither revoked nor expired. */
	PICK_HELD,      /* All that are on hold and not expired. */
	PICK_STOPPABLE, /* Both. */
};

/*
 * Sets *out (to be freed) and *n, at least 1.  A cli_exit code; it has said why: nothing found, both or none of
 * NAME and --serial, a name that server and client share.
 */
int pick_certs(const struct cli *cli, const struct ca *ca, const struct pick_opts *opts,
	enum pick_which which, struct picked **out, size_t *n);

#endif
