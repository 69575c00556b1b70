#include "pki/issue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "pki/crlfile.h"
#include "pki/fs.h"
#include "pki/pem.h"

enum { DAY_S = 86400 };

/* The CRLs of a directory, made together. */
struct set {
	struct store_crl crl[CAS_MAX];
	char issuer[CAS_MAX][SERIAL_TEXT_LEN];
	size_t n;
	char *text; /* PEM. */
	size_t len;
};

static int record(const struct cli *cli, struct ca *ca, const struct set *set)
{
	char number[24];
	int r = store_begin(ca->store);

	for (size_t i = 0; r == 0 && i < set->n; i++) {
		(void)snprintf(number, sizeof(number), "%lld", (long long)set->crl[i].number);
		r = store_add_crl(ca->store, &set->crl[i], set->issuer[i]);
		if (r == 0)
			r = store_audit(ca->store, cli->now, "crl", NULL, number);
	}
	if (r == 0)
		r = store_commit(ca->store);
	if (r < 0) {
		store_rollback(ca->store);
		return ca_store_failed(ca, r);
	}
	return CLI_OK;
}

static int append(struct set *set, const uint8_t *der, size_t der_len)
{
	char *pem = pem_encode("X509 CRL", der, der_len), *more = NULL;
	size_t n = pem != NULL ? strlen(pem) : 0;

	if (pem != NULL)
		more = realloc(set->text, set->len + n + 1);
	if (more != NULL) {
		memcpy(more + set->len, pem, n + 1);
		set->text = more;
		set->len += n;
	}
	free(pem);
	return more != NULL ? CLI_OK : cli_fail(CLI_FAILED, "out of memory");
}

/* The highest number in place, which may be ahead of the index when a backup was restored or a command killed. */
static int64_t number_in_place(const struct ca *ca)
{
	struct x509_crl crl;
	char *text = NULL;
	uint8_t *der = NULL;
	size_t len = 0, pos = 0;
	int64_t number = 0;
	int n;

	if (fs_read(ca->dir, CA_CRL, &text, &len) == 0)
		der = malloc(len + 1);
	while (der != NULL && (n = x509_pem_next(text, len, &pos, "X509 CRL", der, len)) > 0) {
		if (x509_crl_parse(der, (size_t)n, &crl) == 0)
			number = MAX(number, crlfile_number(&crl));
	}
	free(text);
	free(der);
	return number;
}

static int add_one(struct ca *ca, const struct cas_ca *which, const struct x509_cert *cert,
	struct key *key, struct store_crl *crl, struct set *set)
{
	struct crl_entry *entries = NULL;
	uint8_t *der = NULL;
	char why[256];
	size_t n = 0;
	int r = store_revoked(ca->store, which->id, &entries, &n);

	if (r < 0)
		return ca_store_failed(ca, r);
	crl->entries = (int64_t)n;
	const struct crl_spec spec = {
		.issuer = cert,
		.number = (uint64_t)crl->number,
		.this_update = crl->this_update,
		.next_update = crl->next_update,
		.entries = entries,
		.n = n,
	};
	r = crl_make(&spec, key, &der, why);
	free(entries);
	r = r < 0 ? cli_fail(CLI_FAILED, "%s", why) : append(set, der, (size_t)r);
	free(der);
	(void)snprintf(set->issuer[set->n], SERIAL_TEXT_LEN, "%s", which->id);
	set->crl[set->n++] = *crl;
	crl->number++;
	return r;
}

/* Of a CA other than the active one. */
static int add_other(const struct cli *cli, struct ca *ca, const struct cas_ca *which,
	struct store_crl *crl, struct set *set)
{
	struct ca_other other;
	char path[CA_PATH_LEN];
	int r;

	if (!fs_exists(ca->dir, ca_key_path("ca", which->id, path))) {
		cli_note(cli, "no CRL for %s: its key is not here", which->name);
		return CLI_OK;
	}
	if (cli->now > which->not_after)
		return CLI_OK;
	r = ca_load_other(cli, ca, which, &other);
	if (r == CLI_OK)
		r = add_one(ca, which, &other.cert, other.key, crl, set);
	ca_free_other(&other);
	return r;
}

static int write_file(const struct cli *cli, const struct ca *ca, const struct set *set)
{
	int r = fs_replace(ca->dir, CA_CRL, FS_PUBLIC, set->text, set->len);

	if (r < 0)
		return cli_fail(
			CLI_FAILED, "cannot write %s/%s: %s", cli->dir, CA_CRL, strerror(-r));
	return CLI_OK;
}

static int make_all(const struct cli *cli, struct ca *ca, const struct cas *all,
	struct store_crl *crl, struct set *set)
{
	int r = CLI_OK;

	for (size_t i = 0; r == CLI_OK && i < all->n; i++) {
		const struct cas_ca *c = &all->ca[i];
		if (c->role == CAS_ACTIVE)
			r = add_one(ca, c, &ca->cert, ca->key, crl, set);
		else if (cas_signs_crls(c))
			r = add_other(cli, ca, c, crl, set);
	}
	return r;
}

/* It only ever grows, also when the index is restored from a backup. */
static int first_number(const struct cli *cli, struct ca *ca, int64_t *out)
{
	struct store_crl last = { .number = 0 };
	int r = store_last_crl(ca->store, &last);

	if (r < 0 && r != -ENOENT)
		return ca_store_failed(ca, r);
	*out = MAX(MAX(last.number, number_in_place(ca)) + 1, cli->now);
	return CLI_OK;
}

int issue_crl(const struct cli *cli, struct ca *ca, int64_t days, struct store_crl *out)
{
	struct store_crl crl = {
		.this_update = cli->now - ISSUE_BACKDATE_S,
		.next_update = cli->now + (days != 0 ? days : ISSUE_CRL_DAYS) * DAY_S,
	};
	struct set *set = calloc(1, sizeof(*set));
	struct cas all = { .n = 0 };
	int r;

	if (set == NULL)
		return cli_fail(CLI_FAILED, "out of memory");
	r = ca_load_cas(ca, &all);
	if (r == CLI_OK)
		r = first_number(cli, ca, &crl.number);
	if (r == CLI_OK)
		r = make_all(cli, ca, &all, &crl, set);
	if (r == CLI_OK && cli->dry_run)
		cli_note(cli, "would write CRL %lld with %lld entries",
			(long long)set->crl[0].number, (long long)set->crl[0].entries);
	if (r == CLI_OK && !cli->dry_run)
		r = write_file(cli, ca, set);
	if (r == CLI_OK && !cli->dry_run)
		r = record(cli, ca, set);
	if (r == CLI_OK && out != NULL)
		*out = set->crl[0];
	free(set->text);
	free(set);
	return r;
}
