#include "pki/cmd_ca.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/ident.h"
#include "pki/csr.h"
#include "pki/fs.h"
#include "pki/input.h"
#include "pki/keyfile.h"
#include "pki/pem.h"
#include "pki/pending.h"
#include "pki/result.h"

/* ca csr and ca sign: the two sides of having a CA certified by a root that is kept elsewhere. */

static int write_csr(const struct ca_opts *o, const struct csr_spec *spec, struct key *k)
{
	const char *out = o->out != NULL ? o->out : "-";
	uint8_t *der = malloc(CSR_MAX);
	char *text = NULL, why[256];
	int n = der == NULL ? -ENOMEM : csr_make(spec, k, der, why), r = CLI_OK;

	if (n > 0)
		text = pem_encode("CERTIFICATE REQUEST", der, (size_t)n);
	free(der);
	if (text == NULL)
		return cli_fail(CLI_FAILED, "%s", n < 0 && n != -ENOMEM ? why : "out of memory");
	n = fs_write_path(out, FS_PUBLIC, text, strlen(text));
	if (n < 0)
		r = cli_fail(CLI_FAILED, "cannot write %s: %s", out, strerror(-n));
	free(text);
	return r;
}

/* For the CA there is. */
static int csr_again(const struct cli *cli, const struct ca_opts *o)
{
	struct csr_spec spec = { .common_name = NULL };
	struct ca ca;
	int r = ca_open(cli, CA_SIGN, &ca);

	spec.subject = ca.cert.subject;
	if (r == CLI_OK)
		r = write_csr(o, &spec, ca.key);
	ca_close(&ca);
	return r;
}

/* For a CA that is not there yet: its key is made, and waits. */
static int csr_first(const struct cli *cli, const struct ca_opts *o, const char *network)
{
	struct csr_spec spec = { .common_name = NULL };
	struct pending p = { .key = NULL };
	enum key_alg alg = KEY_P256;
	struct ca ca;
	int r;

	if (!ident_valid_network(network))
		return cli_fail(CLI_USAGE,
			"'%.80s' is no network name: a lower-case DNS name like vpn.example.net",
			network);
	if (o->alg != NULL && key_alg_parse(o->alg, &alg) < 0)
		return cli_fail(CLI_USAGE, "--alg takes p256, p384, ed25519 or rsa3072");
	if (cli->dry_run)
		return cli_fail(CLI_USAGE, "'ca csr' for a new CA makes a key: no --dry-run");
	r = ca_create(cli, &ca);
	if (r == CLI_OK) {
		r = pending_find(&ca, &p);
		if (r == CLI_NOT_FOUND)
			r = pending_make(cli, &ca, network, alg, o->no_pass, &p);
		else if (r == CLI_OK)
			r = pending_load(cli, &ca, &p);
	}
	spec.common_name = p.subject;
	if (r == CLI_OK)
		r = write_csr(o, &spec, p.key);
	pending_clear(&p);
	ca_close(&ca);
	if (r == CLI_OK)
		cli_note(cli, "have it signed with 'ca sign' where the root is, then 'ca import' "
			      "what comes back");
	return r;
}

int cmd_ca_csr(const struct cli *cli, const struct ca_opts *o, const char *arg)
{
	return arg != NULL ? csr_first(cli, o, arg) : csr_again(cli, o);
}

struct request {
	uint8_t *der;
	struct csr csr;
};

static int take_request(enum input_kind kind, const struct der *der, int number, void *arg)
{
	struct request *q = arg;

	(void)number;
	if (kind != INPUT_CSR)
		return 0;
	q->der = malloc(der->len);
	if (q->der == NULL)
		return -ENOMEM;
	memcpy(q->der, der->p, der->len);
	return csr_parse(q->der, der->len, &q->csr) < 0 ? -EBADMSG : 1;
}

