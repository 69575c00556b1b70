#ifndef PKI_LEAF_H
#define PKI_LEAF_H

#include "pki/cli.h"
#include "pki/issue.h"
#include "pki/opt.h"
#include "pki/pass.h"

#include <stdbool.h>
#include <stdint.h>

/* What the commands that issue a server's or client's certificate share.  All return a cli_exit code. */

struct leaf_opts {
	struct opt_list dns, ip;
	const char *alg;
	int64_t days;
};

#define LEAF_DAYS_ROW(type)                                                                   \
	{                                                                                     \
		"days", OPT_NUMBER, offsetof(type, days), "N",                                \
			"validity (default: 397; never past the CA's own)", 1, ISSUE_DAYS_MAX \
	}

/* Add --dns and --ip to the names. */
int leaf_add_names(const struct opt_list *dns, const struct opt_list *ip, struct san_list *sans);

/* Is this a NAME, and has a server a host name? */
int leaf_check(const struct cli *cli, const struct issue_opts *what);

/*
 * The passphrase for a subject's key that is about to be written: *given when there is to be one, which is then in
 * out.  must: there has to be one, so it is asked for where no option says it.
 */
enum leaf_pass { LEAF_PASS_IF_SAID, LEAF_PASS_MUST };
int leaf_key_pass(const struct cli *cli, enum leaf_pass want, struct pass *out, bool *given);

/* Open the CA, issue, say where things are. */
int leaf_issue(const struct cli *cli, const struct issue_opts *what);

#endif
