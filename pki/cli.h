#ifndef PKI_CLI_H
#define PKI_CLI_H

#include "pki/pass.h"

#include <stdbool.h>
#include <stdint.h>

/* What every command has at hand, and how it reports.  Messages go to stderr, results to stdout. */

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_WARNING = 3,  /* Something ends soon. */
	CLI_CRITICAL = 4, /* Something has expired, or a revocation is not yet in a CRL. */
	CLI_PASSPHRASE = 5,
	CLI_LOCKED = 6,
	CLI_NOT_FOUND = 7,
};

struct cli {
	const char *dir; /* The CA's directory. */
	bool json, quiet;
	bool dry_run;              /* Check everything, change nothing. */
	bool yes;                  /* Do not ask. */
	int64_t wait_s;            /* For the lock. */
	int64_t now;               /* Unix seconds; --now or the clock. */
	struct pass_opts pass;     /* Of the CA's key. */
	struct pass_opts key_pass; /* Of a subject's key. */
	bool ask_key_pass;         /* The latter by a prompt. */
};

/* Say what went wrong and what to do; returns code, so that a command can `return cli_fail(...)`. */
__attribute__((format(printf, 2, 3))) int cli_fail(enum cli_exit code, const char *fmt, ...);

/* A remark on stderr; silent with --quiet. */
__attribute__((format(printf, 2, 3))) void cli_note(const struct cli *c, const char *fmt, ...);

/*
 * Ask whether to go on; true: yes.  Only where there is a terminal to ask on, and never with --yes: a script has
 * said what it wants.
 */
__attribute__((format(printf, 2, 3))) bool cli_confirm(const struct cli *c, const char *fmt, ...);

/* The exit code for a negative errno: -ENOENT is CLI_NOT_FOUND, -EKEYREJECTED CLI_PASSPHRASE, ... */
enum cli_exit cli_exit_for(int err);

#endif
