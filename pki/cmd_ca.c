#include "pki/cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "pki/cmd_ca.h"
#include "pki/result.h"
#include "pki/stamp.h"

static const struct opt opts[] = {
	{ "days", OPT_NUMBER, offsetof(struct ca_opts, days), "N",
		"renew, rollover, sign: validity (default: 3650)", 1, ISSUE_DAYS_MAX },
	{ "alg", OPT_TEXT, offsetof(struct ca_opts, alg), "ALG",
		"rollover, csr: p256, p384, ed25519 or rsa3072 (default: of the old one's kind)", 0,
		0 },
	{ "switch", OPT_FLAG, offsetof(struct ca_opts, switch_over), NULL,
		"rollover: from now on the next CA signs", 0, 0 },
	{ "root", OPT_FLAG, offsetof(struct ca_opts, root), NULL,
		"renew: the root instead of the CA below it", 0, 0 },
	{ "serial", OPT_TEXT, offsetof(struct ca_opts, serial), "S",
		"retire: which CA, where several are old", 0, 0 },
	{ "out", OPT_TEXT, offsetof(struct ca_opts, out), "FILE",
		"csr: where the request goes (default: stdout); sign: the certificate and the "
		"root's",
		0, 0 },
	{ "no-pass", OPT_FLAG, offsetof(struct ca_opts, no_pass), NULL,
		"passwd, csr: store the key unencrypted", 0, 0 },
	{ "new-pass-file", OPT_TEXT, offsetof(struct ca_opts, new_file), "FILE",
		"passwd: read the new passphrase from a file", 0, 0 },
	{ "new-pass-fd", OPT_NUMBER, offsetof(struct ca_opts, new_fd), "N",
		"... from a file descriptor", 1, 65535 },
	{ "new-pass-env", OPT_TEXT, offsetof(struct ca_opts, new_env), "NAME",
		"... from an environment variable", 0, 0 },
	{ "new-pass-stdin", OPT_FLAG, offsetof(struct ca_opts, new_stdin), NULL,
		"... from a line of stdin, after the old one", 0, 0 },
};

static const struct verb {
	const char *name;
	bool takes_arg;
	int (*run)(const struct cli *cli, const struct ca_opts *o, const char *arg);
} verbs[] = {
	{ "show", false, cmd_ca_show },
	{ "renew", false, cmd_ca_renew },
	{ "rollover", false, cmd_ca_rollover },
	{ "retire", false, cmd_ca_retire },
	{ "passwd", false, cmd_ca_passwd },
	{ "csr", true, cmd_ca_csr },
	{ "sign", true, cmd_ca_sign },
	{ "import", true, cmd_ca_import },
};

struct counting {
	const char *id;
	int64_t n;
	char *what;
};

enum { WHAT_LEN = 256 };

static int count(const struct store_cert *c, void *arg)
{
	struct counting *k = arg;
	size_t len = strlen(k->what);

	if (strcmp(c->issuer, k->id) != 0 || strcmp(c->serial, k->id) == 0 ||
		strcmp(c->kind, "ca") == 0)
		return 0;
	k->n++;
	if (len + strlen(c->name) + 16 < WHAT_LEN)
		(void)snprintf(k->what + len, WHAT_LEN - len, "%s%s %s", len > 0 ? ", " : "",
			c->kind, c->name);
	else if (len + 5 < WHAT_LEN && strcmp(k->what + len - 3, "...") != 0)
		(void)snprintf(k->what + len, WHAT_LEN - len, " ...");
	return 0;
}

int64_t cmd_ca_count_valid(
	const struct cli *cli, const struct ca *ca, const char *id, char what[static WHAT_LEN])
{
	const struct store_filter valid = { .not_revoked = true, .valid_at = cli->now };
	struct counting k = { .id = id, .what = what };
	int r;

	what[0] = '\0';
	r = store_each(ca->store, &valid, count, &k);
	return r < 0 ? r : k.n;
}

