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
	struct opt_list dns, ip, email, group, address, network;
	const char *alg;
	int64_t days;
};

#define LEAF_DAYS_ROW(type)                                                                   \
	{                                                                                     \
		"days", OPT_NUMBER, offsetof(type, days), "N",                                \
			"validity (default: 397; never past the CA's own)", 1, ISSUE_DAYS_MAX \
	}

#define LEAF_LIST_ROWS(type)                                                                      \
	{ "email", OPT_LIST, offsetof(type, email), "MAILBOX", "a mailbox of the holder", 0, 0 }, \
		{ "group", OPT_LIST, offsetof(type, group), "GROUP", "a group of the holder", 0,  \
			0 },                                                                      \
		{ "address", OPT_LIST, offsetof(type, address), "ADDRESS",                        \
			"an address of the holder inside the tunnel", 0, 0 },                     \
	{                                                                                         \
		"network", OPT_LIST, offsetof(type, network), "PREFIX",                           \
			"a network behind the holder", 0, 0                                       \
	}

/* Add --email to the names. */
int leaf_add_emails(const struct opt_list *email, struct san_list *sans);

/* Add --group, --address and --network to a grant. */
int leaf_add_grants(const struct opt_list *group, const struct opt_list *address,
	const struct opt_list *network, struct grant *g);

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
