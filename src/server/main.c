#include "base/log.h"
#include "io/program.h"
#include "server/server.h"

#include <stdio.h>

static int check(const void *arg)
{
	const struct server_conf *conf = arg;
	struct tls_ctx *tls;
	char why[256], identity[IDENT_URI_MAX + 1], first[ENDPOINT_STRLEN];

	if (server_load_tls(conf, &tls, why) < 0) {
		(void)fprintf(stderr, "sallyport-server: %s\n", why);
		return PROGRAM_USAGE;
	}
	(void)printf("%s would listen on %zu address%s (first: %s)\n",
		ident_format(tls_ctx_ident(tls), identity), conf->n_listen,
		conf->n_listen == 1 ? "" : "es", endpoint_format(&conf->listen[0], first));
	(void)printf("%zu revoked certificates are known\n", tls_ctx_revoked_count(tls));
	tls_ctx_put(tls);
	return PROGRAM_OK;
}

static int load(const char *path, void *conf, struct conf_error *err)
{
	struct server_conf *c = conf;
	int r = server_conf_load(path, c, err);

	if (r == 0)
		log_set_level((enum log_level)c->log_level);
	return r;
}

static int run(const void *conf)
{
	return server_run(conf);
}

static void clear(void *conf)
{
	server_conf_clear(conf);
}

int main(int argc, char **argv)
{
	struct server_conf conf;
	const struct program program = {
		.name = "sallyport-server",
		.default_conf = "/etc/sallyport/server.conf",
		.summary = "the gateway of a mutual-TLS VPN",
		.settings = server_conf_table(),
		.conf = &conf,
		.load = load,
		.check = check,
		.run = run,
		.clear = clear,
	};

	return program_main(&program, argc, argv);
}
