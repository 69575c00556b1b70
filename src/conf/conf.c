#include "conf/conf.h"

#include <errno.h>
#include <libconfig.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "conf/conf_table.h"
#include "conf/conf_value.h"

enum {
	MAX_FILE = 1 << 24, /* Bytes; a profile with keys and CRLs has some thousands. */
	MAX_NAME = 64,      /* Bytes of a name that the nearest one is looked for. */
	MAX_DISTANCE = 2,   /* Edits between a name and the one suggested for it. */
};

struct conf_checks {
	const config_t *config;
	const struct conf_source *src;
	const char *folder; /* The source's, with its slash; "" when it has none. */
	struct conf_error *err;
};

#define TEXT_OF_(x) #x
#define TEXT_OF(x)  TEXT_OF_(x)

/* The library cannot be asked; its interface changes with its soname, so the header's is the one in use. */
const char *conf_library_version(void)
{
	return TEXT_OF(LIBCONFIG_VER_MAJOR) "." TEXT_OF(LIBCONFIG_VER_MINOR) "." TEXT_OF(
		LIBCONFIG_VER_REVISION);
}

void conf_print_error(const struct conf_error *err, FILE *out)
{
	if (err->file[0] != '\0')
		(void)fprintf(out, "%s:", err->file);
	if (err->line > 0)
		(void)fprintf(out, "%d:", err->line);
	(void)fprintf(out, "%s%s\n", err->file[0] != '\0' || err->line > 0 ? " " : "", err->text);
}

bool conf_is_pem(const char *value)
{
	return conf_value_is_pem(value);
}

/*
 * The file that at stands in.  libconfig names an included file as the @include does, so that the name may have
 * to be looked up beside the file that includes it.
 */
static void source_file(const struct conf_checks *c, const char *named, char *out, size_t cap)
{
	const char *top = c->src->path != NULL ? c->src->path : "";

	(void)snprintf(out, cap, "%s%s", c->folder, named != NULL ? named : "");
	if (named == NULL || named[0] == '/' || access(out, F_OK) != 0)
		(void)snprintf(out, cap, "%s", named != NULL ? named : top);
}

__attribute__((format(printf, 3, 0))) static int refuse_va(
	struct conf_checks *c, const config_setting_t *at, const char *fmt, va_list ap)
{
	struct conf_error *err = c->err;
	char text[sizeof(err->text)], file[PATH_MAX];

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	source_file(c, at != NULL ? config_setting_source_file(at) : NULL, file, sizeof(file));
	text_copy(err->text, sizeof(err->text), text);
	text_copy(err->file, sizeof(err->file), file);
	err->line = at != NULL ? (int)config_setting_source_line(at) : 0;
	return -EINVAL;
}

__attribute__((format(printf, 3, 4))) static int refuse_at(
	struct conf_checks *c, const config_setting_t *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int r = refuse_va(c, at, fmt, ap);
	va_end(ap);
	return r;
}

int conf_refuse(struct conf_checks *c, const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int r = refuse_va(c, config_lookup(c->config, name), fmt, ap);
	va_end(ap);
	return r;
}

/* Levenshtein's distance of two names of less than MAX_NAME bytes. */
static size_t distance(const char *a, const char *b)
{
	size_t row[MAX_NAME];
	const size_t len = strlen(b);

	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 0; a[i] != '\0'; i++) {
		size_t diagonal = row[0];
		row[0] = i + 1;
		for (size_t j = 0; j < len; j++) {
			const size_t change = diagonal + (a[i] != b[j]);
			diagonal = row[j + 1];
			row[j + 1] = MIN(change, MIN(row[j], diagonal) + 1);
		}
	}
	return row[len];
}

static const char *nearest(const struct conf_table *t, const char *name)
{
	size_t best = MAX_DISTANCE + 1;
	const char *found = NULL;

	for (size_t i = 0; i < t->n_rows && strlen(name) < MAX_NAME; i++) {
		const size_t d = distance(name, t->rows[i].name);
		if (d < best && d < strlen(name)) {
			best = d;
			found = t->rows[i].name;
		}
	}
	return found;
}

static const struct conf_row *find_row(const struct conf_table *t, const char *name)
{
	for (size_t i = 0; i < t->n_rows; i++) {
		if (strcmp(t->rows[i].name, name) == 0)
			return &t->rows[i];
	}
	return NULL;
}

static int refuse_name(const struct conf_table *t, struct conf_checks *c, const config_setting_t *s,
	const char *name)
{
	const char *near = nearest(t, name);

	if (near != NULL)
		return refuse_at(c, s, "unknown setting %s; did you mean %s?", name, near);
	return refuse_at(c, s, "unknown setting %.64s; the manual lists all there are", name);
}

/* A file that holds a private key must be its owner's alone. */
static int check_mode(struct conf_checks *c, const config_setting_t *s, const char *name)
{
	char file[PATH_MAX];
	struct stat st;

	source_file(c, config_setting_source_file(s), file, sizeof(file));
	if (file[0] == '\0')
		return 0;
	if (stat(file, &st) != 0)
		return refuse_at(c, s, "%s is written out here, and the file's mode is unknown: %s",
			name, strerror(errno));
	if ((st.st_mode & 077) == 0)
		return 0;
	return refuse_at(c, s,
		"%s is written out here, but others may use the file (mode %04o); run: chmod 600 "
		"%.120s",
		name, (unsigned)(st.st_mode & 07777), file);
}

