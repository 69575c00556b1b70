#include "pki/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pki/ca.h"
#include "pki/cas.h"
#include "pki/crl.h"
#include "pki/fs.h"
#include "pki/issue.h"
#include "pki/others.h"
#include "pki/pem.h"
#include "pki/pick.h"
#include "pki/result.h"

/* revoke and unhold. */

struct revoke_opts {
	const char *serial, *type, *cert, *reason;
	bool all_but_newest;
	int64_t days;
};

#define SERIAL_ROW                                                             \
	{                                                                      \
		"serial", OPT_TEXT, offsetof(struct revoke_opts, serial), "S", \
			"just the certificate with this serial number", 0, 0   \
	}
#define TYPE_ROW                                                              \
	{                                                                     \
		"type", OPT_TEXT, offsetof(struct revoke_opts, type), "TYPE", \
			"server or client, where both bear the name", 0, 0    \
	}
#define DAYS_ROW                                                                               \
	{                                                                                      \
		"days", OPT_NUMBER, offsetof(struct revoke_opts, days), "N",                   \
			"days until the CRL must be renewed (default: 180)", 1, ISSUE_DAYS_MAX \
	}

static const struct opt revoke_opts[] = {
	SERIAL_ROW,
	{ "cert", OPT_TEXT, offsetof(struct revoke_opts, cert), "FILE",
		"just the certificate in this file", 0, 0 },
	{ "all-but-newest", OPT_FLAG, offsetof(struct revoke_opts, all_but_newest), NULL,
		"of the NAME's certificates keep the newest", 0, 0 },
	TYPE_ROW,
	{ "reason", OPT_TEXT, offsetof(struct revoke_opts, reason), "REASON",
		"keyCompromise, affiliationChanged, superseded, cessationOfOperation, "
		"privilegeWithdrawn, certificateHold (default: unspecified)",
		0, 0 },
	DAYS_ROW,
};

static const struct opt unhold_opts[] = { SERIAL_ROW, TYPE_ROW, DAYS_ROW };

static int change_one(struct ca *ca, const char *serial, int64_t now, int reason)
{
	return reason >= 0 ? store_set_revoked(ca->store, serial, now, reason)
			   : store_set_unheld(ca->store, serial);
}

/* reason -1: take back a hold. */
static int record(
	const struct cli *cli, struct ca *ca, const struct picked *list, size_t n, int reason)
{
	const char *done = reason >= 0 ? "revoked" : "unheld";
	int r;

	if (cli->dry_run) {
		for (size_t i = 0; i < n; i++)
			cli_note(cli, "would be %s: %s %s, serial %s", done, list[i].kind,
				list[i].name, list[i].serial);
		return CLI_OK;
	}
	r = store_begin(ca->store);
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = change_one(ca, list[i].serial, cli->now, reason);
		if (r == 0)
			r = store_audit(ca->store, cli->now, done, list[i].serial,
				reason >= 0 ? crl_reason_name(reason) : NULL);
	}
	if (r == 0)
		r = store_commit(ca->store);
	if (r < 0) {
		store_rollback(ca->store);
		return ca_store_failed(ca, r);
	}
	for (size_t i = 0; i < n; i++)
		cli_note(cli, "%s %s %s, serial %s", done, list[i].kind, list[i].name,
			list[i].serial);
	return CLI_OK;
}

/* Recorded first: if anything fails after, the next CRL has it. */
static int change(const struct cli *cli, struct ca *ca, int64_t days, int reason,
	const struct picked *list, size_t n)
{
	struct store_crl crl;
	int r = record(cli, ca, list, n, reason);

	if (r == CLI_OK && issue_crl(cli, ca, days, &crl) != CLI_OK)
		r = cli_fail(CLI_CRITICAL, "%s, but not yet in a CRL: run 'crl' again",
			reason >= 0 ? "revoked" : "taken back");
	return r == CLI_OK ? result_crl(cli, &crl) : r;
}

static int read_cert_file(const char *path, uint8_t **der, struct x509_cert *cert)
{
	char *text = NULL;
	size_t len = 0, n = 0;
	int r = fs_read(AT_FDCWD, path, &text, &len);

	if (r < 0)
		return cli_fail(r == -ENOENT ? CLI_NOT_FOUND : CLI_FAILED, "cannot read %s: %s",
			path, strerror(-r));
	r = pem_decode("CERTIFICATE", text, len, der, &n);
	if (r == -ENOENT) {
		*der = (uint8_t *)text;
		n = len;
		text = NULL;
		r = 0;
	}
	free(text);
	if (r == 0)
		r = x509_parse(*der, n, cert);
	return r == 0 ? CLI_OK : cli_fail(CLI_FAILED, "%s is no certificate", path);
}

/* The serial number of the certificate in a file, which must be one of ours, byte for byte. */
static int serial_of_file(
	const struct cli *cli, const struct ca *ca, const char *path, struct serial *out)
{
	struct x509_cert given, own;
	uint8_t *der = NULL, *own_der = NULL;
	char file[CA_PATH_LEN];
	int r = read_cert_file(path, &der, &given);

	(void)cli;
	if (r == CLI_OK && (serial_of(&given.serial, out) < 0 ||
				   !fs_exists(ca->dir, ca_cert_path("client", out->text, file))))
		r = cli_fail(CLI_NOT_FOUND, "%s is not a certificate of this CA", path);
	if (r == CLI_OK)
		r = ca_read_cert(ca, "client", out->text, &own_der, &own);
	if (r == CLI_OK && !der_equal(&given.all, &own.all))
		r = cli_fail(CLI_FAILED,
			"%s has the serial number of one of ours, and is another certificate",
			path);
	free(own_der);
	free(der);
	return r;
}

