#include "pki/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "pki/ca.h"
#include "pki/csv.h"
#include "pki/fs.h"
#include "pki/issue.h"
#include "pki/leaf.h"
#include "pki/stamp.h"

/* batch FILE: many certificates from a table.  All rows are checked before the first is issued. */

enum { ROWS_MAX = 100000, ERRORS_MAX = 20, BAR_LEN = 40, VALUES_LEN = 4096 };

struct batch_opts {
	bool skip_existing, again;
};

static const struct opt opts[] = {
	{ "skip-existing", OPT_FLAG, offsetof(struct batch_opts, skip_existing), NULL,
		"pass over rows whose name has a valid certificate", 0, 0 },
	{ "again", OPT_FLAG, offsetof(struct batch_opts, again), NULL,
		"issue for these too: they get one more", 0, 0 },
};

enum column { COL_TYPE, COL_NAME, COL_DNS, COL_IP, COL_EMAIL, COL_DAYS, COL_ALG, COLUMNS };

static const char *const column_names[COLUMNS] = {
	[COL_TYPE] = "type",
	[COL_NAME] = "name",
	[COL_DNS] = "dns",
	[COL_IP] = "ip",
	[COL_EMAIL] = "email",
	[COL_DAYS] = "days",
	[COL_ALG] = "alg",
};

struct row {
	const char *value[COLUMNS]; /* "" where there is none. */
	unsigned line;
	bool skip;
};

struct batch {
	const struct cli *cli;
	const struct batch_opts *o;
	const char *path;
	struct ca *ca;
	struct row *rows;
	size_t n, cap;
	unsigned errors;
};

__attribute__((format(printf, 3, 4))) static void row_error(
	struct batch *b, unsigned line, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (b->errors++ < ERRORS_MAX)
		(void)cli_fail(CLI_USAGE, "%s:%u: %s", b->path, line, text);
}

/* The header says what stands where: map gives the field of a column, -1 when there is none.  The number of fields, or -EINVAL. */
static int read_header(struct batch *b, struct csv *c, int map[static COLUMNS])
{
	char *fields[CSV_FIELDS_MAX];
	int n = csv_next(c, fields);

	for (size_t k = 0; k < COLUMNS; k++)
		map[k] = -1;
	if (n <= 0) {
		(void)cli_fail(CLI_USAGE,
			"%s: a line with the columns' names comes first, such "
			"as name,email,days",
			b->path);
		return -EINVAL;
	}
	for (int i = 0; i < n; i++) {
		size_t k = 0;
		while (k < COLUMNS && strcmp(column_names[k], fields[i]) != 0)
			k++;
		if (k == COLUMNS || map[k] >= 0) {
			(void)cli_fail(CLI_USAGE,
				"%s:%u: column '%.40s' is %s (type, name, dns, ip, email, days, "
				"alg)",
				b->path, c->line, fields[i],
				k == COLUMNS ? "unknown" : "there twice");
			return -EINVAL;
		}
		map[k] = i;
	}
	if (map[COL_NAME] < 0) {
		(void)cli_fail(CLI_USAGE, "%s: there is no column 'name'", b->path);
		return -EINVAL;
	}
	return n;
}

static int add_row(struct batch *b, const struct row *row)
{
	if (b->n == ROWS_MAX)
		return cli_fail(CLI_USAGE, "%s: more than %d rows", b->path, ROWS_MAX);
	if (b->n == b->cap) {
		b->cap = b->cap == 0 ? 256 : 2 * b->cap;
		struct row *more = realloc(b->rows, b->cap * sizeof(*more));
		if (more == NULL)
			return cli_fail(CLI_FAILED, "out of memory");
		b->rows = more;
	}
	b->rows[b->n++] = *row;
	return CLI_OK;
}

static int read_rows(struct batch *b, char *text, size_t len)
{
	char *fields[CSV_FIELDS_MAX];
	int map[COLUMNS], columns, n, r = CLI_OK;
	struct csv c;

	csv_init(&c, text, len);
	columns = read_header(b, &c, map);
	if (columns < 0)
		return CLI_USAGE;
	while (r == CLI_OK && (n = csv_next(&c, fields)) != 0) {
		if (n != columns) {
			row_error(b, c.line, "%s",
				n < 0 ? "a quote out of place, or too many fields"
				      : "not as many fields as the first line has");
			if (n < 0)
				return CLI_USAGE;
			continue;
		}
		struct row row = { .line = c.line };
		for (size_t k = 0; k < COLUMNS; k++)
			row.value[k] = map[k] >= 0 ? fields[map[k]] : "";
		r = add_row(b, &row);
	}
	if (r == CLI_OK && b->n == 0 && b->errors == 0)
		r = cli_fail(CLI_USAGE, "%s: there are no rows", b->path);
	return r;
}

/* Several values in one field stand between spaces or semicolons.  -EINVAL: the first bad one is in bad. */
static int add_values(const char *field, int (*add)(struct san_list *l, const char *value),
	struct san_list *sans, char bad[static 64])
{
	char copy[VALUES_LEN], *save = NULL;