/* Take every setting of config into values. */
static int take_all(
	const struct conf_table *t, struct conf_checks *c, const config_t *config, void *values)
{
	struct conf_reading in = { .folder = c->folder };
	const config_setting_t *root = config_root_setting(config);
	const int n = config_setting_length(root);

	for (int i = 0; i < n; i++) {
		const config_setting_t *s = config_setting_get_elem(root, (unsigned)i);
		const char *name = config_setting_name(s);
		const struct conf_row *row = find_row(t, name);
		if (row == NULL)
			return refuse_name(t, c, s, name);
		int r = conf_value_set(&in, row, s, values);
		if (r < 0) {
			(void)refuse_at(c, in.problem.at, "%s", in.problem.text);
			return r;
		}
		const char *text = row->secret ? config_setting_get_string(s) : NULL;
		if (text != NULL && conf_is_pem(text) && (r = check_mode(c, s, row->name)) < 0)
			return r;
	}
	return 0;
}

/* The defaults are written as a file would have them, and read in the same way. */
static int take_defaults(const struct conf_table *t, struct conf_checks *c, void *values)
{
	config_t config;
	int r = 0;

	for (size_t i = 0; i < t->n_rows && r == 0; i++) {
		char text[256];
		if (t->rows[i].initial == NULL)
			continue;
		(void)snprintf(text, sizeof(text), "%s = %s;", t->rows[i].name, t->rows[i].initial);
		config_init(&config);
		r = config_read_string(&config, text) == CONFIG_TRUE
			    ? take_all(t, c, &config, values)
			    : refuse_at(c, NULL, "default of %s: %s", t->rows[i].name,
				      config_error_text(&config));
		config_destroy(&config);
	}
	return r;
}

/* Open the file.  Anything but a file makes libconfig's scanner end the program. */
static FILE *open_file(struct conf_checks *c, int *error)
{
	struct stat st;
	FILE *f = fopen(c->src->path, "re");

	*error = 0;
	if (f == NULL || fstat(fileno(f), &st) != 0) {
		*error = -errno;
		(void)refuse_at(c, NULL, "%s", strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		*error = refuse_at(c, NULL, "is not a regular file");
	} else if (st.st_size > MAX_FILE) {
		*error = refuse_at(c, NULL, "is larger than %d bytes", MAX_FILE);
	}
	if (*error == 0)
		return f;
	if (f != NULL)
		(void)fclose(f);
	return NULL;
}

/* Parse the source into config. */
static int parse(struct conf_checks *c, config_t *config)
{
	int ok, r;

	if (c->src->path == NULL) {
		ok = config_read_string(config, c->src->text);
	} else {
		FILE *f = open_file(c, &r);
		if (f == NULL)
			return r;
		config_set_include_dir(config, c->folder[0] != '\0' ? c->folder : ".");
		ok = config_read(config, f);
		(void)fclose(f);
	}
	if (ok == CONFIG_TRUE)
		return 0;
	(void)refuse_at(c, NULL, "%s", config_error_text(config));
	char file[PATH_MAX];
	source_file(c, config_error_file(config), file, sizeof(file));
	text_copy(c->err->file, sizeof(c->err->file), file);
	c->err->line = config_error_line(config);
	return -EINVAL;
}

static int check_required(const struct conf_table *t, struct conf_checks *c)
{
	for (size_t i = 0; i < t->n_rows; i++) {
		const struct conf_row *row = &t->rows[i];
		if (row->required && config_lookup(c->config, row->name) == NULL)
			return refuse_at(c, NULL, "%s is missing: %s", row->name, row->help);
	}
	return 0;
}

int conf_load(const struct conf_table *t, const struct conf_source *src, void *values,
	struct conf_error *err)
{
	const char *slash = src->path != NULL ? strrchr(src->path, '/') : NULL;
	char *folder = strndup(src->path != NULL ? src->path : "",
		slash != NULL ? (size_t)(slash - src->path) + 1 : 0);
	void *taken = calloc(1, t->size);
	config_t config;
	struct conf_checks c = { &config, src, folder != NULL ? folder : "", err };
	int r;

	config_init(&config);
	*err = (struct conf_error){ 0 };
	if (taken == NULL || folder == NULL) {
		r = -ENOMEM;
		(void)refuse_at(&c, NULL, "out of memory");
		goto fail;
	}
	if ((r = take_defaults(t, &c, taken)) < 0)
		goto fail;
	if ((r = parse(&c, &config)) < 0)
		goto fail;
	if ((r = take_all(t, &c, &config, taken)) < 0)
		goto fail;
	if ((r = check_required(t, &c)) < 0 || (r = t->check(taken, &c)) < 0)
		goto fail;
	memcpy(values, taken, t->size);
	memset(taken, 0, t->size);
fail:
	if (taken != NULL)
		conf_clear(t, taken);
	config_destroy(&config);
	free(taken);
	free(folder);
	return r;
}

void conf_clear(const struct conf_table *t, void *values)
{
	for (size_t i = 0; i < t->n_rows; i++)
		conf_value_clear(&t->rows[i], values);
	memset(values, 0, t->size);
}
