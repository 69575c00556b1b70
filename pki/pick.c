#include "pki/pick.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct found {
	struct picked *list;
	size_t n;
};

static int keep(const struct store_cert *c, void *arg)
{
	struct found *f = arg;

	if (f->n == PICK_MAX)
		return -EOVERFLOW;
	struct picked *p = &f->list[f->n++];
	p->c = *c;
	(void)snprintf(p->serial, sizeof(p->serial), "%s", c->serial);
	(void)snprintf(p->issuer, sizeof(p->issuer), "%s", c->issuer);
	(void)snprintf(p->kind, sizeof(p->kind), "%s", c->kind);
	(void)snprintf(p->name, sizeof(p->name), "%s", c->name);
	p->c.serial = p->serial;
	p->c.issuer = p->issuer;
	p->c.kind = p->kind;
	p->c.name = p->name;
	p->c.state = "issued";
	p->c.sans = "";
	return 0;
}

/* Move what is wanted to the front; returns how many. */
static size_t choose(struct found *f, enum pick_which which, int64_t now)
{
	size_t kept = 0;

	if (which == PICK_NEWEST) {
		size_t best = 0;
		for (size_t i = f->n; i-- > 0;) {
			const struct store_cert *c = &f->list[i].c;
			if (c->revoked_at == 0 && now <= c->not_after)
				best = i; /* Newest first: the last one seen is the newest. */
		}
		if (best != 0)
			f->list[0] = f->list[best];
		return f->n > 0 ? 1 : 0;
	}
	for (size_t i = 0; i < f->n; i++) {
		const struct store_cert *c = &f->list[i].c;
		bool live = c->revoked_at == 0 && which != PICK_HELD;
		bool held = c->revoked_at != 0 && c->reason == CRL_HOLD && which != PICK_LIVE;
		if ((live || held) && now <= c->not_after)
			f->list[kept++] = f->list[i];
	}
	return kept;
}

static void mend_texts(struct found *f)
{
	for (size_t i = 0; i < f->n; i++) {
		struct picked *p = &f->list[i];
		p->c.serial = p->serial;
		p->c.issuer = p->issuer;
		p->c.kind = p->kind;
		p->c.name = p->name;
	}
}

static bool shared(const struct found *f)
{
	for (size_t i = 1; i < f->n; i++) {
		if (strcmp(f->list[i].kind, f->list[0].kind) != 0)
			return true;
	}
	return false;
}

static int make_filter(const struct pick_opts *opts, struct serial *serial, struct store_filter *f)
{
	if ((opts->name == NULL) == (opts->serial == NULL))
		return cli_fail(CLI_USAGE, "give a NAME or --serial, one of the two");
	if (opts->serial != NULL && serial_parse(opts->serial, serial) < 0)
		return cli_fail(CLI_USAGE, "--serial takes hexadecimal digits");
	if (opts->type != NULL && strcmp(opts->type, "server") != 0 &&
		strcmp(opts->type, "client") != 0 && strcmp(opts->type, "ca") != 0)
		return cli_fail(CLI_USAGE, "--type takes server, client or ca");
	*f = (struct store_filter){
		.serial = opts->serial != NULL ? serial->text : NULL,
		.name = opts->name,
		.kind = opts->type,
		.newest_first = true,
	};
	return CLI_OK;
}

int pick_certs(const struct cli *cli, const struct ca *ca, const struct pick_opts *opts,
	enum pick_which which, struct picked **out, size_t *n)
{
	struct found f = { .list = NULL };
	struct store_filter filter;
	struct serial serial;
	int r = make_filter(opts, &serial, &filter);

	if (r != CLI_OK)
		return r;
	f.list = calloc(PICK_MAX, sizeof(*f.list));
	if (f.list == NULL)
		return cli_fail(CLI_FAILED, "out of memory");
	r = store_each(ca->store, &filter, keep, &f);
	if (r == -EOVERFLOW)
		r = cli_fail(CLI_FAILED, "more than %d certificates of that name: use --serial",
			PICK_MAX);
	else if (r < 0)
		r = ca_store_failed(ca, r);
	else if (f.n == 0)
		r = cli_fail(CLI_NOT_FOUND, "no certificate with %s %.80s",
			opts->name != NULL ? "name" : "serial number",
			opts->name != NULL ? opts->name : opts->serial);
	else if (shared(&f))
		r = cli_fail(CLI_USAGE, "a server and a client are called %.80s: use --type",
			opts->name);
	if (r == CLI_OK) {
		f.n = choose(&f, which, cli->now);
		mend_texts(&f);
		if (f.n == 0)
			r = cli_fail(CLI_NOT_FOUND, "%.80s has no certificate that is %s",
				opts->name != NULL ? opts->name : opts->serial,
				which == PICK_HELD ? "on hold" : "still valid");
	}
	if (r != CLI_OK) {
		free(f.list);
		return r;
	}
	*out = f.list;
	*n = f.n;
	return CLI_OK;
}
