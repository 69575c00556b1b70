#include "pki/cmd_ca.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pki/fs.h"
#include "pki/keyfile.h"
#include "pki/result.h"

/* ca renew, rollover and retire: one CA after the other, with nobody locked out in between. */

/* Who signs a CA's next certificate. */
struct signer {
	struct ca_other root; /* The root's, where one is above it. */
	char *id;
};

static bool is_self_signed(const struct x509_cert *c)
{
	return der_equal(&c->issuer, &c->subject);
}

/* The root above cert: its key has to be here. */
static int find_root(const struct cli *cli, const struct ca *ca, const struct x509_cert *cert,
	struct signer *out)
{
	char path[CA_PATH_LEN];
	struct cas all;
	int r = ca_load_cas(ca, &all);

	for (size_t i = 0; r == CLI_OK && i < all.n; i++) {
		const struct cas_ca *c = &all.ca[i];
		if (c->role != CAS_ROOT || !fs_exists(ca->dir, ca_key_path("ca", c->id, path)))
			continue;
		r = ca_load_other(cli, ca, c, &out->root);
		if (r == CLI_OK && der_equal(&out->root.cert.subject, &cert->issuer)) {
			out->id = strdup(c->id);
			return out->id != NULL ? CLI_OK : cli_fail(CLI_FAILED, "out of memory");
		}
		ca_free_other(&out->root);
	}
	return r != CLI_OK ? r
			   : cli_fail(CLI_FAILED, "the key of the root is not here: 'ca csr', then "
						  "'ca sign' where it is, then 'ca import'");
}

static void free_signer(struct signer *s)
{
	ca_free_other(&s->root);
	free(s->id);
}

/* A certificate for spki (NULL: a new key) that says what old says. */
static int issue_like(const struct cli *cli, struct ca *ca, const struct x509_cert *old,
	const struct issue_ca *like, const struct issue_opts *like_opts)
{
	struct issue_ca what = *like;
	struct issue_opts opts = *like_opts;
	struct signer signer = { .id = NULL };
	struct grant bounds;
	struct issued done;
	int r = CLI_OK;

	if (grant_of_cert(old, &bounds) == -EBADMSG)
		return cli_fail(CLI_FAILED, "the CA's bounds cannot be read");
	opts.grant = &bounds;
	what.path_len = old->path_len > 0 ? (unsigned)old->path_len : 0;
	what.constraints = cert_constraints(old);
	if (!is_self_signed(old)) {
		r = find_root(cli, ca, old, &signer);
		what.issuer = &signer.root.cert;
		what.issuer_id = signer.id;
		what.signer = signer.root.key;
	}
	opts.kind = CERT_CA;
	opts.name = "ca";
	opts.ca = &what;
	if (r == CLI_OK)
		r = issue_cert(cli, ca, &opts, &done);
	free_signer(&signer);
	if (r == CLI_OK && !cli->dry_run)
		r = ca_load_cert(cli, ca);
	if (r == CLI_OK && !cli->dry_run)
		r = ca_write_bundle(cli, ca);
	return r == CLI_OK ? result_issued(cli, &opts, &done) : r;
}

static int renew(const struct cli *cli, struct ca *ca, const struct ca_opts *o, const char *id,
	const struct x509_cert *cert, struct key *key)
{
	struct issue_ca what = {
		.id = id, .subject = cert->subject, .skid = cert->skid, .signer = key
	};
	struct issue_opts opts = {
		.days = o->days != 0 ? o->days : ISSUE_CA_DAYS,
		.spki = &cert->spki,
	};
	int r = issue_like(cli, ca, cert, &what, &opts);

	if (r == CLI_OK)
		cli_note(cli, "every certificate stays valid; give the new ca.crt to every host "
			      "before the old one ends");
	return r;
}