	if (snprintf(copy, sizeof(copy), "%s", field) >= (int)sizeof(copy)) {
		(void)snprintf(bad, 64, "%.60s", field);
		return -EINVAL;
	}
	for (char *v = strtok_r(copy, " ;", &save); v != NULL; v = strtok_r(NULL, " ;", &save)) {
		int r = add(sans, v);
		if (r < 0) {
			(void)snprintf(bad, 64, "%.60s", v);
			return r;
		}
	}
	return 0;
}

static int parse_days(const char *text, int64_t *out)
{
	char *end;

	errno = 0;
	long long n = strtoll(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || n < 1 ||
		n > ISSUE_DAYS_MAX)
		return -EINVAL;
	*out = n;
	return 0;
}

/* What a row asks for; sans is what *out points to.  Says what is wrong with it if say. */
static bool read_row(
	struct batch *b, const struct row *row, struct san_list *sans, struct issue_opts *out)
{
	static int (*const adders[COLUMNS])(struct san_list *, const char *) = {
		[COL_DNS] = san_add_dns,
		[COL_IP] = san_add_ip,
		[COL_EMAIL] = san_add_email,
	};
	const char *type = row->value[COL_TYPE];
	char bad[64];

	sans->n = 0;
	*out = (struct issue_opts){
		.kind = strcmp(type, "server") == 0 ? CERT_SERVER : CERT_CLIENT,
		.name = row->value[COL_NAME],
		.sans = sans,
		.days = ISSUE_LEAF_DAYS,
		.alg = KEY_P256,
	};
	if (type[0] != '\0' && strcmp(type, "server") != 0 && strcmp(type, "client") != 0)
		row_error(b, row->line, "type '%.40s' is neither server nor client", type);
	else if (row->value[COL_DAYS][0] != '\0' &&
		 parse_days(row->value[COL_DAYS], &out->days) < 0)
		row_error(b, row->line, "days '%.40s' is not a number from 1 to %d",
			row->value[COL_DAYS], ISSUE_DAYS_MAX);
	else if (row->value[COL_ALG][0] != '\0' &&
		 key_alg_parse(row->value[COL_ALG], &out->alg) < 0)
		row_error(b, row->line, "alg '%.40s' is not p256, p384, ed25519 or rsa3072",
			row->value[COL_ALG]);
	else {
		for (size_t k = 0; k < COLUMNS; k++) {
			if (adders[k] == NULL ||
				add_values(row->value[k], adders[k], sans, bad) == 0)
				continue;
			row_error(b, row->line, "%s '%s' is not valid, or one too many",
				column_names[k], bad);
			return false;
		}
		return true;
	}
	return false;
}

/* The rest, which says for itself what is wrong. */
static bool check_leaf(struct batch *b, const struct row *row, const struct issue_opts *what)
{
	struct cli silent = *b->cli;

	silent.quiet = true;
	if (!ident_valid_name(what->name)) {
		row_error(b, row->line,
			"'%.80s' is no name: 1 to 64 of A-Z a-z 0-9 . _ @ -, not starting with - "
			"or .",
			what->name);
		return false;
	}
	if (leaf_check(&silent, what) == CLI_OK)
		return true;
	row_error(b, row->line, "see above");
	return false;
}

static int stop_at_first(const struct store_cert *c, void *arg)
{
	(void)c;
	(void)arg;
	return 1;
}

/* Does the name have a valid certificate?  1, 0 or an error. */
static int exists(const struct batch *b, const struct issue_opts *what)
{
	const struct store_filter f = {
		.kind = cert_kind_name(what->kind),
		.name = what->name,
		.not_revoked = true,
		.valid_at = b->cli->now,
	};

	return store_each(b->ca->store, &f, stop_at_first, NULL);
}

static int by_name(const void *a, const void *b)
{
	const struct row *x = *(const struct row *const *)a, *y = *(const struct row *const *)b;
	bool sx = strcmp(x->value[COL_TYPE], "server") == 0;
	bool sy = strcmp(y->value[COL_TYPE], "server") == 0;
	int r = strcmp(x->value[COL_NAME], y->value[COL_NAME]);

	r = r != 0 ? r : (int)sx - (int)sy;
	return r != 0 ? r : x->line < y->line ? -1 : x->line > y->line;
}

static int check_twice(struct batch *b)
{
	struct row **sorted = calloc(b->n + 1, sizeof(struct row *));

	if (sorted == NULL)
		return cli_fail(CLI_FAILED, "out of memory");
	for (size_t i = 0; i < b->n; i++)
		sorted[i] = &b->rows[i];
	qsort((void *)sorted, b->n, sizeof(struct row *), by_name);
	for (size_t i = 1; i < b->n; i++) {
		const struct row *x = sorted[i - 1], *y = sorted[i];
		bool server = strcmp(x->value[COL_TYPE], "server") == 0;
		if (strcmp(x->value[COL_NAME], y->value[COL_NAME]) == 0 &&
			server == (strcmp(y->value[COL_TYPE], "server") == 0))
			row_error(b, y->line, "'%.80s' stands in line %u already",
				y->value[COL_NAME], x->line);
	}
	free((void *)sorted);
	return CLI_OK;
}

