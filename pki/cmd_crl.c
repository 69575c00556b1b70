#include "pki/cmd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pki/ca.h"
#include "pki/fs.h"
#include "pki/issue.h"
#include "pki/result.h"

struct crl_opts {
	int64_t days;
	const char *out;
};

static const struct opt opts[] = {
	{ "days", OPT_NUMBER, offsetof(struct crl_opts, days), "N",
		"days until it must be renewed (default: 180)", 1, ISSUE_DAYS_MAX },
	{ "out", OPT_TEXT, offsetof(struct crl_opts, out), "FILE",
		"write a copy there as well, replaced in one step", 0, 0 },
};

static int copy(const struct ca *ca, const char *out)
{
	char *text = NULL;
	size_t len = 0;
	int r = fs_read(ca->dir, CA_CRL, &text, &len);

	if (r == 0)
		r = fs_write_path(out, FS_PUBLIC, text, len);
	free(text);
	if (r < 0)
		return cli_fail(CLI_FAILED, "cannot write %s: %s", out, strerror(-r));
	return CLI_OK;
}

static int run(const struct cli *cli, const void *opts_in, char **args, int n_args)
{
	const struct crl_opts *o = opts_in;
	struct store_crl crl;
	struct ca ca;
	int r = ca_open(cli, CA_SIGN, &ca);

	(void)args;
	(void)n_args;
	if (r == CLI_OK)
		r = issue_crl(cli, &ca, o->days, &crl);
	if (r == CLI_OK && o->out != NULL)
		r = copy(&ca, o->out);
	if (r == CLI_OK)
		r = result_crl(cli, &crl);
	ca_close(&ca);
	return r;
}

const struct cmd pki_cmd_crl = {
	.name = "crl",
	.args = "",
	.summary = "Write a new CRL",
	.example = "  sallyport-pki crl --days 90 --out /etc/sallyport/crl.pem",
	.opts = opts,
	.n_opts = sizeof(opts) / sizeof(opts[0]),
	.opts_size = sizeof(struct crl_opts),
	.run = run,
};