static int renew_root(const struct cli *cli, struct ca *ca, const struct ca_opts *o)
{
	const struct cas_ca *root;
	struct ca_other other;
	struct cas all;
	int r = ca_load_cas(ca, &all);

	if (r != CLI_OK)
		return r;
	root = cas_find(&all, CAS_ROOT);
	if (root == NULL)
		return cli_fail(CLI_NOT_FOUND, "there is no root above this CA");
	r = ca_load_other(cli, ca, root, &other);
	if (r == CLI_OK)
		r = renew(cli, ca, o, root->id, &other.cert, other.key);
	ca_free_other(&other);
	return r;
}

int cmd_ca_renew(const struct cli *cli, const struct ca_opts *o, const char *arg)
{
	struct x509_cert cert;
	uint8_t *der = NULL;
	struct ca ca;
	int r = ca_open(cli, CA_SIGN, &ca);

	(void)arg;
	/* A copy: ca changes under way. */
	if (r == CLI_OK && !o->root)
		r = ca_read_cert(&ca, "ca", ca.serial.text, &der, &cert);
	if (r == CLI_OK)
		r = o->root ? renew_root(cli, &ca, o) : renew(cli, &ca, o, ca.id, &cert, ca.key);
	free(der);
	ca_close(&ca);
	return r;
}

static int add_next(const struct cli *cli, struct ca *ca, const struct ca_opts *o)
{
	struct issue_ca what = { .role = CAS_NEXT };
	struct issue_opts opts = {
		.days = o->days != 0 ? o->days : ISSUE_CA_DAYS,
		.alg = key_alg_like(ca->cert.key_alg),
		.pass = ca->pass.len > 0 ? &ca->pass : NULL,
	};
	struct x509_cert cert;
	uint8_t *der = NULL;
	int r = ca_read_cert(ca, "ca", ca->serial.text, &der, &cert);

	if (r == CLI_OK && o->alg != NULL && key_alg_parse(o->alg, &opts.alg) < 0)
		r = cli_fail(CLI_USAGE, "--alg takes p256, p384, ed25519 or rsa3072");
	if (r == CLI_OK)
		r = issue_like(cli, ca, &cert, &what, &opts);
	free(der);
	if (r == CLI_OK)
		cli_note(cli, "the old CA still signs. Now give ca.crt to every host; when all "
			      "have it: 'ca rollover --switch'");
	return r;
}

/* Within one transaction: what becomes of two CAs, or (b NULL) of one. */
static int set_roles(const struct cli *cli, struct ca *ca, const char *a, enum cas_role role_a,
	const char *b, enum cas_role role_b)
{
	int r = store_begin(ca->store);

	if (r == 0)
		r = cas_set_role(ca->store, a, role_a);
	if (r == 0)
		r = store_audit(ca->store, cli->now, "ca", a, cas_role_name(role_a));
	if (r == 0 && b != NULL)
		r = cas_set_role(ca->store, b, role_b);
	if (r == 0 && b != NULL)
		r = store_audit(ca->store, cli->now, "ca", b, cas_role_name(role_b));
	if (r == 0)
		r = store_want_crl(ca->store);
	if (r == 0)
		r = store_commit(ca->store);
	if (r < 0) {
		store_rollback(ca->store);
		return ca_store_failed(ca, r);
	}
	return CLI_OK;
}

/* After a change of roles: everything that is handed out follows. */
static int write_out(const struct cli *cli, struct ca *ca)
{
	struct store_crl crl;
	int r;

	key_free(ca->key);
	ca->key = NULL;
	r = ca_load_cert(cli, ca);
	if (r == CLI_OK)
		r = ca_load_key(cli, ca, ca->pass.len > 0 ? &ca->pass : NULL);
	if (r == CLI_OK)
		r = ca_write_bundle(cli, ca);
	if (r == CLI_OK && issue_crl(cli, ca, 0, &crl) != CLI_OK)
		r = cli_fail(CLI_CRITICAL, "done, but the CRL could not be made: run 'crl' again");
	return r == CLI_OK ? result_ca(cli, ca, &crl) : r;
}