static int read_request(const char *path, struct request *q)
{
	char why[256];
	int r = input_each(path, take_request, q);

	if (r == 0 || r == -ENODATA)
		return cli_fail(CLI_FAILED, "%s is no certificate signing request", path);
	if (r < 0)
		return cli_fail(r == -ENOENT ? CLI_NOT_FOUND : CLI_FAILED, "cannot read %s: %s",
			path, strerror(-r));
	if (csr_verify(&q->csr, why) < 0)
		return cli_fail(CLI_FAILED, "%s is refused: %s", path, why);
	return CLI_OK;
}

/* The new certificate and the root's: all that 'ca import' needs. */
static int write_chain(
	const struct cli *cli, const struct ca *ca, const char *cert_path, const char *out)
{
	char path[CA_PATH_LEN], *lower = NULL, *root = NULL, *both = NULL;
	size_t n;
	int r = fs_read(ca->dir, cert_path, &lower, &n);

	(void)cli;
	if (r == 0)
		r = fs_read(ca->dir, ca_cert_path("ca", ca->serial.text, path), &root, &n);
	if (r == 0 && asprintf(&both, "%s%s", lower, root) < 0) {
		both = NULL;
		r = -ENOMEM;
	}
	if (r == 0)
		r = fs_write_path(out, FS_PUBLIC, both, strlen(both));
	free(lower);
	free(root);
	free(both);
	return r == 0 ? CLI_OK : cli_fail(CLI_FAILED, "cannot write %s: %s", out, strerror(-r));
}

static int sign(
	const struct cli *cli, struct ca *ca, const struct ca_opts *o, const struct csr *csr)
{
	struct issue_ca what = {
		.role = CAS_FOREIGN,
		.subject = csr->subject,
		.signer = ca->key,
		.issuer = &ca->cert,
		.issuer_id = ca->id,
		.constraints = cert_constraints(&ca->cert),
	};
	char name[CERT_CN_MAX + 1] = "";
	struct grant bounds;
	struct issue_opts opts = {
		.kind = CERT_CA,
		.name = name,
		.ca = &what,
		.grant = &bounds,
		.days = o->days != 0 ? o->days : ISSUE_CA_DAYS,
		.spki = &csr->spki.all,
	};
	struct issued done;
	int r;

	if (ca->cert.path_len == 0)
		return cli_fail(CLI_FAILED, "this CA may not certify others: a root may ('init "
					    "--root')");
	if (der_equal(&csr->spki.all, &ca->cert.spki) ||
		der_equal(&csr->subject, &ca->cert.subject))
		return cli_fail(CLI_FAILED, "the request comes from this root itself");
	if (x509_common_name(&csr->subject, name, sizeof(name)) < 0)
		return cli_fail(CLI_FAILED, "the request names nobody");
	if (grant_of_cert(&ca->cert, &bounds) == -EBADMSG)
		return cli_fail(CLI_FAILED, "the bounds of this root cannot be read");
	if (!cli_confirm(cli, "'%s' will be a CA below this root", name))
		return cli_fail(CLI_FAILED, "nothing was changed");
	r = issue_cert(cli, ca, &opts, &done);
	if (r == CLI_OK && o->out != NULL && !cli->dry_run)
		r = write_chain(cli, ca, done.cert_path, o->out);
	if (r == CLI_OK && (o->out == NULL || strcmp(o->out, "-") != 0))
		r = result_issued(cli, &opts, &done);
	return r;
}

int cmd_ca_sign(const struct cli *cli, const struct ca_opts *o, const char *arg)
{
	struct request *q;
	struct ca ca;
	int r;

	if (arg == NULL)
		return cli_fail(CLI_USAGE, "usage: sallyport-pki ca sign CSR");
	q = calloc(1, sizeof(*q));
	if (q == NULL)
		return cli_fail(CLI_FAILED, "out of memory");
	ca_init(&ca);
	r = read_request(arg, q);
	if (r == CLI_OK)
		r = ca_open(cli, CA_SIGN, &ca);
	if (r == CLI_OK)
		r = sign(cli, &ca, o, &q->csr);
	free(q->der);
	free(q);
	ca_close(&ca);
	return r;
}
