#include "conf/client_conf.h"

#include "base/util.h"
#include "conf/conf_table.h"

enum { MAX_REMOTES = 16, MAX_ACCEPT = 256 };

static const char *const crl_stale_choices[] = { "warn", "deny", NULL };
static const char *const log_level_choices[] = { "error", "warn", "info", "debug", NULL };

#define MEMBER(m)      .offset = offsetof(struct client_conf, m)
#define LIST(m, count) MEMBER(m), .count_offset = offsetof(struct client_conf, count)
#define RANGE(a, b)    .min = (a), .max = (b)

/* clang-format off */
static const struct conf_row rows[] = {
	{ .name = "remote", .type = CONF_ENDPOINT_LIST, LIST(remotes, n_remotes), RANGE(1, MAX_REMOTES),
	  .required = true,
	  .help = "Servers to connect to, tried in order; the port is 4433 unless given." },
	{ .name = "server_name", .type = CONF_STRING, MEMBER(server_name), RANGE(1, 253),
	  .help = "Name or address that the server's certificate must have, if not the remote's host." },

	{ .name = "network", .type = CONF_STRING, MEMBER(network), RANGE(1, 253), .required = true,
	  .help = "Name of the network, as it stands in every certificate of it." },
	{ .name = "certificate", .type = CONF_PEM, MEMBER(certificate), .required = true,
	  .help = "The client's certificate, followed by its intermediate CAs if there are any." },
	{ .name = "key", .type = CONF_PEM, MEMBER(key), .required = true, .secret = true,
	  .help = "The certificate's private key; its file must be its owner's alone." },
	{ .name = "ca", .type = CONF_PEM, MEMBER(ca), .required = true,
	  .help = "CA certificates that the server's certificate must lead to." },
	{ .name = "crl", .type = CONF_PEM, MEMBER(crl),
	  .help = "Certificate revocation lists of these CAs." },
	{ .name = "crl_stale", .type = CONF_CHOICE_BOOL, MEMBER(crl_stale_deny),
	  .choices = crl_stale_choices, .initial = "\"warn\"",
	  .help = "What a revocation list past its date leads to: a warning, or no connection." },
	{ .name = "crl_grace_days", .type = CONF_UINT32, MEMBER(crl_grace_days), RANGE(0, 3650),
	  .initial = "7",
	  .help = "Days after a revocation list's date before crl_stale = \"deny\" takes effect." },
	{ .name = "require_pq", .type = CONF_BOOL, MEMBER(require_pq), .initial = "false",
	  .help = "Offer post-quantum key exchange (X25519MLKEM768) only." },

	{ .name = "device", .type = CONF_STRING, MEMBER(device), RANGE(1, 15),
	  .initial = "\"sally0\"",
	  .help = "Name of the TUN device; it must not exist yet, \"%d\" in it becomes a number." },
	{ .name = "offload", .type = CONF_BOOL, MEMBER(offload), .initial = "true",
	  .help = "Take large segments from the kernel whole, where it offers that." },
	{ .name = "mtu_max", .type = CONF_UINT16, MEMBER(mtu_max), RANGE(1280, 65535),
	  .initial = "65535", .help = "The server's MTU is lowered to this many bytes." },
	{ .name = "accept_routes", .type = CONF_BOOL, MEMBER(accept_routes), .initial = "true",
	  .help = "Set the routes that the server tells." },
	{ .name = "accept", .type = CONF_PREFIX_LIST, LIST(accept, n_accept), RANGE(0, MAX_ACCEPT),
	  .initial = "[]",
	  .help = "Set only routes inside one of these; without any, all but a default route." },
	{ .name = "table", .type = CONF_UINT32, MEMBER(table), RANGE(1, 4294967295),
	  .initial = "8300",
	  .help = "Routing table of its own that the client sets routes in; not 253 to 255." },
	{ .name = "fwmark", .type = CONF_UINT32, MEMBER(fwmark), RANGE(1, 4294967295),
	  .initial = "0x5a17",
	  .help = "Mark of the tunnel's own socket, whose packets pass that table by." },
	{ .name = "rule_priority", .type = CONF_UINT32, MEMBER(rule_priority), RANGE(1, 32765),
	  .initial = "8300", .help = "Priority of the rule that leads to that table." },

	{ .name = "connect_timeout", .type = CONF_UINT32, MEMBER(connect_timeout_s), RANGE(1, 300),
	  .initial = "15", .help = "Seconds in which a connection must be up, TCP and TLS together." },
	{ .name = "retry_min", .type = CONF_UINT32, MEMBER(retry_min_s), RANGE(1, 3600),
	  .initial = "1", .help = "Seconds to wait before the second attempt at most; doubled for each further." },
	{ .name = "retry_max", .type = CONF_UINT32, MEMBER(retry_max_s), RANGE(1, 86400),
	  .initial = "60", .help = "Seconds to wait between two attempts at most; not less than retry_min." },

	{ .name = "congestion_control", .type = CONF_STRING, MEMBER(congestion_control), RANGE(0, 15),
	  .initial = "\"bbr\"",
	  .help = "TCP congestion control of the connection; \"\" leaves the kernel's." },
	{ .name = "control", .type = CONF_STRING, MEMBER(control), RANGE(1, 107),
	  .initial = "\"/run/sallyport/client.sock\"",
	  .help = "Path of the socket that the sallyport command talks to." },
	{ .name = "log_level", .type = CONF_CHOICE, MEMBER(log_level), .choices = log_level_choices,
	  .initial = "\"info\"", .help = "Least important messages to log." },
};
/* clang-format on */

static int check(const void *values, struct conf_checks *c)
{
	const struct client_conf *s = values;
	int r;

	if ((r = conf_check_network(c, s->network)) < 0 ||
		(r = conf_check_device(c, s->device)) < 0 ||
		(r = conf_check_control(c, s->control)) < 0)
		return r;
	if (s->table >= 253 && s->table <= 255)
		return conf_refuse(
			c, "table", "table %u is the system's; choose another", (unsigned)s->table);
	if (s->retry_max_s < s->retry_min_s)
		return conf_refuse(c, "retry_max",
			"retry_max (%u) must not be less than retry_min (%u)",
			(unsigned)s->retry_max_s, (unsigned)s->retry_min_s);
	return 0;
}

static const struct conf_table table = {
	.rows = rows,
	.n_rows = ARRAY_LEN(rows),
	.size = sizeof(struct client_conf),
	.check = check,
};

int client_conf_load(const char *path, struct client_conf *out, struct conf_error *err)
{
	return conf_load(&table, &(struct conf_source){ .path = path }, out, err);
}

int client_conf_load_string(const char *text, struct client_conf *out, struct conf_error *err)
{
	return conf_load(&table, &(struct conf_source){ .text = text }, out, err);
}

void client_conf_clear(struct client_conf *c)
{
	conf_clear(&table, c);
}

const struct conf_table *client_conf_table(void)
{
	return &table;
}