static int check(const struct revoke_opts *o, const char *name, int *reason)
{
	if ((name != NULL) + (o->serial != NULL) + (o->cert != NULL) != 1)
		return cli_fail(CLI_USAGE, "give a NAME, --serial or --cert, one of the three");
	if (o->all_but_newest && name == NULL)
		return cli_fail(CLI_USAGE, "--all-but-newest goes with a NAME");
	*reason = o->reason != NULL ? crl_reason_parse(o->reason) : CRL_UNSPECIFIED;
	if (*reason < 0)
		return cli_fail(CLI_USAGE, "--reason: '%.40s' is none (see --help)", o->reason);
	return CLI_OK;
}

/* A CA can be revoked by the root above it, once it signs nothing here. */
static int check_ca(const struct ca *ca, const struct picked *p)
{
	struct cas all;
	int r;

	if (strcmp(p->kind, "ca") != 0)
		return CLI_OK;
	r = ca_load_cas(ca, &all);
	for (size_t i = 0; r == CLI_OK && i < all.n; i++) {
		const struct cas_ca *c = &all.ca[i];
		if (strcmp(c->serial, p->serial) == 0 && strcmp(c->id, p->issuer) != 0 &&
			(c->role == CAS_FOREIGN || c->role == CAS_RETIRED))
			return CLI_OK;
	}
	return r == CLI_OK ? cli_fail(CLI_USAGE, "a CA cannot revoke itself") : r;
}

static int choose(const struct cli *cli, const struct ca *ca, const struct pick_opts *pick,
	enum pick_which which, struct picked **list, size_t *n)
{
	int r = pick_certs(cli, ca, pick, which, list, n);

	for (size_t i = 0; r == CLI_OK && i < *n; i++)
		r = check_ca(ca, &(*list)[i]);
	return r;
}

/* The newest comes first. */
static int revoke(const struct cli *cli, struct ca *ca, const struct revoke_opts *o,
	const struct picked *list, size_t n, int reason)
{
	int r;

	if (o->all_but_newest) {
		cli_note(cli, "kept: %s %s, serial %s", list->kind, list->name, list->serial);
		list++;
		if (--n == 0)
			return CLI_OK;
	}
	if (!cli_confirm(cli, "%zu certificate%s of %s will be revoked", n, n == 1 ? "" : "s",
		    list->name))
		return cli_fail(CLI_FAILED, "nothing was changed");
	r = change(cli, ca, o->days, reason, list, n);
	if (r == CLI_OK)
		r = others_warn(cli, ca, list, n);
	return r;
}

static int run_revoke(const struct cli *cli, const void *opts_in, char **args, int n_args)
{
	const struct revoke_opts *o = opts_in;
	const char *name = n_args > 0 ? args[0] : NULL;
	struct pick_opts pick = { .name = name, .serial = o->serial, .type = o->type };
	struct picked *list = NULL;
	struct serial serial;
	struct ca ca;
	size_t n = 0;
	int reason = CRL_UNSPECIFIED, r = check(o, name, &reason);

	if (r != CLI_OK)
		return r;
	r = ca_open(cli, CA_SIGN, &ca);
	if (r == CLI_OK && o->cert != NULL) {
		r = serial_of_file(cli, &ca, o->cert, &serial);
		pick.serial = serial.text;
	}
	if (r == CLI_OK)
		r = choose(cli, &ca, &pick,
			reason == CRL_HOLD || o->all_but_newest ? PICK_LIVE : PICK_STOPPABLE, &list,
			&n);
	if (r == CLI_OK)
		r = revoke(cli, &ca, o, list, n, reason);
	free(list);
	ca_close(&ca);
	return r;
}

static int run_unhold(const struct cli *cli, const void *opts_in, char **args, int n_args)
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
	int r = ca_open(cli, CA_SIGN, &ca);

	if (r == CLI_OK)
		r = pick_certs(cli, &ca, &pick, PICK_HELD, &list, &n);
	if (r == CLI_OK)
		r = change(cli, &ca, o->days, -1, list, n);
	free(list);
	ca_close(&ca);
	return r;
}

const struct cmd pki_cmd_revoke = {
	.name = "revoke",
	.args = "NAME | --serial S | --cert FILE",
	.summary = "Revoke every valid certificate of a name, or one, and write a CRL",
	.example = "  sallyport-pki revoke alice --reason keyCompromise\n"
		   "  sallyport-pki revoke gw1 --all-but-newest --reason superseded",
	.opts = revoke_opts,
	.n_opts = sizeof(revoke_opts) / sizeof(revoke_opts[0]),
	.opts_size = sizeof(struct revoke_opts),
	.min_args = 0,
	.max_args = 1,
	.run = run_revoke,
};

const struct cmd pki_cmd_unhold = {
	.name = "unhold",
	.args = "NAME | --serial S",
	.summary = "Take back a revocation for certificateHold, and write a CRL",
	.example = "  sallyport-pki revoke alice --reason certificateHold\n  sallyport-pki unhold "
		   "alice",
	.opts = unhold_opts,
	.n_opts = sizeof(unhold_opts) / sizeof(unhold_opts[0]),
	.opts_size = sizeof(struct revoke_opts),
	.min_args = 0,
	.max_args = 1,
	.run = run_unhold,
};
