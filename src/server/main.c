#include "base/log.h"
#include "io/program.h"
#include "server/server.h"
#include "sys/daemon.h"

#include <jansson.h>
#include <stdio.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static int check(const struct server_conf *conf)
{
	struct tls_ctx *tls;
	char why[256], identity[IDENT_URI_MAX + 1], first[ENDPOINT_STRLEN];

	if (server_load_tls(conf, &tls, why) < 0) {
		(void)fprintf(stderr, "sallyport-server: %s\n", why);
		return EXIT_USAGE;
	}
	(void)printf("%s would listen on %zu address%s (first: %s)\n",
		ident_format(tls_ctx_ident(tls), identity), conf->n_listen,
		conf->n_listen == 1 ? "" : "es", endpoint_format(&conf->listen[0], first));
	(void)printf("%zu revoked certificates are known\n", tls_ctx_revoked_count(tls));
	tls_ctx_put(tls);
	return EXIT_OK;
}

int main(int argc, char **argv)
{
	const struct program program = {
		.name = "sallyport-server",
		.default_conf = "/etc/sallyport/server.conf",
		.summary = "the gateway of a mutual-TLS VPN",
		.settings = server_conf_table(),
	};
	struct server_conf conf;
	struct conf_error err;
	const char *path;

	if (tls_global_init() < 0)
		return EXIT_FAILED;
	enum program_action action = program_parse(&program, argc, argv, &path);
	if (action == PROGRAM_DONE)
		return EXIT_OK;
	if (action == PROGRAM_USAGE)
		return EXIT_USAGE;
	json_object_seed(0); /* Before threads use it. */
	(void)daemon_harden();
	if (server_conf_load(path, &conf, &err) < 0) {
		conf_print_error(&err, stderr);
		return EXIT_USAGE;
	}
	log_set_level((enum log_level)conf.log_level);
	int r = action == PROGRAM_CHECK ? check(&conf) : server_run(&conf);
	server_conf_clear(&conf);
	return r;
}
