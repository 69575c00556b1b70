#include "base/log.h"
#include "client/client.h"
#include "io/program.h"
#include "sys/daemon.h"

#include <jansson.h>
#include <stdio.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static int check(const struct client_conf *conf)
{
	struct tls_ctx *tls;
	char why[256], identity[IDENT_URI_MAX + 1], first[ENDPOINT_STRLEN];

	if (client_load_tls(conf, &tls, why) < 0) {
		(void)fprintf(stderr, "sallyport-client: %s\n", why);
		return EXIT_USAGE;
	}
	(void)printf("%s would connect to %zu remote%s (first: %s)\n",
		ident_format(tls_ctx_ident(tls), identity), conf->n_remotes,
		conf->n_remotes == 1 ? "" : "s", endpoint_format(&conf->remotes[0], first));
	tls_ctx_put(tls);
	return EXIT_OK;
}

int main(int argc, char **argv)
{
	const struct program program = {
		.name = "sallyport-client",
		.default_conf = "/etc/sallyport/client.conf",
		.summary = "a client, or a site's gateway, of a mutual-TLS VPN",
		.settings = client_conf_table(),
	};
	struct client_conf conf;
	struct conf_error err;
	const char *path;

	if (tls_global_init() < 0)
		return EXIT_FAILED;
	enum program_action action = program_parse(&program, argc, argv, &path);
	if (action == PROGRAM_DONE)
		return EXIT_OK;
	if (action == PROGRAM_USAGE)
		return EXIT_USAGE;
	json_object_seed(0); /* Reads the random source once, now. */
	(void)daemon_harden();
	if (client_conf_load(path, &conf, &err) < 0) {
		conf_print_error(&err, stderr);
		return EXIT_USAGE;
	}
	log_set_level((enum log_level)conf.log_level);
	int r = action == PROGRAM_CHECK ? check(&conf) : client_run(&conf);
	client_conf_clear(&conf);
	return r;
}
