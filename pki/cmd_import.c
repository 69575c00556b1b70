#include "pki/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"
#include "base/util.h"
#include "net/ident.h"
#include "pki/ca.h"
#include "pki/crlfile.h"
#include "pki/fs.h"
#include "pki/import.h"
#include "pki/index_txt.h"
#include "pki/input.h"
#include "pki/issue.h"
#include "pki/result.h"
#include "tls/tls_verify.h"

/* import-easyrsa DIR and import-openssl DIR: go on with a CA that another tool has begun. */

struct import_opts {
	const char *network;
};

static const struct opt opts[] = {
	{ "network", OPT_TEXT, offsetof(struct import_opts, network), "NETWORK",
		"the network's name (default: the CA's common name, if it is one)", 0, 0 },
};

/* Where the tools keep things, below DIR; %s is a serial number in capitals, or for a key also a common name. */
static const char *const ca_certs[] = { "ca.crt", "pki/ca.crt", "cacert.pem", "ca.pem",
	"certs/ca.crt", "certs/ca.cert.pem", NULL };
static const char *const ca_keys[] = { "private/ca.key", "pki/private/ca.key", "private/cakey.pem",
	"ca.key", "private/ca.key.pem", "cakey.pem", NULL };
static const char *const indexes[] = { "index.txt", "pki/index.txt", NULL };
static const char *const crls[] = { "crl.pem", "pki/crl.pem", "crl/crl.pem", "crl/ca.crl.pem",
	NULL };
static const char *const leaf_certs[] = { "certs_by_serial/%s.pem",
	"revoked/certs_by_serial/%s.crt", "expired/certs_by_serial/%s.crt",
	"renewed/certs_by_serial/%s.crt", "newcerts/%s.pem", "certs/%s.pem", "%s.pem",
	"pki/certs_by_serial/%s.pem", "pki/revoked/certs_by_serial/%s.crt", NULL };
static const char *const leaf_keys[] = { "private/%s.key", "private_by_serial/%s.key",
	"revoked/private_by_serial/%s.key", "renewed/private_by_serial/%s.key",
	"pki/private/%s.key", "pki/revoked/private_by_serial/%s.key", "private/%s.pem", NULL };

struct importing {
	const struct cli *cli;
	struct ca ca;
	int from;
	const char *path; /* Of it. */
	size_t certs, keys, revoked, without;
};

/* The first of the places where there is something; NULL: none. */
static const char *find(int dir, const char *const *places)
{
	for (; *places != NULL; places++) {
		if (fs_exists(dir, *places))
			return *places;
	}
	return NULL;
}

static int store_failed(struct importing *im, int r)
{
	return r < 0 ? ca_store_failed(&im->ca, r) : CLI_OK;
}

static int set_network(struct importing *im, const char *said)
{
	char name[256] = "";
	int r;

	if (said == NULL && x509_common_name(&im->ca.cert.subject, name, sizeof(name)) == 0)
		said = name;
	if (said == NULL || !ident_valid_network(said))
		return cli_fail(CLI_USAGE,
			"'%.80s' is no network name: say --network, such as vpn.example.net",
			said != NULL ? said : "");
	(void)snprintf(im->ca.network, sizeof(im->ca.network), "%s", said);
	r = store_set_meta(im->ca.store, "network", said);
	return store_failed(im, r);
}

/* What we must have to go on with it: RFC 5280 leaves no choice. */
static int check_ca(const struct x509_cert *c, const char *path)
{
	const char *wrong =
		!c->is_ca ? "its basicConstraints do not make it a CA"
		: c->has_ku && (c->ku & X509_KU_KEY_CERT_SIGN) == 0 ? "it may not sign certificates"
		: c->has_ku && (c->ku & X509_KU_CRL_SIGN) == 0      ? "it may not sign CRLs"
		: c->skid.len == 0             ? "it has no subjectKeyIdentifier"
		: c->key_alg == X509_KEY_OTHER ? "its key is too weak, or of a kind not supported"
					       : NULL;

	return wrong == NULL ? CLI_OK : cli_fail(CLI_FAILED, "%s: %s", path, wrong);
}

