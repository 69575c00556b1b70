#include "pki/cmd.h"

#include <stdio.h>

#include "base/util.h"
#include "pki/ca.h"
#include "pki/result.h"
#include "pki/stamp.h"

/* log: the audit trail. */

enum { LAST_MAX = 1000000000, FIELD_MAX = 512 };

struct log_opts {
	const char *serial, *since;
	int64_t last;
};

static const struct opt opts[] = {
	{ "serial", OPT_TEXT, offsetof(struct log_opts, serial), "S",
		"only what concerns the certificate with this serial number", 0, 0 },
	{ "since", OPT_TEXT, offsetof(struct log_opts, since), "TIME",
		"only from this time on, as in 2027-01-31T12:00:00Z", 0, 0 },
	{ "last", OPT_NUMBER, offsetof(struct log_opts, last), "N", "only the last N", 1,
		LAST_MAX },
};

struct printer {
	const struct cli *cli;
	size_t n;
};

static int print_json(const struct store_event *e, void *arg)
{
	struct printer *p = arg;
	char when[STAMP_LEN];
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "time", stamp_format(e->time, when),
		"who", e->who, "action", e->action, "serial", e->serial, "name", e->name, "detail",
		e->detail);
	int r;

	(void)fputs(p->n++ > 0 ? ",\n  " : "\n  ", stdout);
	r = o == NULL ? -1 : json_dumpf(o, stdout, 0);
	json_decref(o);
	return r;
}

static int print_row(const struct store_event *e, void *arg)
{
	struct printer *p = arg;
	char when[STAMP_LEN], who[FIELD_MAX], detail[FIELD_MAX];

	if (p->n++ == 0)
		(void)printf("%-22s%-12s%-24s%-34s%-20s%s\n", "TIME", "ACTION", "NAME", "SERIAL",
			"DETAIL", "WHO");
	text_copy(who, sizeof(who), e->who);
	text_copy(detail, sizeof(detail), e->detail);
	(void)printf("%-22s%-11s %-23s %-33s %-19s %s\n", stamp_format(e->time, when), e->action,
		e->name, e->serial, detail, who);
	return 0;
}

static int print(const struct ca *ca, struct printer *p, const struct store_event_filter *f)
{
	int r;

	if (p->cli->json)
		(void)putchar('[');
	r = store_each_event(ca->store, f, p->cli->json ? print_json : print_row, p);
	if (p->cli->json)
		(void)fputs("\n]\n", stdout);
	return r < 0 ? ca_store_failed(ca, r) : CLI_OK;
}

static int run(const struct cli *cli, const void *opts_in, char **args, int n_args)
{
	const struct log_opts *o = opts_in;
	struct store_event_filter f = { .name = n_args > 0 ? args[0] : NULL, .last = o->last };
	struct printer p = { .cli = cli };
	struct serial serial;
	struct ca ca;
	int r;

	if (o->serial != NULL && serial_parse(o->serial, &serial) < 0)
		return cli_fail(CLI_USAGE, "--serial takes hexadecimal digits");
	if (o->since != NULL && stamp_parse(o->since, &f.since) < 0)
		return cli_fail(CLI_USAGE, "--since takes a time like 2027-01-31T12:00:00Z");
	f.serial = o->serial != NULL ? serial.text : NULL;
	r = ca_open(cli, CA_READ, &ca);
	if (r == CLI_OK)
		r = print(&ca, &p, &f);
	if (r == CLI_OK && p.n == 0 && (f.name != NULL || f.serial != NULL))
		cli_note(cli, "nothing is recorded about %s", f.name != NULL ? f.name : f.serial);
	ca_close(&ca);
	return r;
}

const struct cmd pki_cmd_log = {
	.name = "log",
	.args = "[NAME]",
	.summary = "Show the audit trail: who did what when",
	.example = "  sallyport-pki log alice\n  sallyport-pki log --last 20",
	.opts = opts,
	.n_opts = sizeof(opts) / sizeof(opts[0]),
	.opts_size = sizeof(struct log_opts),
	.max_args = 1,
	.run = run,
};
