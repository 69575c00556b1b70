#include "pki/cmd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pki/fs.h"
#include "pki/keyfile.h"
#include "pki/leaf.h"
#include "pki/pick.h"
#include "pki/result.h"
#include "pki/stamp.h"

/* renew and rekey: the next certificate of a holder, with all that the last one says. */

struct renew_opts {
	const char *serial, *type, *alg;
	int64_t days;
};

#define COMMON_ROWS                                                            \
	{ "serial", OPT_TEXT, offsetof(struct renew_opts, serial), "S",        \
		"follow on the certificate with this serial number", 0, 0 },   \
		{ "type", OPT_TEXT, offsetof(struct renew_opts, type), "TYPE", \
			"server or client, where both bear the name", 0, 0 },  \
		LEAF_DAYS_ROW(struct renew_opts)

static const struct opt renew_opts[] = { COMMON_ROWS };

static const struct opt rekey_opts[] = {
	COMMON_ROWS,
	{ "alg", OPT_TEXT, offsetof(struct renew_opts, alg), "ALG",
		"the new key: p256, p384, ed25519 or rsa3072 (default: of the old one's kind)", 0,
		0 },
};

/* What the new certificate takes over, and where from. */
struct old {
	struct picked *p;
	uint8_t *der;
	struct x509_cert cert;
	char key[CA_PATH_LEN]; /* "": its holder has it. */
	struct san_list sans;
	struct grant grant;
};

static int take_sans(struct old *old)
{
	struct der it = old->cert.san, value;
	enum x509_san kind;

	while (x509_san_next(&it, &kind, &value) == 1) {
		if (kind != X509_SAN_URI && san_add(&old->sans, kind, &value) < 0)
			return cli_fail(CLI_FAILED,
				"%s has a name in its certificate that is not allowed (any more)",
				old->p->name);
	}
	return CLI_OK;
}

static int read_old(
	const struct cli *cli, const struct ca *ca, const struct pick_opts *pick, struct old *old)
{
	size_t n = 0;
	int r = pick_certs(cli, ca, pick, PICK_NEWEST, &old->p, &n);

	if (r == CLI_OK && strcmp(old->p->kind, "ca") == 0)
		r = cli_fail(CLI_USAGE, "the CA itself is renewed with 'ca renew'");
	if (r == CLI_OK)
		r = ca_read_cert(ca, old->p->kind, old->p->serial, &old->der, &old->cert);
	if (r == CLI_OK && old->p->c.has_key)
		ca_key_path(old->p->kind, old->p->serial, old->key);
	if (r == CLI_OK && grant_of_cert(&old->cert, &old->grant) == -EBADMSG)
		r = cli_fail(CLI_FAILED, "what the certificate of %s grants cannot be read",
			old->p->name);
	return r == CLI_OK ? take_sans(old) : r;
}

static void mention_old(const struct cli *cli, const struct picked *p)
{
	char end[STAMP_LEN];

	if (p->c.revoked_at == 0 && cli->now <= p->c.not_after)
		cli_note(cli,
			"%s stays valid until %s, or until 'revoke %s --type %s --all-but-newest'",
			p->serial, stamp_format(p->c.not_after, end), p->name, p->kind);
}

static int issue(const struct cli *cli, struct ca *ca, const struct renew_opts *o,
	struct issue_opts *what, const struct picked *old)
{
	struct issued done;
	int r;

	what->kind = strcmp(old->kind, "server") == 0 ? CERT_SERVER : CERT_CLIENT;
	what->name = old->name;
	what->days = o->days != 0 ? o->days : ISSUE_LEAF_DAYS;
	r = issue_cert(cli, ca, what, &done);
	if (r != CLI_OK)
		return r;
	if (!cli->dry_run)
		mention_old(cli, old);
	return result_issued(cli, what, &done);
}