static int show_json(const struct cli *cli, const struct ca *ca, const struct cas *all)
{
	json_t *list = json_array();
	char what[WHAT_LEN], time[STAMP_LEN];

	for (size_t i = 0; i < all->n; i++) {
		const struct cas_ca *c = &all->ca[i];
		json_t *o = json_object();
		(void)json_object_set_new(o, "role", json_string(cas_role_name(c->role)));
		(void)json_object_set_new(o, "id", json_string(c->id));
		(void)json_object_set_new(o, "serial", json_string(c->serial));
		(void)json_object_set_new(
			o, "not_after", json_string(stamp_format(c->not_after, time)));
		(void)json_object_set_new(o, "valid_certificates",
			json_integer(cmd_ca_count_valid(cli, ca, c->id, what)));
		(void)json_array_append_new(list, o);
	}
	return result_json(list);
}

static void print(const char *what, const char *value)
{
	(void)printf("%-12s %s\n", what, value);
}

static int show_text(const struct cli *cli, const struct ca *ca, const struct cas *all)
{
	char what[WHAT_LEN], time[STAMP_LEN];

	print("network", ca->network);
	for (size_t i = 0; i < all->n; i++) {
		const struct cas_ca *c = &all->ca[i];
		int64_t n = cmd_ca_count_valid(cli, ca, c->id, what);
		(void)putchar('\n');
		print("role", cas_role_name(c->role));
		print("id", c->id);
		if (strcmp(c->id, c->serial) != 0)
			print("serial", c->serial);
		print("expires", stamp_format(c->not_after, time));
		if (n < 0)
			return ca_store_failed(ca, (int)n);
		(void)printf("%-12s %lld%s%s\n", "valid", (long long)n, n > 0 ? ": " : "", what);
	}
	return CLI_OK;
}

int cmd_ca_show(const struct cli *cli, const struct ca_opts *o, const char *arg)
{
	struct cas all;
	struct ca ca;
	int r = ca_open(cli, CA_READ, &ca);

	(void)o;
	(void)arg;
	if (r == CLI_OK)
		r = ca_load_cas(&ca, &all);
	if (r == CLI_OK)
		r = cli->json ? show_json(cli, &ca, &all) : show_text(cli, &ca, &all);
	ca_close(&ca);
	return r;
}

static int run(const struct cli *cli, const void *opts_in, char **args, int n_args)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if (strcmp(verbs[i].name, args[0]) != 0)
			continue;
		if (n_args > 1 && !verbs[i].takes_arg)
			return cli_fail(CLI_USAGE, "'ca %s' takes no argument", args[0]);
		return verbs[i].run(cli, opts_in, n_args > 1 ? args[1] : NULL);
	}
	return cli_fail(CLI_USAGE, "'ca %.40s': see 'ca --help' for what there is", args[0]);
}

const struct cmd pki_cmd_ca = {
	.name = "ca",
	.args = "show|renew|rollover|retire|passwd|csr [NETWORK]|sign CSR|import FILE",
	.summary =
		"Show the CA, renew or replace it, change its passphrase, have it signed by a root",
	.example = "  sallyport-pki ca renew\n"
		   "  sallyport-pki ca rollover            # then give ca.crt to every host\n"
		   "  sallyport-pki ca rollover --switch   # then renew every certificate\n"
		   "  sallyport-pki ca retire\n"
		   "  sallyport-pki --dir vpn ca csr vpn.example.net --out vpn.csr\n"
		   "  sallyport-pki --dir root ca sign vpn.csr --out vpn.pem\n"
		   "  sallyport-pki --dir vpn ca import vpn.pem",
	.opts = opts,
	.n_opts = sizeof(opts) / sizeof(opts[0]),
	.opts_size = sizeof(struct ca_opts),
	.min_args = 1,
	.max_args = 2,
	.run = run,
};
