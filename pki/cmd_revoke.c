#include "pki/cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pki/ca.h"
#include "pki/crl.h"
#include "pki/issue.h"
#include "pki/pick.h"
#include "pki/result.h"

struct revoke_opts {
	const char *serial, *type, *reason;
	int64_t days;
};

static const struct opt opts[] = {
	{ "serial", OPT_TEXT, offsetof(struct revoke_opts, serial), "S",
		"just the certificate with this serial number", 0, 0 },
	{ "type", OPT_TEXT, offsetof(struct revoke_opts, type), "TYPE",
		"server or client, where both bear the name", 0, 0 },
	{ "reason", OPT_TEXT, offsetof(struct revoke_opts, reason), "REASON",
		"keyCompromise, affiliationChanged, superseded, cessationOfOperation, "
		"privilegeWithdrawn (default: unspecified)",
		0, 0 },
	{ "days", OPT_NUMBER, offsetof(struct revoke_opts, days), "N",
		"days until the CRL must be renewed (default: 180)", 1, ISSUE_DAYS_MAX },
};

static int record(
	const struct cli *cli, struct ca *ca, const struct picked *list, size_t n, int reason)
{
	int r = store_begin(ca->store);

	for (size_t i = 0; r == 0 && i < n; i++) {
		r = store_set_revoked(ca->store, list[i].serial, cli->now, reason);
		if (r == 0)
			r = store_audit(ca->store, cli->now, "revoked", list[i].serial,
				crl_reason_name(reason));
	}
	if (r == 0)
		r = store_commit(ca->store);
	if (r < 0) {
		store_rollback(ca->store);
		return ca_store_failed(ca, r);
	}
	for (size_t i = 0; i < n; i++)
		cli_note(cli, "revoked %s %s, serial %s", list[i].kind, list[i].name,
			list[i].serial);
	return CLI_OK;
}

/* Recorded first: if anything fails after, the next CRL has it. */
static int revoke(const struct cli *cli, struct ca *ca, const struct revoke_opts *o,
	const struct picked *list, size_t n)
{
	int reason = o->reason != NULL ? crl_reason_parse(o->reason) : CRL_UNSPECIFIED;
	struct store_crl crl;
	int r = record(cli, ca, list, n, reason);

	if (r == CLI_OK && issue_crl(cli, ca, o->days, &crl) != CLI_OK)
		r = cli_fail(CLI_CRITICAL, "revoked, but not yet in a CRL: run 'crl' again");
	return r == CLI_OK ? result_crl(cli, &crl) : r;
}

static int run(const struct cli *cli, const void *opts_in, char **args, int n_args)
{
	const struct revoke_opts *o = opts_in;
	const struct pick_opts pick = {
		.name = n_args > 0 ? args[0] : NULL,
		.serial = o->serial,
		.type = o->type,
	};
	struct picked *list = NULL;
	struct ca ca;
	size_t n = 0;
	int r;

	if (o->reason != NULL && crl_reason_parse(o->reason) < 0)
		return cli_fail(CLI_USAGE, "--reason: '%.40s' is none (see --help)", o->reason);
	r = ca_open(cli, CA_SIGN, &ca);
	if (r == CLI_OK)
		r = pick_certs(cli, &ca, &pick, PICK_LIVE, &list, &n);
	for (size_t i = 0; r == CLI_OK && i < n; i++) {
		if (strcmp(list[i].kind, "ca") == 0)
			r = cli_fail(CLI_USAGE, "a CA cannot revoke itself");
	}
	if (r == CLI_OK)
		r = revoke(cli, &ca, o, list, n);
	free(list);
	ca_close(&ca);
	return r;
}

const struct cmd pki_cmd_revoke = {
	.name = "revoke",
	.args = "NAME | --serial S",
	.summary = "Revoke every valid certificate of a name, or one, and write a CRL",
	.example = "  sallyport-pki revoke alice --reason keyCompromise",
	.opts = opts,
	.n_opts = sizeof(opts) / sizeof(opts[0]),
	.opts_size = sizeof(struct revoke_opts),
	.min_args = 0,
	.max_args = 1,
	.run = run,
};
