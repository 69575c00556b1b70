#include "pki/report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/util.h"
#include "pki/result.h"

enum { TEXT_MAX = 512 };

static const char *const level_names[] = {
	[REPORT_OK] = "ok",
	[REPORT_WARNING] = "warning",
	[REPORT_CRITICAL] = "critical",
};

int report_init(struct report *r)
{
	*r = (struct report){ .findings = json_array() };
	return r->findings == NULL ? -ENOMEM : 0;
}

void report_clear(struct report *r)
{
	json_decref(r->findings);
	r->findings = NULL;
}

void report_add(struct report *r, enum report_level level, const char *what, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->worst = MAX(r->worst, level);
	r->warnings += level == REPORT_WARNING;
	r->criticals += level == REPORT_CRITICAL;
	(void)json_array_append_new(
		r->findings, json_pack("{s:s, s:s, s:s}", "level", level_names[level], "what", what,
				     "text", text));
}

static void print_text(const struct report *r, const char *all_good)
{
	const json_t *f;
	size_t i;

	if (r->worst == REPORT_OK)
		(void)printf("OK: %s\n", all_good);
	else
		(void)printf("%s: %zu critical, %zu to be seen to\n",
			r->worst == REPORT_CRITICAL ? "CRITICAL" : "WARNING", r->criticals,
			r->warnings);
	json_array_foreach(r->findings, i, f)
	{
		(void)printf("%-9s %s: %s\n", json_string_value(json_object_get(f, "level")),
			json_string_value(json_object_get(f, "what")),
			json_string_value(json_object_get(f, "text")));
	}
}

int report_print(const struct cli *cli, const struct report *r, const char *all_good)
{
	static const int codes[] = {
		[REPORT_OK] = CLI_OK,
		[REPORT_WARNING] = CLI_WARNING,
		[REPORT_CRITICAL] = CLI_CRITICAL,
	};

	if (cli->json) {
		int code = result_json(json_pack("{s:s, s:s, s:O}", "status", level_names[r->worst],
			"summary", r->worst == REPORT_OK ? all_good : "", "findings", r->findings));
		if (code != CLI_OK)
			return code;
	} else if (!cli->quiet || r->worst != REPORT_OK) {
		print_text(r, all_good);
	}
	return codes[r->worst];
}
