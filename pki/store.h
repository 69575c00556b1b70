#ifndef PKI_STORE_H
#define PKI_STORE_H

#include "pki/crl.h"
#include "pki/serial.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The index of a CA directory: which certificates there are, what became of them, and who did what when.  SQLite, in
 * WAL mode, synced on every commit.  Private keys and certificates themselves are files (fs.h).
 *
 * A certificate's life:  reserved --> issued  (then revoked or not)
 *                           +------> abandoned  (nothing was handed out; the serial is not used again)
 */
struct store;

enum store_mode {
	STORE_CREATE, /* Made if it is not there. */
	STORE_WRITE,
	STORE_READ,
};

/* path of the database.  0, -ENOENT (none there), -EBADMSG (not ours, or damaged), -EROFS, ... */
int store_open(const char *path, enum store_mode mode, struct store **out);
void store_close(struct store *s); /* Undoes a transaction that was not committed.  NULL is fine. */
const char *store_error(const struct store *s); /* SQLite's own words for the last error. */

/* All changes belong into a transaction; commit returns when it is on disk. */
int store_begin(struct store *s);
int store_commit(struct store *s);
void store_rollback(struct store *s); /* Nothing open: does nothing. */

/* What is known of the CA as a whole.  store_meta() returns -ENOENT when unset. */
int store_meta(struct store *s, const char *key, char *out, size_t cap);
int store_set_meta(struct store *s, const char *key, const char *value);

struct store_cert {
	const char *serial, *issuer; /* Serial numbers in text; a CA's issuer is itself. */
	const char *kind;            /* "ca", "server", "client". */
	const char *name;
	const char *state; /* "reserved", "issued", "abandoned". */
	const char *sans;  /* As from san_text(). */
	bool has_key;      /* Made here, so that the private key is a file here. */
	int64_t created, not_before, not_after;
	int64_t revoked_at; /* 0: not revoked. */
	int reason;         /* CRLReason. */
	int64_t crl_number; /* The first CRL that lists it; 0: none yet. */
};

/* Record that serial is about to be used.  -EEXIST when it has been used before. */
int store_reserve(struct store *s, const struct store_cert *c);
int store_set_issued(struct store *s, const char *serial, int64_t not_before, int64_t not_after);
int store_set_abandoned(struct store *s, const char *serial);
/* Also where it is on hold. */
int store_set_revoked(struct store *s, const char *serial, int64_t when, int reason);

/* Take back a certificateHold; the next CRL must follow.  -ENOENT: that certificate is not on hold. */
int store_set_unheld(struct store *s, const char *serial);

/* Which certificates; NULL and 0 are no condition. */
struct store_filter {
	const char *serial, *name, *name_glob, *kind;
	bool reserved; /* The reserved ones instead of the issued. */
	bool revoked, not_revoked;
	int64_t valid_at;    /* not_after is at or after it. */
	int64_t expired_at;  /* not_after is before it. */
	bool not_superseded; /* No other of its kind and name is valid for longer. */
	bool newest_first;
	bool by_expiry;
};

/* Call fn for each, oldest first; stops when it returns other than 0 and returns that.  0 or an error. */
int store_each(struct store *s, const struct store_filter *f,
	int (*fn)(const struct store_cert *c, void *arg), void *arg);

struct store_crl {
	int64_t number, this_update, next_update;
	int64_t entries;
};

/* The newest CRL on record.  -ENOENT. */
int store_last_crl(struct store *s, struct store_crl *out);

/*
 * What the next CRL of issuer has to list, by serial: *out is to be freed.  A certificate stays listed until one CRL
 * has named it after its expiry (RFC 5280 3.3).
 */
int store_revoked(struct store *s, const char *issuer, struct crl_entry **out, size_t *n);

/* Record a CRL that has been written and that every revocation so far is in it. */
int store_add_crl(struct store *s, const struct store_crl *crl, const char *issuer);

/* Within a transaction: there is a reason other than a revocation to make the next CRL now. */
int store_want_crl(struct store *s);

/* How many revocations are in no CRL yet, one more if a CRL is due for another reason; negative: an error. */
int64_t store_pending(struct store *s);

/* Append to the audit trail, which can be read and added to and not changed. */
int store_audit(
	struct store *s, int64_t when, const char *action, const char *serial, const char *detail);

/* Putting in order what a crash, a backup or a hand has left (doctor, restore, imports). */

/* -EBADMSG: the database is damaged. */
int store_check(struct store *s);

/* The whole database as one file, as of now: *out is to be freed.  0, -ENOMEM or another error. */
int store_image(struct store *s, void **out, size_t *len);

/* "reserved", "issued", "abandoned", or "" when the serial has never been used. */
int store_state(struct store *s, const char *serial, char out[static 16]);

/* Whatever became of it otherwise.  1, 0, or an error. */
int store_is_revoked(struct store *s, const char *serial);

/* Record a certificate that is there, whether its serial was known or not. */
int store_adopt(struct store *s, const struct store_cert *c);
int store_set_dates(struct store *s, const char *serial, int64_t not_before, int64_t not_after);

/*
 * Record a revocation, also of a serial that is not known: that one is then used and abandoned, and stays on every CRL
 * until not_after.
 */
int store_set_lost_revoked(struct store *s, const struct store_cert *c);

struct store_event {
	int64_t time;
	const char *who, *action, *serial, *detail; /* The last two are "" when there is none. */
	const char *name;                           /* Of the certificate, "" when there is none. */
};

/* Which events; NULL and 0 are no condition. */
struct store_event_filter {
	const char *name, *serial;
	int64_t since;
	int64_t last; /* The last so many. */
};

/* Call fn for each, oldest first; stops when it returns other than 0 and returns that.  0 or an error. */
int store_each_event(struct store *s, const struct store_event_filter *f,
	int (*fn)(const struct store_event *e, void *arg), void *arg);

#endif