static int check(struct batch *b)
{
	struct san_list sans;
	struct issue_opts what;
	int r = check_twice(b);

	for (size_t i = 0; r == CLI_OK && i < b->n; i++) {
		struct row *row = &b->rows[i];
		if (!read_row(b, row, &sans, &what) || !check_leaf(b, row, &what))
			continue;
		int there = b->o->again ? 0 : exists(b, &what);
		if (there < 0)
			return ca_store_failed(b->ca, there);
		row->skip = there > 0;
		if (there > 0 && !b->o->skip_existing)
			row_error(b, row->line,
				"%.80s has a valid certificate already: --skip-existing or --again",
				what.name);
	}
	if (r == CLI_OK && b->errors > 0)
		r = cli_fail(CLI_USAGE, "%u rows are wrong; nothing was issued", b->errors);
	return r;
}

static void progress(const struct batch *b, size_t done)
{
	int filled = (int)(done * BAR_LEN / b->n);

	if (b->cli->quiet || !isatty(STDERR_FILENO))
		return;
	(void)fprintf(stderr, "\r[%.*s%*s] %zu of %zu%s", filled,
		"########################################", BAR_LEN - filled, "", done, b->n,
		done == b->n ? "\n" : "");
}

static void print(
	const struct batch *b, const struct issue_opts *what, const struct issued *done, bool first)
{
	char end[STAMP_LEN];
	const char *type = cert_kind_name(what->kind);

	stamp_format(done->not_after, end);
	if (b->cli->json)
		(void)printf("%s\n  {\"serial\": \"%s\", \"type\": \"%s\", \"name\": \"%s\", "
			     "\"not_after\": \"%s\", \"certificate\": \"%s\", \"key\": \"%s\"}",
			first ? "[" : ",", done->serial.text, type, what->name, end,
			done->cert_path, done->key_path);
	else
		(void)printf("%s  %-8s%-23s %s\n", done->serial.text, type, what->name, end);
}

static int issue_all(struct batch *b, const struct pass *pass)
{
	struct san_list sans;
	struct issue_opts what;
	struct issued done;
	size_t n = 0;
	int r = CLI_OK;

	for (size_t i = 0; r == CLI_OK && i < b->n; i++) {
		if (b->rows[i].skip)
			continue;
		if (!read_row(b, &b->rows[i], &sans, &what) || !check_leaf(b, &b->rows[i], &what))
			return CLI_FAILED;
		what.pass = pass;
		r = issue_cert(b->cli, b->ca, &what, &done);
		if (r == CLI_OK && !b->cli->dry_run)
			print(b, &what, &done, n++ == 0);
		progress(b, i + 1);
	}
	if (b->cli->json)
		(void)printf(n == 0 ? "[]\n" : "\n]\n");
	if (r != CLI_OK)
		return cli_fail((enum cli_exit)r,
			"stopped after %zu of %zu: mend that, and go on with "
			"--skip-existing",
			n, b->n);
	cli_note(b->cli, "%zu issued", n);
	return CLI_OK;
}

static int batch(struct batch *b)
{
	struct pass pass = { .len = 0 };
	bool given = false;
	char *text = NULL;
	size_t len = 0;
	int err = fs_read(AT_FDCWD, b->path, &text, &len), r;

	if (err < 0)
		return cli_fail(err == -ENOENT ? CLI_NOT_FOUND : CLI_FAILED, "cannot read %s: %s",
			b->path, strerror(-err));
	r = read_rows(b, text, len);
	if (r == CLI_OK)
		r = check(b);
	else if (b->errors > 0)
		r = cli_fail(CLI_USAGE, "nothing was issued");
	if (r == CLI_OK)
		r = ca_load_key(b->cli, b->ca, NULL);
	if (r == CLI_OK)
		r = leaf_key_pass(b->cli, LEAF_PASS_IF_SAID, &pass, &given);
	if (r == CLI_OK)
		r = issue_all(b, given ? &pass : NULL);
	pass_wipe(&pass);
	free(text);
	return r;
}

static int run(const struct cli *cli, const void *opts_in, char **args, int n_args)
{
	const struct batch_opts *o = opts_in;
	struct ca ca;
	struct batch b = { .cli = cli, .o = o, .path = args[0], .ca = &ca };
	int r;

	(void)n_args;
	if (o->skip_existing && o->again)
		return cli_fail(CLI_USAGE, "--skip-existing and --again exclude each other");
	r = ca_open(cli, CA_WRITE, &ca);
	if (r == CLI_OK)
		r = batch(&b);
	free(b.rows);
	ca_close(&ca);
	return r;
}

const struct cmd pki_cmd_batch = {
	.name = "batch",
	.args = "FILE.csv",
	.summary = "Issue many certificates from a table, all of it checked first",
	.example = "  printf 'name,email,days\\nalice,alice@example.net,90\\nbob,,\\n' >new.csv\n"
		   "  sallyport-pki batch new.csv",
	.opts = opts,
	.n_opts = sizeof(opts) / sizeof(opts[0]),
	.opts_size = sizeof(struct batch_opts),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
