#ifndef PKI_REPORT_H
#define PKI_REPORT_H

#include "pki/cli.h"

#include <jansson.h>
#include <stddef.h>

/*
 * Findings of a command that looks for trouble, in the form that cron and Nagios want: the worst decides the exit code,
 * the first line sums up.
 */

enum report_level { REPORT_OK, REPORT_WARNING, REPORT_CRITICAL };

struct report {
	enum report_level worst;
	size_t warnings, criticals;
	json_t *findings; /* Objects with "level", "what" and "text". */
};

/* 0 or -ENOMEM.  report_clear() suits a zeroed struct too. */
int report_init(struct report *r);
void report_clear(struct report *r);

/* Add one: what is concerned ("crl", "client alice") and what is the matter, with what to do about it. */
__attribute__((format(printf, 4, 5))) void report_add(
	struct report *r, enum report_level level, const char *what, const char *fmt, ...);

/* Print it, with all_good where nothing was found; the exit code: CLI_OK, CLI_WARNING or CLI_CRITICAL. */
int report_print(const struct cli *cli, const struct report *r, const char *all_good);

#endif