static int import_ca(struct importing *im)
{
	const char *cert = find(im->from, ca_certs), *key = find(im->from, ca_keys);
	struct store_cert c = { .kind = "ca", .name = "ca", .sans = "", .has_key = true };
	int r;

	if (cert == NULL || key == NULL)
		return cli_fail(CLI_NOT_FOUND, "%s holds no %s", im->path,
			cert == NULL ? "CA certificate (ca.crt, cacert.pem)"
				     : "CA key (private/ca.key, private/cakey.pem)");
	r = import_read_cert(im->from, cert, &im->ca.der, &im->ca.cert);
	if (r < 0)
		return cli_fail(CLI_FAILED, "cannot read %s/%s: %s", im->path, cert, strerror(-r));
	r = check_ca(&im->ca.cert, cert);
	if (r != CLI_OK)
		return r;
	if (serial_of(&im->ca.cert.serial, &im->ca.serial) < 0)
		return cli_fail(CLI_FAILED, "%s: a serial number of more than 20 octets", cert);
	r = import_put_cert(&im->ca, "ca", &im->ca.cert);
	if (r == 0)
		r = import_put_key(&im->ca, "ca", im->ca.serial.text, &im->ca.cert, im->from, key);
	if (r == -ENOTSUP)
		return cli_fail(CLI_FAILED,
			"%s/%s is encrypted in a way that is not supported: 'openssl pkcs8 -topk8 "
			"-v2 aes256 -v2prf hmacWithSHA256 -in OLD -out NEW' mends that",
			im->path, key);
	if (r < 0)
		return cli_fail(CLI_FAILED, "cannot import %s/%s: %s", im->path, key,
			r == -EBADMSG ? "it is not the CA's key" : strerror(-r));
	c.serial = im->ca.serial.text;
	c.issuer = im->ca.serial.text;
	c.created = im->cli->now;
	c.not_before = im->ca.cert.not_before;
	c.not_after = im->ca.cert.not_after;
	(void)snprintf(im->ca.id, sizeof(im->ca.id), "%s", im->ca.serial.text);
	return store_failed(im, store_adopt(im->ca.store, &c));
}

static char *upper(const char *text, char out[static SERIAL_TEXT_LEN])
{
	size_t i = 0;

	if (strncmp(text, "00", 2) == 0 && strlen(text) > 2)
		text += 2;
	for (; text[i] != '\0'; i++)
		out[i] = (char)(text[i] >= 'a' && text[i] <= 'f' ? text[i] - 32 : text[i]);
	out[i] = '\0';
	return out;
}

/* The certificate with this serial number: *der is to be freed.  -ENOENT, -EBADMSG: not of this CA. */
static int find_cert(
	struct importing *im, const struct index_line *l, uint8_t **der, struct x509_cert *cert)
{
	char hex[SERIAL_TEXT_LEN], path[256];
	struct serial found;

	upper(l->serial.text, hex);
	for (size_t i = 0; leaf_certs[i] != NULL; i++) {
		(void)snprintf(path, sizeof(path), "%.*s%s%s",
			(int)(strchr(leaf_certs[i], '%') - leaf_certs[i]), leaf_certs[i], hex,
			strchr(leaf_certs[i], '%') + 2);
		if (import_read_cert(im->from, path, der, cert) < 0)
			continue;
		if (serial_of(&cert->serial, &found) == 0 &&
			strcmp(found.text, l->serial.text) == 0 &&
			der_equal(&cert->issuer, &im->ca.cert.subject) &&
			tls_verify_signature(
				&im->ca.cert.spki, cert->sig_alg, &cert->tbs, &cert->sig) == 0)
			return 0;
		free(*der);
		*der = NULL;
		return -EBADMSG;
	}
	return -ENOENT;
}

/* Its key, if it is here: by the common name or the serial number. */
static bool find_key(struct importing *im, const struct index_line *l, const char *name,
	const struct x509_cert *cert)
{
	char hex[SERIAL_TEXT_LEN], path[512];

	upper(l->serial.text, hex);
	for (size_t i = 0; leaf_keys[i] != NULL; i++) {
		for (int by = 0; by < 2; by++) {
			const char *mark = strchr(leaf_keys[i], '%');
			if (strchr(name, '/') != NULL && by == 0)
				continue;
			(void)snprintf(path, sizeof(path), "%.*s%s%s", (int)(mark - leaf_keys[i]),
				leaf_keys[i], by == 0 ? name : hex, mark + 2);
			if (import_put_key(
				    &im->ca, "client", l->serial.text, cert, im->from, path) == 0)
				return true;
		}
	}
	return false;
}

