#include "pki/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pki/ca.h"
#include "pki/crlfile.h"
#include "pki/doctor.h"
#include "pki/fs.h"
#include "pki/issue.h"
#include "pki/report.h"

struct doctor_opts {
	bool repair;
};

static const struct opt opts[] = {
	{ "repair", OPT_FLAG, offsetof(struct doctor_opts, repair), NULL,
		"put in order what can be", 0, 0 },
};

static int open_dir(const struct cli *cli)
{
	int fd = fs_dir_open(AT_FDCWD, cli->dir);

	if (fd < 0)
		(void)cli_fail(CLI_NOT_FOUND, "cannot open %s: %s", cli->dir, strerror(-fd));
	return fd;
}

static int look(const struct cli *cli, struct report *report)
{
	struct doctor d = { .cli = cli, .report = report };
	struct ca ca;
	int dir = open_dir(cli), r;

	if (dir < 0)
		return CLI_NOT_FOUND;
	r = doctor_modes(&d, dir);
	(void)close(dir);
	if (r != CLI_OK)
		return r;
	r = ca_open(cli, CA_READ, &ca);
	if (r == CLI_OK)
		r = ca_hold(cli, &ca);
	d.ca = &ca;
	if (r == CLI_OK)
		r = doctor_look(&d);
	ca_close(&ca);
	return r;
}

/* Everything that only needs the index, in one transaction. */
static int repair_index(struct doctor *d)
{
	int err = store_begin(d->ca->store), r;

	if (err < 0)
		return ca_store_failed(d->ca, err);
	r = doctor_look(d);
	err = r == CLI_OK ? store_commit(d->ca->store) : 0;
	if (r != CLI_OK || err < 0)
		store_rollback(d->ca->store);
	return err < 0 ? ca_store_failed(d->ca, err) : r;
}

static int record_crl(struct doctor *d)
{
	struct crlfile f;
	struct store_crl crl;
	int r = crlfile_load(d->ca, NULL, &f);

	if (r < 0)
		return cli_fail(CLI_FAILED, "cannot read " CA_CRL ": %s", strerror(-r));
	crl = (struct store_crl){
		.number = f.number,
		.this_update = f.crl.this_update,
		.next_update = f.crl.next_update,
	};
	struct der it = f.crl.entries;
	struct x509_revoked e;
	while (x509_crl_next(&it, &e) == 1)
		crl.entries++;
	crlfile_free(&f);
	r = store_begin(d->ca->store);
	if (r == 0)
		r = store_add_crl(d->ca->store, &crl, d->ca->id);
	if (r == 0)
		r = doctor_note(d, "record of the CRL", NULL);
	if (r == 0)
		r = store_commit(d->ca->store);
	if (r < 0)
		store_rollback(d->ca->store);
	return r < 0 ? ca_store_failed(d->ca, r) : CLI_OK;
}

static int make_crl(struct doctor *d)
{
	int r = ca_load_key(d->cli, d->ca, NULL);

	if (r == CLI_OK)
		r = issue_crl(d->cli, d->ca, 0, NULL);
	if (r == CLI_OK)
		cli_note(d->cli, "repaired: a new CRL");
	return r;
}

static int repair(const struct cli *cli)
{
	struct doctor d = { .cli = cli, .repair = true };
	struct ca ca;
	int dir = open_dir(cli), r;

	if (dir < 0)
		return CLI_NOT_FOUND;
	r = doctor_modes(&d, dir);
	(void)close(dir);
	if (r != CLI_OK)
		return r;
	r = ca_open(cli, CA_WRITE, &ca); /* Which settles what was cut short. */
	d.ca = &ca;
	if (r == CLI_OK)
		r = repair_index(&d);
	if (r == CLI_OK && d.crl == DOCTOR_CRL_RECORD)
		r = record_crl(&d);
	else if (r == CLI_OK && d.crl == DOCTOR_CRL_MAKE)
		r = make_crl(&d);
	ca_close(&ca);
	return r;
}

static int run(const struct cli *cli, const void *opts_in, char **args, int n_args)
{
	const struct doctor_opts *o = opts_in;
	struct report report;
	int r = CLI_OK;

	(void)args;
	(void)n_args;
	if (report_init(&report) < 0)
		return cli_fail(CLI_FAILED, "out of memory");
	if (o->repair && !cli->dry_run)
		r = repair(cli);
	if (r == CLI_OK)
		r = look(cli, &report);
	if (r == CLI_OK)
		r = report_print(cli, &report, "files, keys, index and CRL agree");
	report_clear(&report);
	return r;
}

const struct cmd pki_cmd_doctor = {
	.name = "doctor",
	.args = "",
	.summary = "Check the directory, and put in order what a crash has left",
	.example = "  sallyport-pki doctor\n  sallyport-pki doctor --repair",
	.opts = opts,
	.n_opts = sizeof(opts) / sizeof(opts[0]),
	.opts_size = sizeof(struct doctor_opts),
	.run = run,
};
