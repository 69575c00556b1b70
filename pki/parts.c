#include "pki/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "pki/fs.h"
#include "pki/keyfile.h"
#include "pki/pem.h"

void parts_free(struct parts *p)
{
	key_free(p->loaded);
	secret_free(p->key, p->key != NULL ? strlen(p->key) : 0);
	free(p->cert);
	free(p->ca);
	free(p->crl);
	*p = (struct parts){ .key = NULL };
}

static int read_part(const struct cli *cli, const struct ca *ca, const char *path, char **out)
{
	size_t len = 0;
	int r = fs_read(ca->dir, path, out, &len);

	if (r < 0)
		return cli_fail(CLI_FAILED, "cannot read %s/%s: %s", cli->dir, path, strerror(-r));
	return CLI_OK;
}

static int key_failed(const struct cli *cli, const char *path, const char *name, int r)
{
	if (r == -EKEYREJECTED)
		return cli_fail(CLI_PASSPHRASE, "wrong passphrase for the key of %s", name);
	if (r == -EPERM)
		return cli_fail(CLI_FAILED, "%s/%s can be touched by others: 'chmod 600' it",
			cli->dir, path);
	return cli_fail(CLI_FAILED, "%s/%s does not hold the key of %s: %s", cli->dir, path, name,
		strerror(-r));
}

/* The text of a key in clear. */
static int encode_clear(struct key *key, char **out)
{
	uint8_t plain[KEY_PKCS8_MAX];
	int n = key_to_pkcs8(key, plain);

	*out = n < 0 ? NULL : pem_encode("PRIVATE KEY", plain, (size_t)n);
	secret_wipe(plain, sizeof(plain));
	return *out != NULL ? CLI_OK : cli_fail(CLI_FAILED, "out of memory");
}

/* An encrypted key, in clear. */
static int unlock(const struct cli *cli, const struct ca *ca, const struct picked *p,
	const struct der *spki, const struct pass *pass, struct key **out)
{
	char path[CA_PATH_LEN], why[256];
	struct pass asked = { .len = 0 };
	int r;

	if (pass == NULL && pass_read(&cli->key_pass, "Passphrase of the key", 1, &asked, why) < 0)
		return cli_fail(CLI_PASSPHRASE, "the key of %s is encrypted: %s", p->name, why);
	ca_key_path(p->kind, p->serial, path);
	r = keyfile_load(ca->dir, path, spki, pass != NULL ? pass : &asked, out);
	pass_wipe(&asked);
	return r < 0 ? key_failed(cli, path, p->name, r) : CLI_OK;
}

static int read_key(const struct cli *cli, const struct ca *ca, const struct picked *p,
	const struct der *spki, const struct pass *pass, struct parts *parts)
{
	char path[CA_PATH_LEN];
	int r;

	ca_key_path(p->kind, p->serial, path);
	r = keyfile_load(ca->dir, path, spki, NULL, &parts->loaded);
	if (r == -ENOKEY)
		r = unlock(cli, ca, p, spki, pass, &parts->loaded);
	else if (r < 0)
		r = key_failed(cli, path, p->name, r);
	return r == CLI_OK ? encode_clear(parts->loaded, &parts->key) : r;
}

/* The key's file as it is; where it is not encrypted it must hold the certificate's key. */
static int copy_key(const struct cli *cli, const struct ca *ca, const struct picked *p,
	const struct der *spki, struct parts *parts)
{
	char path[CA_PATH_LEN];
	struct key *key = NULL;
	int r;

	ca_key_path(p->kind, p->serial, path);
	r = keyfile_load(ca->dir, path, spki, NULL, &key);
	key_free(key);
	if (r < 0 && r != -ENOKEY)
		return key_failed(cli, path, p->name, r);
	return read_part(cli, ca, path, &parts->key);
}

int parts_gather(const struct cli *cli, const struct ca *ca, const struct picked *p,
	enum parts_key key, const struct pass *pass, struct parts *out)
{
	struct parts parts = { .key = NULL };
	struct x509_cert cert;
	uint8_t *der = NULL;
	int r;

	if (key != PARTS_NO_KEY && !p->c.has_key)
		return cli_fail(CLI_NOT_FOUND,
			"the key of %s was not made here: only its holder has it", p->name);
	r = ca_read_cert(ca, p->kind, p->serial, &der, &cert);
	if (r != CLI_OK)
		return r;
	parts.cert = pem_encode("CERTIFICATE", der, cert.all.len);
	if (parts.cert == NULL)
		r = cli_fail(CLI_FAILED, "out of memory");
	if (r == CLI_OK && key == PARTS_CLEAR_KEY)
		r = read_key(cli, ca, p, &cert.spki, pass, &parts);
	else if (r == CLI_OK && key == PARTS_STORED_KEY)
		r = copy_key(cli, ca, p, &cert.spki, &parts);
	if (r == CLI_OK)
		r = read_part(cli, ca, CA_BUNDLE, &parts.ca);
	if (r == CLI_OK)
		r = read_part(cli, ca, CA_CRL, &parts.crl);
	free(der);
	if (r != CLI_OK)
		parts_free(&parts);
	else
		*out = parts;
	return r;
}