static int import_leaf(struct importing *im, const struct index_line *l)
{
	struct store_cert c = {
		.serial = l->serial.text,
		.issuer = im->ca.id,
		.kind = "client",
		.name = "unknown",
		.sans = "",
		.created = im->cli->now,
		.not_after = l->expires,
		.revoked_at = l->revoked,
		.reason = l->reason,
	};
	struct import_leaf leaf;
	struct x509_cert cert;
	uint8_t *der = NULL;
	int r = find_cert(im, l, &der, &cert);

	if (r == -EBADMSG)
		cli_note(im->cli, "%s %s: the certificate there is not of this CA", l->serial.text,
			l->subject);
	if (r < 0) {
		/* The serial number is used, and stays revoked if it was. */
		im->without++;
		im->revoked += l->revoked != 0;
		return store_failed(im, store_set_lost_revoked(im->ca.store, &c));
	}
	import_read_leaf(&cert, &leaf);
	r = import_put_cert(&im->ca, leaf.kind, &cert);
	if (r == 0) {
		c.kind = leaf.kind;
		c.name = leaf.name;
		c.sans = leaf.sans;
		c.not_before = cert.not_before;
		c.not_after = cert.not_after;
		c.has_key = find_key(im, l, leaf.name, &cert);
		r = store_adopt(im->ca.store, &c);
		im->certs++;
		im->keys += c.has_key;
		im->revoked += l->revoked != 0;
	}
	free(der);
	return r < 0 ? cli_fail(CLI_FAILED, "cannot import %s: %s", l->serial.text, strerror(-r))
		     : CLI_OK;
}

static int import_index(struct importing *im)
{
	const char *path = find(im->from, indexes);
	char *text = NULL, *save = NULL;
	size_t len = 0;
	unsigned number = 0;
	int r;

	if (path == NULL)
		return cli_fail(CLI_NOT_FOUND, "%s holds no index.txt", im->path);
	r = fs_read(im->from, path, &text, &len);
	if (r < 0)
		return cli_fail(CLI_FAILED, "cannot read %s/%s: %s", im->path, path, strerror(-r));
	for (char *line = strtok_r(text, "\r\n", &save); r == CLI_OK && line != NULL;
		line = strtok_r(NULL, "\r\n", &save)) {
		struct index_line l;
		number++;
		r = index_txt_parse(line, &l) < 0
			    ? cli_fail(CLI_FAILED, "%s/%s, entry %u: malformed", im->path, path,
				      number)
			    : import_leaf(im, &l);
	}
	free(text);
	return r;
}

/* Its number, and whatever it lists beyond the index. */
static int take_crl(enum input_kind kind, const struct der *d, int n, void *arg)
{
	struct importing *im = arg;
	struct x509_crl crl;
	struct x509_revoked e;
	struct serial serial;
	int64_t entries = 0;
	int r = 0;

	(void)n;
	if (kind != INPUT_CRL || x509_crl_parse(d->p, d->len, &crl) < 0 ||
		!der_equal(&crl.issuer, &im->ca.cert.subject) ||
		tls_verify_signature(&im->ca.cert.spki, crl.sig_alg, &crl.tbs, &crl.sig) != 0)
		return 0;
	for (struct der it = crl.entries; r == 0 && x509_crl_next(&it, &e) == 1; entries++) {
		if (serial_of(&e.serial, &serial) < 0)
			continue;
		r = store_is_revoked(im->ca.store, serial.text);
		if (r != 0) {
			r = r < 0 ? r : 0;
			continue;
		}
		const struct store_cert c = {
			.serial = serial.text,
			.issuer = im->ca.id,
			.kind = "client",
			.name = "unknown",
			.sans = "",
			.created = im->cli->now,
			.not_after = im->ca.cert.not_after,
			.revoked_at = e.date,
			.reason = e.reason > 0 ? e.reason : CRL_UNSPECIFIED,
		};
		r = store_set_lost_revoked(im->ca.store, &c);
		im->revoked++;
	}
	const struct store_crl record = { crlfile_number(&crl), crl.this_update, crl.next_update,
		entries };
	if (r == 0)
		r = store_add_crl(im->ca.store, &record, "imported");
	return store_failed(im, r);
}

