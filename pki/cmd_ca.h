#ifndef PKI_CMD_CA_H
#define PKI_CMD_CA_H

#include "pki/ca.h"
#include "pki/cas.h"
#include "pki/cli.h"
#include "pki/issue.h"

#include <stdbool.h>
#include <stdint.h>

/* ca VERB: what the files cmd_ca*.c share.  All return a cli_exit code and have said why. */

struct ca_opts {
	const char *alg, *serial, *out;
	int64_t days;
	bool root, switch_over, no_pass;
	/* passwd: */
	const char *new_file, *new_env;
	int64_t new_fd;
	bool new_stdin;
};

/* A CA other than the active one is chosen with --root or --serial; arg: the argument after the verb, or NULL. */
int cmd_ca_show(const struct cli *cli, const struct ca_opts *o, const char *arg);
int cmd_ca_renew(const struct cli *cli, const struct ca_opts *o, const char *arg);
int cmd_ca_rollover(const struct cli *cli, const struct ca_opts *o, const char *arg);
int cmd_ca_retire(const struct cli *cli, const struct ca_opts *o, const char *arg);
int cmd_ca_csr(const struct cli *cli, const struct ca_opts *o, const char *arg);
int cmd_ca_sign(const struct cli *cli, const struct ca_opts *o, const char *arg);
int cmd_ca_import(const struct cli *cli, const struct ca_opts *o, const char *arg);
int cmd_ca_passwd(const struct cli *cli, const struct ca_opts *o, const char *arg);

/* How many certificates of this CA are neither revoked nor expired; what says a few of their names.  Negative: an error. */
int64_t cmd_ca_count_valid(
	const struct cli *cli, const struct ca *ca, const char *id, char what[static 256]);

#endif