static int switch_over(const struct cli *cli, struct ca *ca, const struct cas_ca *next)
{
	char what[256];
	int64_t n = cmd_ca_count_valid(cli, ca, ca->id, what);
	int r;

	if (n < 0)
		return ca_store_failed(ca, (int)n);
	if (cli->dry_run) {
		cli_note(cli, "would let CA %s sign from now on", next->id);
		return CLI_OK;
	}
	if (!cli_confirm(
		    cli, "hosts without the new ca.crt will refuse what is issued from now on"))
		return cli_fail(CLI_FAILED, "nothing was changed");
	r = set_roles(cli, ca, ca->id, CAS_OLD, next->id, CAS_ACTIVE);
	if (r == CLI_OK)
		r = write_out(cli, ca);
	if (r == CLI_OK && n > 0)
		cli_note(cli,
			"%lld certificates of the old CA are valid: 'renew' each and put it "
			"into place, then 'ca retire' (%s)",
			(long long)n, what);
	return r;
}

int cmd_ca_rollover(const struct cli *cli, const struct ca_opts *o, const char *arg)
{
	const struct cas_ca *next = NULL;
	struct cas all;
	struct ca ca;
	int r = ca_open(cli, CA_SIGN, &ca);

	(void)arg;
	if (r == CLI_OK)
		r = ca_load_cas(&ca, &all);
	if (r == CLI_OK)
		next = cas_find(&all, CAS_NEXT);
	if (r == CLI_OK && o->switch_over && next == NULL)
		r = cli_fail(CLI_USAGE, "there is no next CA yet: 'ca rollover' makes it");
	if (r == CLI_OK && !o->switch_over && next != NULL)
		r = cli_fail(CLI_FAILED,
			"the next CA (%s) is there already: once every host has "
			"ca.crt, 'ca rollover --switch'",
			next->id);
	if (r == CLI_OK)
		r = o->switch_over ? switch_over(cli, &ca, next) : add_next(cli, &ca, o);
	ca_close(&ca);
	return r;
}

static int choose_old(const struct cas *all, const char *serial, const struct cas_ca **out)
{
	const struct cas_ca *found = NULL;
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++) {
		const struct cas_ca *c = &all->ca[i];
		bool meant = serial == NULL || strcmp(c->id, serial) == 0 ||
			     strcmp(c->serial, serial) == 0;
		if (c->role == CAS_OLD && meant) {
			found = c;
			n++;
		}
	}
	if (n == 0)
		return cli_fail(CLI_NOT_FOUND, "no CA is on its way out%s",
			serial != NULL ? " by that serial number" : "");
	if (n > 1)
		return cli_fail(CLI_USAGE, "%zu CAs are on their way out: say --serial", n);
	*out = found;
	return CLI_OK;
}

static int retire(const struct cli *cli, struct ca *ca, const struct cas_ca *old)
{
	char what[256];
	int64_t n = cmd_ca_count_valid(cli, ca, old->id, what);
	int r;

	if (n < 0)
		return ca_store_failed(ca, (int)n);
	if (n > 0)
		return cli_fail(CLI_FAILED,
			"%lld certificates of CA %s are valid: 'renew' or 'revoke' them first (%s)",
			(long long)n, old->id, what);
	if (cli->dry_run) {
		cli_note(cli, "would retire CA %s", old->id);
		return CLI_OK;
	}
	if (!cli_confirm(cli, "CA %s will be trusted no more", old->id))
		return cli_fail(CLI_FAILED, "nothing was changed");
	r = set_roles(cli, ca, old->id, CAS_RETIRED, NULL, CAS_RETIRED);
	if (r == CLI_OK)
		r = write_out(cli, ca);
	if (r == CLI_OK)
		cli_note(cli, "give crl.pem and ca.crt to every host together");
	return r;
}

int cmd_ca_retire(const struct cli *cli, const struct ca_opts *o, const char *arg)
{
	const struct cas_ca *old = NULL;
	struct cas all;
	struct ca ca;
	int r = ca_open(cli, CA_SIGN, &ca);

	(void)arg;
	if (r == CLI_OK)
		r = ca_load_cas(&ca, &all);
	if (r == CLI_OK)
		r = choose_old(&all, o->serial, &old);
	if (r == CLI_OK)
		r = retire(cli, &ca, old);
	ca_close(&ca);
	return r;
}
