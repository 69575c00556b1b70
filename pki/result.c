#include "pki/result.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pki/crl.h"
#include "pki/stamp.h"

int result_json(json_t *object)
{
	int r = object == NULL ? -1 : json_dumpf(object, stdout, JSON_INDENT(2));

	json_decref(object);
	(void)putchar('\n');
	return r < 0 ? cli_fail(CLI_FAILED, "cannot write the result as JSON") : CLI_OK;
}

char *result_path(const struct cli *cli, const char *path)
{
	char *full = NULL;

	return asprintf(&full, "%s/%s", cli->dir, path) < 0 ? NULL : full;
}

static int print_path(const struct cli *cli, const char *what, const char *path)
{
	char *full = result_path(cli, path);

	if (full == NULL)
		return cli_fail(CLI_FAILED, "out of memory");
	(void)printf("%-12s %s\n", what, full);
	free(full);
	return CLI_OK;
}

static void print_time(const char *what, int64_t t)
{
	char text[STAMP_LEN];

	(void)printf("%-12s %s\n", what, stamp_format(t, text));
}

static void set_text(json_t *o, const char *key, const char *value)
{
	(void)json_object_set_new(o, key, value != NULL ? json_string(value) : json_null());
}

static void set_path(const struct cli *cli, json_t *o, const char *key, const char *path)
{
	char *full = result_path(cli, path);

	set_text(o, key, full);
	free(full);
}

static void set_time(json_t *o, const char *key, int64_t t)
{
	char text[STAMP_LEN];

	set_text(o, key, t != 0 ? stamp_format(t, text) : NULL);
}

static json_t *crl_json(const struct cli *cli, const struct store_crl *crl)
{
	json_t *o = json_object();

	set_path(cli, o, "crl", CA_CRL);
	(void)json_object_set_new(o, "number", json_integer(crl->number));
	(void)json_object_set_new(o, "entries", json_integer(crl->entries));
	set_time(o, "this_update", crl->this_update);
	set_time(o, "next_update", crl->next_update);
	return o;
}

int result_ca(const struct cli *cli, const struct ca *ca, const struct store_crl *crl)
{
	if (cli->dry_run)
		return CLI_OK;
	if (cli->json) {
		json_t *o = crl_json(cli, crl);
		set_text(o, "network", ca->network);
		set_text(o, "serial", ca->serial.text);
		set_path(cli, o, "ca", CA_BUNDLE);
		set_time(o, "not_after", ca->cert.not_after);
		return result_json(o);
	}
	(void)printf("%-12s %s\n", "network", ca->network);
	(void)printf("%-12s %s\n", "serial", ca->serial.text);
	print_time("expires", ca->cert.not_after);
	int r = print_path(cli, "ca", CA_BUNDLE);
	return r != CLI_OK ? r : print_path(cli, "crl", CA_CRL);
}

int result_issued(const struct cli *cli, const struct issue_opts *opts, const struct issued *done)
{
	const char *key = done->key_path[0] != '\0' ? done->key_path : NULL;

	if (cli->dry_run)
		return CLI_OK;
	if (cli->json) {
		json_t *o = json_object();
		set_text(o, "serial", done->serial.text);
		set_text(o, "type", cert_kind_name(opts->kind));
		set_text(o, "name", opts->name);
		set_time(o, "not_after", done->not_after);
		set_path(cli, o, "certificate", done->cert_path);
		if (key != NULL)
			set_path(cli, o, "key", key);
		set_path(cli, o, "ca", CA_BUNDLE);
		return result_json(o);
	}
	(void)printf("%-12s %s\n", "serial", done->serial.text);
	print_time("expires", done->not_after);
	int r = print_path(cli, "certificate", done->cert_path);
	if (r == CLI_OK && key != NULL)
		r = print_path(cli, "key", key);
	return r != CLI_OK ? r : print_path(cli, "ca", CA_BUNDLE);
}

int result_crl(const struct cli *cli, const struct store_crl *crl)
{
	if (cli->dry_run)
		return CLI_OK;
	if (cli->json)
		return result_json(crl_json(cli, crl));
	(void)printf("%-12s %lld\n", "number", (long long)crl->number);
	(void)printf("%-12s %lld\n", "entries", (long long)crl->entries);
	print_time("next update", crl->next_update);
	return print_path(cli, "crl", CA_CRL);
}

const char *result_state(const struct store_cert *c, int64_t now)
{
	if (c->revoked_at != 0)
		return "revoked";
	return now > c->not_after ? "expired" : now < c->not_before ? "not yet valid" : "valid";
}

json_t *result_cert_json(const struct cli *cli, const struct store_cert *c)
{
	char path[CA_PATH_LEN];
	json_t *o = json_object();

	set_text(o, "serial", c->serial);
	set_text(o, "issuer", c->issuer);
	set_text(o, "type", c->kind);
	set_text(o, "name", c->name);
	set_text(o, "state", result_state(c, cli->now));
	set_text(o, "names", c->sans);
	set_time(o, "not_before", c->not_before);
	set_time(o, "not_after", c->not_after);
	set_path(cli, o, "certificate", ca_cert_path(c->kind, c->serial, path));
	if (c->has_key)
		set_path(cli, o, "key", ca_key_path(c->kind, c->serial, path));
	if (c->revoked_at != 0) {
		set_time(o, "revoked_at", c->revoked_at);
		set_text(o, "reason", crl_reason_name(c->reason));
		(void)json_object_set_new(o, "in_crl", json_boolean(c->crl_number != 0));
	}
	return o;
}
