#ifndef CONF_CONF_VALUE_H
#define CONF_CONF_VALUE_H

#include <libconfig.h>

#include "conf/conf_table.h"

/* From libconfig's value to a member of a program's struct, as a row of its table says. */

struct conf_problem {
	const config_setting_t *at; /* The setting or the element of it that is wrong. */
	char text[256];
};

struct conf_reading {
	const char *folder; /* Relative paths start here; "": they stay as they are. */
	struct conf_problem problem;
};

/* Convert s into values, freeing what stood there.  Returns 0, or -EINVAL or -ENOMEM with in->problem set. */
int conf_value_set(struct conf_reading *in, const struct conf_row *row, const config_setting_t *s,
	void *values);

bool conf_value_is_pem(const char *value); /* conf_is_pem() */

/* Free what the row's member holds and zero it. */
void conf_value_clear(const struct conf_row *row, void *values);

#endif
