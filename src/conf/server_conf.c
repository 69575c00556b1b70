#include "conf/server_conf.h"

#include <string.h>

#include "base/util.h"
#include "conf/conf_table.h"
#include "net/ctrl.h"

enum {
	MAX_LISTEN = 16,
	MAX_ROUTES = CTRL_MAX_ROUTES - 2, /* WELCOME has room for the two pools beside them. */
};

static const char *const crl_stale_choices[] = { "warn", "deny", NULL };
static const char *const duplicate_choices[] = { "replace", "reject", NULL };
static const char *const log_level_choices[] = { "error", "warn", "info", "debug", NULL };

#define MEMBER(m)      .offset = offsetof(struct server_conf, m)
#define LIST(m, count) MEMBER(m), .count_offset = offsetof(struct server_conf, count)
#define RANGE(a, b)    .min = (a), .max = (b)

/* clang-format off */
static const struct conf_row rows[] = {
	{ .name = "listen", .type = CONF_ENDPOINT_LIST, LIST(listen, n_listen), RANGE(1, MAX_LISTEN),
	  .initial = "[\"*:4433\"]",
	  .help = "Addresses and TCP ports to listen on; \"*\" stands for all addresses of the host." },
	{ .name = "workers", .type = CONF_UINT32, MEMBER(workers), RANGE(1, 64), .initial = "1",
	  .help = "Threads that carry traffic, each with its own queue of the device." },

	{ .name = "network", .type = CONF_STRING, MEMBER(network), RANGE(1, 253), .required = true,
	  .help = "Name of the network, as it stands in every certificate of it." },
	{ .name = "certificate", .type = CONF_PEM, MEMBER(certificate), .required = true,
	  .help = "The server's certificate, followed by its intermediate CAs if there are any." },
	{ .name = "key", .type = CONF_PEM, MEMBER(key), .required = true, .secret = true,
	  .help = "The certificate's private key; its file must be its owner's alone." },
	{ .name = "ca", .type = CONF_PEM, MEMBER(ca), .required = true,
	  .help = "CA certificates that clients' certificates must lead to." },
	{ .name = "crl", .type = CONF_PEM, MEMBER(crl),
	  .help = "Certificate revocation lists of these CAs." },
	{ .name = "crl_stale", .type = CONF_CHOICE_BOOL, MEMBER(crl_stale_deny),
	  .choices = crl_stale_choices, .initial = "\"warn\"",
	  .help = "What a revocation list past its date leads to: a warning, or no connections." },
	{ .name = "crl_grace_days", .type = CONF_UINT32, MEMBER(crl_grace_days), RANGE(0, 3650),
	  .initial = "7",
	  .help = "Days after a revocation list's date before crl_stale = \"deny\" takes effect." },
	{ .name = "require_pq", .type = CONF_BOOL, MEMBER(require_pq), .initial = "false",
	  .help = "Accept post-quantum key exchange (X25519MLKEM768) only." },

	{ .name = "device", .type = CONF_STRING, MEMBER(device), RANGE(1, 15),
	  .initial = "\"sally0\"",
	  .help = "Name of the TUN device; it must not exist yet, \"%d\" in it becomes a number." },
	{ .name = "mtu", .type = CONF_UINT16, MEMBER(mtu), RANGE(1280, 65535), .initial = "1400",
	  .help = "Largest packet in the tunnel, in bytes, on both ends." },
	{ .name = "offload", .type = CONF_BOOL, MEMBER(offload), .initial = "true",
	  .help = "Take large segments from the kernel whole, where it offers that." },
	{ .name = "pool4", .type = CONF_PREFIX, MEMBER(pool4),
	  .help = "IPv4 network of the tunnel, /8 to /30, that clients' addresses come from." },
	{ .name = "pool6", .type = CONF_PREFIX, MEMBER(pool6),
	  .help = "IPv6 network of the tunnel, /64 to /126, that clients' addresses come from." },
	{ .name = "routes", .type = CONF_PREFIX_LIST, LIST(routes, n_routes), RANGE(0, MAX_ROUTES),
	  .initial = "[]",
	  .help = "Networks behind the server that clients are told to reach through the tunnel." },
	{ .name = "dns_servers", .type = CONF_ADDR_LIST, LIST(dns_servers, n_dns_servers),
	  RANGE(0, CTRL_MAX_DNS_SERVERS), .initial = "[]",
	  .help = "Name servers that clients are told to use." },
	{ .name = "dns_domains", .type = CONF_STRING_LIST, LIST(dns_domains, n_dns_domains),
	  RANGE(0, CTRL_MAX_DNS_DOMAINS), .initial = "[]",
	  .help = "Domains that clients are told to look up with these name servers." },

	{ .name = "client_to_client", .type = CONF_BOOL, MEMBER(client_to_client), .initial = "false",
	  .help = "Let packets pass from one client to another." },
	{ .name = "duplicate", .type = CONF_CHOICE_BOOL, MEMBER(duplicate_reject),
	  .choices = duplicate_choices, .initial = "\"replace\"",
	  .help = "Which ends when an identity connects a second time: the old session, or the new." },
	{ .name = "max_clients", .type = CONF_UINT32, MEMBER(max_clients), RANGE(1, 65536),
	  .initial = "1024", .help = "Sessions at one time." },
	{ .name = "max_handshakes", .type = CONF_UINT32, MEMBER(max_handshakes), RANGE(1, 65536),
	  .initial = "1024", .help = "Connections at one time that are not yet a session." },
	{ .name = "address_rate", .type = CONF_UINT32, MEMBER(address_rate), RANGE(0, 65536),
	  .initial = "50",
	  .help = "New connections a second from one IPv4 address or IPv6 /64, and ten times as many at once; 0: any number." },
	{ .name = "handshake_timeout", .type = CONF_UINT32, MEMBER(handshake_timeout_s), RANGE(1, 60),
	  .initial = "10", .help = "Seconds in which a connection must become a session." },
	{ .name = "keepalive", .type = CONF_UINT32, MEMBER(keepalive_s), RANGE(1, 3600),
	  .initial = "15", .help = "Seconds of silence after which either side asks for a sign of life." },
	{ .name = "dead_after", .type = CONF_UINT32, MEMBER(dead_after_s), RANGE(2, 3600),
	  .initial = "45", .help = "Seconds of silence after which either side gives up; more than keepalive." },

	{ .name = "congestion_control", .type = CONF_STRING, MEMBER(congestion_control), RANGE(0, 15),
	  .initial = "\"bbr\"",
	  .help = "TCP congestion control of the connections; \"\" leaves the kernel's." },
	{ .name = "control", .type = CONF_STRING, MEMBER(control), RANGE(1, 107),
	  .initial = "\"/run/sallyport/server.sock\"",
	  .help = "Path of the socket that the sallyport command talks to." },
	{ .name = "log_level", .type = CONF_CHOICE, MEMBER(log_level), .choices = log_level_choices,
	  .initial = "\"info\"", .help = "Least important messages to log." },
};
/* clang-format on */