static int renew(const struct cli *cli, struct ca *ca, const struct renew_opts *o, struct old *old)
{
	struct issue_opts what = {
		.sans = &old->sans,
		.grant = &old->grant,
		.spki = &old->cert.spki,
		.key_from = old->key[0] != '\0' ? old->key : NULL,
	};

	if (old->p->c.revoked_at != 0)
		return cli_fail(CLI_FAILED,
			"%s is revoked, and its key with it: 'rekey' makes a new key",
			old->p->name);
	if (old->cert.key_alg == X509_KEY_OTHER)
		return cli_fail(CLI_FAILED,
			"the key of %s is too weak to go on: 'rekey' makes "
			"a new one",
			old->p->name);
	return issue(cli, ca, o, &what, old->p);
}

/* A key that was encrypted is not followed by one in clear. */
static int was_encrypted(const struct cli *cli, const struct ca *ca, const struct old *old)
{
	struct key *k = NULL;
	int r = keyfile_load(ca->dir, old->key, &old->cert.spki, NULL, &k);

	key_free(k);
	(void)cli;
	return r == -ENOKEY;
}

static int rekey(const struct cli *cli, struct ca *ca, const struct renew_opts *o, struct old *old)
{
	struct issue_opts what = {
		.sans = &old->sans, .grant = &old->grant, .alg = key_alg_like(old->cert.key_alg)
	};
	struct pass pass = { .len = 0 };
	bool encrypt = false;
	int r;

	if (o->alg != NULL && key_alg_parse(o->alg, &what.alg) < 0)
		return cli_fail(CLI_USAGE, "--alg takes p256, p384, ed25519 or rsa3072");
	if (old->key[0] == '\0')
		return cli_fail(CLI_FAILED,
			"the key of %s is made by its holder: 'csr' on that host, 'sign' here",
			old->p->name);
	r = leaf_key_pass(cli, was_encrypted(cli, ca, old) ? LEAF_PASS_MUST : LEAF_PASS_IF_SAID,
		&pass, &encrypt);
	what.pass = encrypt ? &pass : NULL;
	if (r == CLI_OK)
		r = issue(cli, ca, o, &what, old->p);
	pass_wipe(&pass);
	return r;
}

static int run(const struct cli *cli, const struct renew_opts *o, char **args, int n_args,
	int (*how)(
		const struct cli *cli, struct ca *ca, const struct renew_opts *o, struct old *old))
{
	const struct pick_opts pick = {
		.name = n_args > 0 ? args[0] : NULL,
		.serial = o->serial,
		.type = o->type,
	};
	struct old *old = calloc(1, sizeof(*old));
	struct ca ca;
	int r;

	if (old == NULL)
		return cli_fail(CLI_FAILED, "out of memory");
	r = ca_open(cli, CA_SIGN, &ca);
	if (r == CLI_OK)
		r = read_old(cli, &ca, &pick, old);
	if (r == CLI_OK)
		r = how(cli, &ca, o, old);
	free(old->der);
	free(old->p);
	free(old);
	ca_close(&ca);
	return r;
}

static int run_renew(const struct cli *cli, const void *opts, char **args, int n_args)
{
	return run(cli, opts, args, n_args, renew);
}

static int run_rekey(const struct cli *cli, const void *opts, char **args, int n_args)
{
	return run(cli, opts, args, n_args, rekey);
}

const struct cmd pki_cmd_renew = {
	.name = "renew",
	.args = "NAME | --serial S",
	.summary = "Issue the next certificate for the same key, names and rights",
	.example = "  sallyport-pki renew gw1 --type server\n  sallyport-pki revoke gw1 --type "
		   "server --all-but-newest",
	.opts = renew_opts,
	.n_opts = sizeof(renew_opts) / sizeof(renew_opts[0]),
	.opts_size = sizeof(struct renew_opts),
	.min_args = 0,
	.max_args = 1,
	.run = run_renew,
};

const struct cmd pki_cmd_rekey = {
	.name = "rekey",
	.args = "NAME | --serial S",
	.summary = "Make a new key, and a certificate for it with the same names and rights",
	.example = "  sallyport-pki rekey alice",
	.opts = rekey_opts,
	.n_opts = sizeof(rekey_opts) / sizeof(rekey_opts[0]),
	.opts_size = sizeof(struct renew_opts),
	.min_args = 0,
	.max_args = 1,
	.run = run_rekey,
};
