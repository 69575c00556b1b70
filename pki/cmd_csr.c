#include "pki/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/ident.h"
#include "pki/csr.h"
#include "pki/fs.h"
#include "pki/keyfile.h"
#include "pki/leaf.h"
#include "pki/pem.h"
#include "pki/result.h"

/* csr NAME: on the host itself, which keeps its key.  No CA is needed. */

enum { PATH_LEN = 128 };

struct csr_opts {
	struct opt_list dns, ip, email;
	const char *alg, *key, *out;
};

static const struct opt opts[] = {
	{ "dns", OPT_LIST, offsetof(struct csr_opts, dns), "HOST", "a host name to ask for", 0, 0 },
	{ "ip", OPT_LIST, offsetof(struct csr_opts, ip), "ADDRESS", "an address to ask for", 0, 0 },
	{ "email", OPT_LIST, offsetof(struct csr_opts, email), "MAILBOX", "a mailbox to ask for", 0,
		0 },
	{ "alg", OPT_TEXT, offsetof(struct csr_opts, alg), "ALG",
		"the key: p256 (default), p384, ed25519 or rsa3072", 0, 0 },
	{ "key", OPT_TEXT, offsetof(struct csr_opts, key), "FILE",
		"where the key goes (default: NAME.key); it must not be there yet", 0, 0 },
	{ "out", OPT_TEXT, offsetof(struct csr_opts, out), "FILE",
		"where the request goes (default: NAME.csr)", 0, 0 },
};

struct job {
	const char *name, *key_path, *out_path;
	struct san_list sans;
	struct pass pass;
	bool encrypt;
	struct key *key;
	uint8_t der[CSR_MAX];
};

static int write_key(const struct job *j)
{
	int r = keyfile_write(AT_FDCWD, j->key_path, j->key, j->encrypt ? &j->pass : NULL);

	if (r == -EEXIST)
		return cli_fail(
			CLI_FAILED, "%s is there already: name another with --key", j->key_path);
	if (r < 0)
		return cli_fail(CLI_FAILED, "cannot write %s: %s", j->key_path, strerror(-r));
	return CLI_OK;
}

static int write_both(const struct job *j, size_t len)
{
	char *text = pem_encode("CERTIFICATE REQUEST", j->der, len);
	int r, err;

	if (text == NULL)
		return cli_fail(CLI_FAILED, "out of memory");
	r = write_key(j);
	if (r == CLI_OK) {
		err = fs_write_path(j->out_path, FS_PUBLIC, text, strlen(text));
		if (err < 0) {
			r = cli_fail(
				CLI_FAILED, "cannot write %s: %s", j->out_path, strerror(-err));
			(void)fs_remove(AT_FDCWD, j->key_path);
		}
	}
	free(text);
	return r;
}

static int print(const struct cli *cli, const struct job *j)
{
	if (strcmp(j->out_path, "-") == 0)
		return CLI_OK;
	if (cli->json) {
		json_t *o = json_object();
		(void)json_object_set_new(o, "name", json_string(j->name));
		(void)json_object_set_new(o, "key", json_string(j->key_path));
		(void)json_object_set_new(o, "request", json_string(j->out_path));
		return result_json(o);
	}
	(void)printf("%-12s %s\n%-12s %s\n", "key", j->key_path, "request", j->out_path);
	return CLI_OK;
}

static int make(const struct cli *cli, const struct csr_opts *o, struct job *j)
{
	const struct csr_spec spec = { .common_name = j->name, .sans = &j->sans };
	enum key_alg alg = KEY_P256;
	char why[256];
	int r, n;

	if (o->alg != NULL && key_alg_parse(o->alg, &alg) < 0)
		return cli_fail(CLI_USAGE, "--alg takes p256, p384, ed25519 or rsa3072");
	r = leaf_add_names(&o->dns, &o->ip, &j->sans);
	if (r == CLI_OK)
		r = leaf_add_emails(&o->email, &j->sans);
	if (r == CLI_OK)
		r = leaf_key_pass(cli, LEAF_PASS_IF_SAID, &j->pass, &j->encrypt);
	if (r == CLI_OK && key_make(alg, &j->key) < 0)
		r = cli_fail(CLI_FAILED, "making a key failed");
	if (r != CLI_OK)
		return r;
	n = csr_make(&spec, j->key, j->der, why);
	if (n < 0)
		return cli_fail(CLI_FAILED, "%s", why);
	if (cli->dry_run) {
		cli_note(cli, "would write a key to %s and a request to %s", j->key_path,
			j->out_path);
		return CLI_OK;
	}
	r = write_both(j, (size_t)n);
	return r == CLI_OK ? print(cli, j) : r;
}

static int run(const struct cli *cli, const void *opts_in, char **args, int n_args)
{
	const struct csr_opts *o = opts_in;
	char key[PATH_LEN], out[PATH_LEN];
	struct job *j;
	int r;

	(void)n_args;
	if (!ident_valid_name(args[0]))
		return cli_fail(CLI_USAGE,
			"'%.80s' is no name: 1 to 64 of A-Z a-z 0-9 . _ @ -, not starting with - "
			"or .",
			args[0]);
	j = calloc(1, sizeof(*j));
	if (j == NULL)
		return cli_fail(CLI_FAILED, "out of memory");
	(void)snprintf(key, sizeof(key), "%s.key", args[0]);
	(void)snprintf(out, sizeof(out), "%s.csr", args[0]);
	j->name = args[0];
	j->key_path = o->key != NULL ? o->key : key;
	j->out_path = o->out != NULL ? o->out : out;
	r = make(cli, o, j);
	key_free(j->key);
	pass_wipe(&j->pass);
	free(j);
	return r;
}

const struct cmd pki_cmd_csr = {
	.name = "csr",
	.args = "NAME",
	.summary = "Make a key and a signing request, on the host that keeps the key",
	.example = "  sallyport-pki csr gw1 --dns vpn.example.net      # on the host\n"
		   "  sallyport-pki sign gw1.csr --type server --copy-san   # at the CA",
	.opts = opts,
	.n_opts = sizeof(opts) / sizeof(opts[0]),
	.opts_size = sizeof(struct csr_opts),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