static int check_listen(const struct server_conf *s, struct conf_checks *c)
{
	struct addr a;

	for (size_t i = 0; i < s->n_listen; i++) {
		const struct endpoint *e = &s->listen[i];
		if (addr_parse(e->host, &a) < 0)
			return conf_refuse(c, "listen",
				"listen: %.80s is a name; give an address of this host, or \"*\"",
				e->host);
		for (size_t j = 0; j < i; j++) {
			if (s->listen[j].port == e->port && strcmp(s->listen[j].host, e->host) == 0)
				return conf_refuse(c, "listen",
					"listen: %.80s port %u is there twice", e->host,
					(unsigned)e->port);
		}
	}
	return 0;
}

struct pool_rule {
	const char *name;
	uint8_t family, min, max; /* Of the prefix length. */
};

static int check_pool(const struct prefix *p, const struct pool_rule *rule, struct conf_checks *c)
{
	if (p->addr.family == 0)
		return 0;
	if (p->addr.family != rule->family)
		return conf_refuse(c, rule->name, "%s must be an IPv%u prefix", rule->name,
			(unsigned)rule->family);
	if (p->len < rule->min || p->len > rule->max)
		return conf_refuse(c, rule->name, "%s must be a /%u to /%u, not a /%u", rule->name,
			(unsigned)rule->min, (unsigned)rule->max, (unsigned)p->len);
	if (!addr_is_tunnelable(&p->addr))
		return conf_refuse(c, rule->name,
			"%s is a range no host can have (multicast, loopback, link-local)",
			rule->name);
	return 0;
}

