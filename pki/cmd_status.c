#include "pki/cmd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "pki/ca.h"
#include "pki/crlfile.h"
#include "pki/report.h"
#include "pki/result.h"
#include "pki/stamp.h"

/* status: everything that needs attention.  expiring: what ends soon. */

enum { DAY_S = 86400, DEFAULT_DAYS = 30, CA_DAYS = 90, DAYS_MAX = 36500, CUT_SHORT_S = 60 };

struct status_opts {
	int64_t days, forget;
};

#define DAYS_ROW                                                                                \
	{                                                                                       \
		"days", OPT_NUMBER, offsetof(struct status_opts, days), "N",                    \
			"what ends within so many days is worth a warning (default: 30; a CA: " \
			"90)",                                                                  \
			1, DAYS_MAX                                                             \
	}

static const struct opt opts[] = {
	DAYS_ROW,
	{ "forget", OPT_NUMBER, offsetof(struct status_opts, forget), "N",
		"be silent about certificates that have expired more than N days ago", 1,
		DAYS_MAX },
};

struct check {
	const struct cli *cli;
	const struct status_opts *o;
	struct report report;
	size_t valid;
};

static int64_t days(int64_t seconds)
{
	return seconds / DAY_S;
}

static int64_t window(const struct status_opts *o, const char *kind)
{
	if (o->days != 0)
		return o->days * DAY_S;
	return (int64_t)DAY_S * (strcmp(kind, "ca") == 0 ? CA_DAYS : DEFAULT_DAYS);
}

static int check_cert(const struct store_cert *c, void *arg)
{
	struct check *k = arg;
	int64_t left = c->not_after - k->cli->now;
	char what[320], when[STAMP_LEN];
	const char *remedy = strcmp(c->kind, "ca") == 0 ? "'ca renew' or 'ca rollover'" : "'renew'";

	stamp_format(c->not_after, when);
	(void)snprintf(what, sizeof(what), "%s %s", c->kind, c->name);
	if (left < 0 && k->o->forget != 0 && -left > k->o->forget * DAY_S)
		return 0;
	if (left < 0)
		report_add(&k->report, REPORT_CRITICAL, what,
			"has expired %" PRId64 " days ago (%s), serial %s", days(-left), when,
			c->serial);
	else if (left < window(k->o, c->kind))
		report_add(&k->report, REPORT_WARNING, what,
			"expires in %" PRId64 " days (%s), serial %s: %s", days(left), when,
			c->serial, remedy);
	return 0;
}

static int count(const struct store_cert *c, void *arg)
{
	struct check *k = arg;

	k->valid += strcmp(c->kind, "ca") != 0;
	return 0;
}

static int check_leftover(const struct store_cert *c, void *arg)
{
	struct check *k = arg;

	/* A command may be at it right now. */
	if (k->cli->now - c->created > CUT_SHORT_S)
		report_add(&k->report, REPORT_WARNING, c->serial,
			"a command that was issuing it for %s was cut short: 'doctor --repair'",
			c->name);
	return 0;
}

static int check_crl(struct check *k, const struct ca *ca)
{
	struct store_crl last = { .number = 0 };
	struct crlfile f;
	char when[STAMP_LEN];
	int64_t pending = store_pending(ca->store);
	int r = store_last_crl(ca->store, &last);

	if (pending < 0 || (r < 0 && r != -ENOENT))
		return ca_store_failed(ca, pending < 0 ? (int)pending : r);
	if (pending > 0)
		report_add(&k->report, REPORT_CRITICAL, "crl",
			"%" PRId64 " revoked and not yet in a CRL: 'crl' now", pending);
	r = crlfile_load(ca, NULL, &f);
	if (r < 0) {
		report_add(&k->report, REPORT_CRITICAL, "crl", "%s: 'crl' makes a new one",
			r == -ENOENT    ? "there is none"
			: r == -EBADMSG ? CA_CRL " is not a CRL of this CA"
					: strerror(-r));
		return CLI_OK;
	}
	int64_t left = f.crl.next_update - k->cli->now;
	stamp_format(f.crl.next_update, when);
	if (left < 0)
		report_add(&k->report, REPORT_CRITICAL, "crl",
			"has expired %" PRId64 " days ago (%s): 'crl' now", days(-left), when);
	else if (left < window(k->o, "crl"))
		report_add(&k->report, REPORT_WARNING, "crl",
			"must be renewed within %" PRId64 " days (%s): 'crl'", days(left), when);
	if (f.top < last.number)
		report_add(&k->report, REPORT_CRITICAL, "crl",
			CA_CRL " is number %" PRId64 ", and %" PRId64
			       " has been made since: 'crl' now",
			f.top, last.number);
	else if (f.top > last.number)
		report_add(&k->report, REPORT_WARNING, "crl",
			CA_CRL " is newer than the index: 'doctor --repair'");
	crlfile_free(&f);
	return CLI_OK;
}

