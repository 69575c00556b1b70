#include "io/program.h"

#include "sys/daemon.h"
#include "tls/tls_ctx.h"

#include <getopt.h>
#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <uv.h>

static void help(const struct program *p)
{
	(void)printf(
		"%s: %s\n\n"
		"usage: %s [--config FILE] [--check]\n\n"
		"  -c, --config FILE  configuration (default: %s)\n"
		"      --check        read and check everything, say what would be done, exit\n"
		"      --settings     print all settings as JSON, one on each line\n"
		"  -h, --help         this text\n"
		"  -V, --version      versions of the program and its libraries\n\n"
		"It stays in the foreground and logs to standard error.\n"
		"exit status: 0 done, 1 failed, 2 wrong usage or configuration\n",
		p->name, p->summary, p->name, p->default_conf);
}

static void version(const struct program *p)
{
	(void)printf("%s %s\n%s, libuv %s, libconfig %s, jansson %s\n", p->name, SALLYPORT_VERSION,
		tls_library_version(), uv_version_string(), conf_library_version(),
		jansson_version_str());
}

enum action {
	ACTION_RUN,
	ACTION_CHECK,
	ACTION_DONE, /* --help, --version, --settings: printed. */
	ACTION_USAGE,
};

static enum action parse(const struct program *p, int argc, char **argv, const char **conf_path)
{
	enum { OPT_CHECK = 256, OPT_SETTINGS };
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, OPT_CHECK },
		{ "settings", no_argument, NULL, OPT_SETTINGS },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	enum action action = ACTION_RUN;
	int o;

	*conf_path = p->default_conf;
	while ((o = getopt_long(argc, argv, "c:hV", options, NULL)) != -1) {
		switch (o) {
		case 'c':
			*conf_path = optarg;
			break;
		case OPT_CHECK:
			action = ACTION_CHECK;
			break;
		case OPT_SETTINGS:
			conf_describe(p->settings, stdout);
			return ACTION_DONE;
		case 'h':
			help(p);
			return ACTION_DONE;
		case 'V':
			version(p);
			return ACTION_DONE;
		default:
			return ACTION_USAGE; /* getopt_long() has said what is wrong. */
		}
	}
	if (optind < argc) {
		(void)fprintf(
			stderr, "%s: '%s' is not an option; see --help\n", p->name, argv[optind]);
		return ACTION_USAGE;
	}
	return action;
}

int program_main(const struct program *p, int argc, char **argv)
{
	struct conf_error err;
	const char *path;

	if (tls_global_init() < 0)
		return PROGRAM_FAILED;
	enum action action = parse(p, argc, argv, &path);
	if (action == ACTION_DONE)
		return PROGRAM_OK;
	if (action == ACTION_USAGE)
		return PROGRAM_USAGE;
	json_object_seed(0); /* Reads the random source once, before threads use it. */
	(void)daemon_harden();
	if (p->load(path, p->conf, &err) < 0) {
		conf_print_error(&err, stderr);
		return PROGRAM_USAGE;
	}
	int r = action == ACTION_CHECK ? p->check(p->conf) : p->run(p->conf);
	p->clear(p->conf);
	return r;
}