static int check_pools(const struct server_conf *s, struct conf_checks *c)
{
	const struct pool_rule four = { "pool4", 4, 8, 30 }, six = { "pool6", 6, 64, 126 };

	if (s->pool4.addr.family == 0 && s->pool6.addr.family == 0)
		return conf_refuse(
			c, "pool4", "pool4 or pool6 must be set, like pool4 = \"10.73.0.0/24\"");
	int r = check_pool(&s->pool4, &four, c);
	return r < 0 ? r : check_pool(&s->pool6, &six, c);
}

static int check_routes(const struct server_conf *s, struct conf_checks *c)
{
	char text[PREFIX_STRLEN];

	for (size_t i = 0; i < s->n_routes; i++) {
		const struct prefix *p = &s->routes[i];
		const struct addr none = { .family = p->addr.family };
		/* 0.0.0.0/0 and its halves start with the unspecified address, and are fine. */
		if (!addr_equal(&p->addr, &none) && !addr_is_tunnelable(&p->addr))
			return conf_refuse(c, "routes", "routes: %s cannot go through the tunnel",
				prefix_format(p, text));
		for (size_t j = 0; j < i; j++) {
			if (prefix_equal(p, &s->routes[j]))
				return conf_refuse(c, "routes", "routes: %s is there twice",
					prefix_format(p, text));
		}
	}
	return 0;
}

/* Letters, digits, '-', '_' and single dots between. */
static bool is_domain(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.";

	return name[strspn(name, allowed)] == '\0' && name[0] != '.' && name[0] != '-' &&
	       strstr(name, "..") == NULL;
}

static int check_dns(const struct server_conf *s, struct conf_checks *c)
{
	for (size_t i = 0; i < s->n_dns_domains; i++) {
		if (!is_domain(s->dns_domains[i]))
			return conf_refuse(c, "dns_domains",
				"dns_domains: \"%.80s\" is no domain name", s->dns_domains[i]);
	}
	if (s->n_dns_domains > 0 && s->n_dns_servers == 0)
		return conf_refuse(
			c, "dns_domains", "dns_domains is of no use without dns_servers");
	return 0;
}

static int check(const void *values, struct conf_checks *c)
{
	const struct server_conf *s = values;
	int r;

	if ((r = check_listen(s, c)) < 0 || (r = conf_check_network(c, s->network)) < 0 ||
		(r = conf_check_device(c, s->device)) < 0 ||
		(r = conf_check_control(c, s->control)) < 0 || (r = check_pools(s, c)) < 0 ||
		(r = check_routes(s, c)) < 0 || (r = check_dns(s, c)) < 0)
		return r;
	if (s->dead_after_s <= s->keepalive_s)
		return conf_refuse(c, "dead_after",
			"dead_after (%u) must be more than keepalive (%u)",
			(unsigned)s->dead_after_s, (unsigned)s->keepalive_s);
	return 0;
}

static const struct conf_table table = {
	.rows = rows,
	.n_rows = ARRAY_LEN(rows),
	.size = sizeof(struct server_conf),
	.check = check,
};

int server_conf_load(const char *path, struct server_conf *out, struct conf_error *err)
{
	return conf_load(&table, &(struct conf_source){ .path = path }, out, err);
}

int server_conf_load_string(const char *text, struct server_conf *out, struct conf_error *err)
{
	return conf_load(&table, &(struct conf_source){ .text = text }, out, err);
}

void server_conf_clear(struct server_conf *c)
{
	conf_clear(&table, c);
}

const struct conf_table *server_conf_table(void)
{
	return &table;
}