static int import_crl(struct importing *im)
{
	const char *path = find(im->from, crls);
	char *full = NULL;
	int r;

	if (path == NULL)
		return CLI_OK;
	if (asprintf(&full, "%s/%s", im->path, path) < 0)
		return cli_fail(CLI_FAILED, "out of memory");
	r = input_each(full, take_crl, im);
	free(full);
	if (r < 0)
		cli_note(im->cli, "%s/%s is no CRL: passed over", im->path, path);
	return r < 0 ? CLI_OK : r;
}

/* Everything that goes into the index, in one transaction. */
static int fill(struct importing *im, const char *network)
{
	int err = store_begin(im->ca.store), r;

	if (err < 0)
		return ca_store_failed(&im->ca, err);
	r = import_ca(im);
	if (r == CLI_OK)
		r = set_network(im, network);
	if (r == CLI_OK)
		r = import_index(im);
	if (r == CLI_OK)
		r = import_crl(im);
	if (r == CLI_OK)
		r = store_failed(
			im, store_audit(im->ca.store, im->cli->now, "imported", NULL, im->path));
	/* A wrong passphrase shows before anything counts. */
	if (r == CLI_OK)
		r = ca_load_key(im->cli, &im->ca, NULL);
	if (r == CLI_OK)
		r = store_failed(im, store_commit(im->ca.store));
	if (r != CLI_OK)
		store_rollback(im->ca.store);
	return r;
}

static int import(struct importing *im, const char *network)
{
	struct store_crl crl;
	int r = ca_create(im->cli, &im->ca);

	if (r == CLI_OK)
		r = fill(im, network);
	if (r == CLI_OK)
		r = ca_write_bundle(im->cli, &im->ca);
	if (r == CLI_OK)
		r = issue_crl(im->cli, &im->ca, 0, &crl);
	if (r != CLI_OK)
		return r;
	cli_note(im->cli,
		"%zu certificates and %zu of their keys imported, %zu revoked; of %zu only the "
		"serial number was left",
		im->certs, im->keys, im->revoked, im->without);
	return result_ca(im->cli, &im->ca, &crl);
}

static int run(const struct cli *cli, const void *opts_in, char **args, int n_args)
{
	const struct import_opts *o = opts_in;
	struct importing im = { .cli = cli, .path = args[0] };
	int r;

	(void)n_args;
	ca_init(&im.ca);
	im.from = fs_dir_open(AT_FDCWD, args[0]);
	if (im.from < 0)
		return cli_fail(im.from == -ENOENT ? CLI_NOT_FOUND : CLI_FAILED,
			"cannot open %s: %s", args[0], strerror(-im.from));
	if (o->network != NULL && !ident_valid_network(o->network))
		r = cli_fail(CLI_USAGE,
			"'%.80s' is no network name: a lower-case DNS name like vpn.example.net",
			o->network);
	else if (cli->dry_run)
		r = cli_fail(CLI_USAGE, "an import has no --dry-run: it never touches what it "
					"reads; import into another --dir to see");
	else
		r = import(&im, o->network);
	ca_close(&im.ca);
	(void)close(im.from);
	return r;
}

const struct cmd pki_cmd_import_easyrsa = {
	.name = "import-easyrsa",
	.args = "DIR",
	.summary = "Go on with a CA made by easy-rsa",
	.example = "  sallyport-pki import-easyrsa /etc/openvpn/easy-rsa/pki --network "
		   "vpn.example.net",
	.opts = opts,
	.n_opts = sizeof(opts) / sizeof(opts[0]),
	.opts_size = sizeof(struct import_opts),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};

const struct cmd pki_cmd_import_openssl = {
	.name = "import-openssl",
	.args = "DIR",
	.summary = "Go on with a CA made by 'openssl ca'",
	.example = "  sallyport-pki import-openssl /root/demoCA --network vpn.example.net",
	.opts = opts,
	.n_opts = sizeof(opts) / sizeof(opts[0]),
	.opts_size = sizeof(struct import_opts),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
