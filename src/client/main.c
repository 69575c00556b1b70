#include "base/log.h"
#include "client/client.h"
#include "io/program.h"

#include <stdio.h>

static int check(const void *arg)
{
	const struct client_conf *conf = arg;
	struct tls_ctx *tls;
	char why[256], identity[IDENT_URI_MAX + 1], first[ENDPOINT_STRLEN];

	if (client_load_tls(conf, &tls, why) < 0) {
		(void)fprintf(stderr, "sallyport-client: %s\n", why);
		return PROGRAM_USAGE;
	}
	(void)printf("%s would connect to %zu remote%s (first: %s)\n",
		ident_format(tls_ctx_ident(tls), identity), conf->n_remotes,
		conf->n_remotes == 1 ? "" : "s", endpoint_format(&conf->remotes[0], first));
	tls_ctx_put(tls);
	return PROGRAM_OK;
}

static int load(const char *path, void *conf, struct conf_error *err)
{
	struct client_conf *c = conf;
	int r = client_conf_load(path, c, err);

	if (r == 0)
		log_set_level((enum log_level)c->log_level);
	return r;
}

static int run(const void *conf)
{
	return client_run(conf);
}

static void clear(void *conf)
{
	client_conf_clear(conf);
}

int main(int argc, char **argv)
{
	struct client_conf conf;
	const struct program program = {
		.name = "sallyport-client",
		.default_conf = "/etc/sallyport/client.conf",
		.summary = "a client, or a site's gateway, of a mutual-TLS VPN",
		.settings = client_conf_table(),
		.conf = &conf,
		.load = load,
		.check = check,
		.run = run,
		.clear = clear,
	};

	return program_main(&program, argc, argv);
}