static int status(const struct ca *ca, struct check *k)
{
	const struct store_filter ends = {
		.not_revoked = true,
		.not_superseded = true,
		.by_expiry = true,
		.expired_at = k->cli->now + MAX(window(k->o, "ca"), window(k->o, "")),
	};
	const struct store_filter leftovers = { .reserved = true };
	const struct store_filter valid = { .not_revoked = true, .valid_at = k->cli->now };
	char good[200], ca_end[STAMP_LEN], crl_end[STAMP_LEN];
	struct store_crl last = { .number = 0 };
	int r = check_crl(k, ca), err;

	if (r != CLI_OK)
		return r;
	err = store_each(ca->store, &ends, check_cert, k);
	if (err == 0)
		err = store_each(ca->store, &leftovers, check_leftover, k);
	if (err == 0)
		err = store_each(ca->store, &valid, count, k);
	if (err < 0)
		return ca_store_failed(ca, err);
	(void)store_last_crl(ca->store, &last);
	(void)snprintf(good, sizeof(good), "%zu certificates valid, CA until %s, CRL until %s",
		k->valid, stamp_format(ca->cert.not_after, ca_end),
		stamp_format(last.next_update, crl_end));
	return report_print(k->cli, &k->report, good);
}

static int run_status(const struct cli *cli, const void *opts_in, char **args, int n_args)
{
	struct check k = { .cli = cli, .o = opts_in };
	struct ca ca;
	int r;

	(void)args;
	(void)n_args;
	if (report_init(&k.report) < 0)
		return cli_fail(CLI_FAILED, "out of memory");
	r = ca_open(cli, CA_READ, &ca);
	if (r == CLI_OK)
		r = status(&ca, &k);
	ca_close(&ca);
	report_clear(&k.report);
	return r;
}

struct listing {
	const struct cli *cli;
	const struct status_opts *o;
	json_t *rows;
	size_t n, expired;
};

/* A row of the table, or an object of the array. */
static void add_row(struct listing *l, json_t *object, const char *kind, const char *name,
	int64_t end, const char *serial)
{
	char when[STAMP_LEN];
	int64_t left = end - l->cli->now;

	l->expired += left < 0;
	if (l->n++ == 0 && !l->cli->json)
		(void)printf("%-6s%-8s%-24s%-22s%s\n", "DAYS", "TYPE", "NAME", "EXPIRES", "SERIAL");
	if (l->cli->json)
		(void)json_array_append_new(l->rows, object);
	else
		(void)printf("%-5" PRId64 " %-8s%-23s %-22s%s\n",
			left < 0 ? -days(-left) : days(left), kind, name, stamp_format(end, when),
			serial);
}

static int list_cert(const struct store_cert *c, void *arg)
{
	struct listing *l = arg;
	int64_t left = c->not_after - l->cli->now;

	if (left < 0 && l->o->forget != 0 && -left > l->o->forget * DAY_S)
		return 0;
	add_row(l, l->cli->json ? result_cert_json(l->cli, c) : NULL, c->kind, c->name,
		c->not_after, c->serial);
	return 0;
}

static int expiring(const struct ca *ca, struct listing *l)
{
	const int64_t horizon = l->cli->now + window(l->o, "");
	const struct store_filter f = {
		.not_revoked = true,
		.not_superseded = true,
		.by_expiry = true,
		.expired_at = horizon,
	};
	struct store_crl last;
	char number[24], when[STAMP_LEN];
	int r = store_last_crl(ca->store, &last);

	if (r == 0 && last.next_update < horizon) {
		(void)snprintf(number, sizeof(number), "%" PRId64, last.number);
		add_row(l,
			l->cli->json ? json_pack("{s:s, s:s, s:s, s:s}", "type", "crl", "name",
					       "crl", "serial", number, "not_after",
					       stamp_format(last.next_update, when))
				     : NULL,
			"crl", "crl", last.next_update, number);
	}
	r = store_each(ca->store, &f, list_cert, l);
	if (r < 0)
		return ca_store_failed(ca, r);
	if (l->cli->json) {
		r = result_json(json_incref(l->rows));
		if (r != CLI_OK)
			return r;
	}
	return l->expired > 0 ? CLI_CRITICAL : l->n > 0 ? CLI_WARNING : CLI_OK;
}

static int run_expiring(const struct cli *cli, const void *opts_in, char **args, int n_args)
{
	struct listing l = { .cli = cli, .o = opts_in, .rows = json_array() };
	struct ca ca;
	int r = ca_open(cli, CA_READ, &ca);

	(void)args;
	(void)n_args;
	if (r == CLI_OK)
		r = expiring(&ca, &l);
	ca_close(&ca);
	json_decref(l.rows);
	return r;
}

const struct cmd pki_cmd_status = {
	.name = "status",
	.args = "",
	.summary = "Tell everything that needs attention; for cron and Nagios",
	.example = "  sallyport-pki status --quiet || mail -s 'VPN certificates' root",
	.opts = opts,
	.n_opts = sizeof(opts) / sizeof(opts[0]),
	.opts_size = sizeof(struct status_opts),
	.run = run_status,
};

const struct cmd pki_cmd_expiring = {
	.name = "expiring",
	.args = "",
	.summary = "List what expires soon or has expired, CA and CRL included",
	.example = "  sallyport-pki expiring --days 60",
	.opts = opts,
	.n_opts = sizeof(opts) / sizeof(opts[0]),
	.opts_size = sizeof(struct status_opts),
	.run = run_expiring,
};
