#ifndef PKI_CMD_H
#define PKI_CMD_H

#include "pki/cli.h"
#include "pki/opt.h"

#include <stddef.h>

/*
 * A command is one file, cmd_NAME.c, that defines one or a few of these, and one row in
 * dispatch.c.  Its options and help are this table.
 */
struct cmd {
	const char *name;
	const char *args;    /* "NAME" */
	const char *summary; /* One line. */
	const char *example; /* One or more whole command lines. */
	const struct opt *opts;
	size_t n_opts;
	size_t opts_size; /* Of the struct they are stored in; zeroed before. */
	int min_args, max_args;
	/* Returns a cli_exit code. */
	int (*run)(const struct cli *cli, const void *opts, char **args, int n_args);
};

extern const struct cmd pki_cmd_init, pki_cmd_server, pki_cmd_client, pki_cmd_revoke, pki_cmd_crl,
	pki_cmd_list, pki_cmd_show, pki_cmd_export, pki_cmd_sign, pki_cmd_renew, pki_cmd_rekey,
	pki_cmd_unhold, pki_cmd_maintain, pki_cmd_ca, pki_cmd_csr;

/* Reports, exports and safety. */
extern const struct cmd pki_cmd_status, pki_cmd_expiring, pki_cmd_log, pki_cmd_verify, pki_cmd_lint,
	pki_cmd_doctor, pki_cmd_batch, pki_cmd_backup, pki_cmd_restore, pki_cmd_import_easyrsa,
	pki_cmd_import_openssl;

#endif
