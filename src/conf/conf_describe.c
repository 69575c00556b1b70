#include <jansson.h>
#include <stdio.h>

#include "conf/conf.h"
#include "conf/conf_table.h"

static const char *type_name(enum conf_type type)
{
	switch (type) {
	case CONF_BOOL:
		return "boolean";
	case CONF_UINT16:
	case CONF_UINT32:
		return "integer";
	case CONF_STRING:
		return "string";
	case CONF_PEM:
		return "path or PEM";
	case CONF_CHOICE:
	case CONF_CHOICE_BOOL:
		return "choice";
	case CONF_PREFIX:
		return "prefix";
	case CONF_PREFIX_LIST:
		return "list of prefixes";
	case CONF_ADDR_LIST:
		return "list of addresses";
	case CONF_ENDPOINT_LIST:
		return "list of endpoints";
	case CONF_STRING_LIST:
		return "list of strings";
	}
	return "";
}

/* What min and max stand for; NULL where they mean nothing. */
static const char *range_of(enum conf_type type)
{
	switch (type) {
	case CONF_UINT16:
	case CONF_UINT32:
		return "value";
	case CONF_STRING:
		return "bytes";
	case CONF_PREFIX_LIST:
	case CONF_ADDR_LIST:
	case CONF_ENDPOINT_LIST:
	case CONF_STRING_LIST:
		return "elements";
	case CONF_BOOL:
	case CONF_PEM:
	case CONF_CHOICE:
	case CONF_CHOICE_BOOL:
	case CONF_PREFIX:
		break;
	}
	return NULL;
}

static json_t *describe_row(const struct conf_row *row)
{
	const char *range = range_of(row->type);
	json_t *o = json_pack("{s:s, s:s, s:s?, s:b, s:b, s:s}", "name", row->name, "type",
		type_name(row->type), "default", row->initial, "required", row->required,
		"reloadable", row->reloadable, "help", row->help);

	if (range != NULL)
		(void)json_object_set_new(o, "range",
			json_pack("{s:s, s:I, s:I}", "of", range, "min", (json_int_t)row->min,
				"max", (json_int_t)row->max));
	if (row->choices != NULL) {
		json_t *choices = json_array();
		for (size_t i = 0; row->choices[i] != NULL; i++)
			(void)json_array_append_new(choices, json_string(row->choices[i]));
		(void)json_object_set_new(o, "choices", choices);
	}
	return o;
}

void conf_describe(const struct conf_table *t, FILE *out)
{
	(void)fputs("[\n", out);
	for (size_t i = 0; i < t->n_rows; i++) {
		json_t *o = describe_row(&t->rows[i]);
		(void)json_dumpf(o, out, 0);
		(void)fputs(i + 1 < t->n_rows ? ",\n" : "\n", out);
		json_decref(o);
	}
	(void)fputs("]\n", out);
}
