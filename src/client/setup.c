#include "client/client.h"

#include "base/log.h"
#include "base/util.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	TXQUEUELEN = 500,
	/* Without an `accept` list, shorter prefixes are not taken: a server must not draw in half the Internet. */
	SHORTEST_V4 = 8,
	SHORTEST_V6 = 16,
};

int setup_open(struct setup *s, const struct client_conf *conf, char why[static 256])
{
	struct tun_opts opts = { .name = conf->device, .queues = 1, .offload = conf->offload };

	*s = (struct setup){ .conf = conf };
	int r = netif_open(&s->netif);
	if (r < 0) {
		(void)snprintf(why, 256, "rtnetlink: %s", strerror(-r));
		return r;
	}
	r = tun_open(&opts, &s->tun, why);
	if (r < 0)
		return r;
	s->tun_open = true;
	r = netif_sweep(s->netif, conf->table);
	if (r < 0)
		(void)snprintf(why, 256, "routing table %u cannot be cleared: %s", conf->table,
			strerror(-r));
	return r;
}

void setup_close(struct setup *s)
{
	if (s->tun_open) {
		(void)netif_sweep(s->netif, s->conf->table);
		tun_close(&s->tun);
	}
	s->tun_open = false;
	netif_close(s->netif);
	s->netif = NULL;
}

static bool accepted(const struct client_conf *conf, const struct prefix *p)
{
	for (size_t i = 0; i < conf->n_accept; i++)
		if (prefix_contains(&conf->accept[i], &p->addr) && conf->accept[i].len <= p->len)
			return true;
	return conf->n_accept == 0 && p->len >= (p->addr.family == 4 ? SHORTEST_V4 : SHORTEST_V6);
}

/* What is taken of a WELCOME. */
struct plan {
	struct prefix addresses[CTRL_MAX_ADDRS];
	size_t n_addresses;
	struct prefix routes[SETUP_MAX_ROUTES];
	size_t n_routes;
	uint16_t mtu;
};

static void plan_route(const struct setup *s, struct plan *plan, const struct prefix *p)
{
	char text[PREFIX_STRLEN];

	if (!accepted(s->conf, p)) {
		log_warn("the server's route %s is not taken: 'accept' does not allow it",
			prefix_format(p, text));
		return;
	}
	for (size_t i = 0; i < plan->n_routes; i++)
		if (prefix_equal(&plan->routes[i], p))
			return;
	plan->routes[plan->n_routes++] = *p;
}

static int make_plan(const struct setup *s, const struct ctrl_welcome *w, struct plan *plan,
	char why[static 256])
{
	char text[PREFIX_STRLEN];

	*plan = (struct plan){ .mtu = MIN(w->mtu, s->conf->mtu_max) };
	for (size_t i = 0; i < w->n_addresses; i++) {
		const struct prefix *a = &w->addresses[i];
		if (!addr_is_tunnelable(&a->addr)) {
			(void)snprintf(why, 256,
				"the server has given an address that cannot be: %s",
				prefix_format(a, text));
			return -EINVAL;
		}
		plan->addresses[plan->n_addresses++] = prefix_host(&a->addr);
		struct prefix net = prefix_of(&a->addr, a->len);
		plan_route(s, plan, &net);
	}
	for (size_t i = 0; i < w->n_routes && s->conf->accept_routes; i++)
		plan_route(s, plan, &w->routes[i]);
	return 0;
}

static bool listed(const struct prefix *list, size_t n, const struct prefix *p)
{
	for (size_t i = 0; i < n; i++)
		if (prefix_equal(&list[i], p))
			return true;
	return false;
}

static struct addr source_for(const struct plan *plan, uint8_t family)
{
	for (size_t i = 0; i < plan->n_addresses; i++)
		if (plan->addresses[i].addr.family == family)
			return plan->addresses[i].addr;
	return (struct addr){ 0 };
}

static struct netif_route route_of(
	const struct setup *s, const struct plan *plan, const struct prefix *p)
{
	return (struct netif_route){
		.dst = *p,
		.ifindex = s->tun.ifindex,
		.table = s->conf->table,
		.source = source_for(plan, p->addr.family),
	};
}

/* What was there and is no longer told goes first. */
static void remove_old(struct setup *s, const struct plan *plan)
{
	for (size_t i = 0; i < s->n_routes; i++) {
		struct netif_route r = route_of(s, plan, &s->routes[i]);
		if (!listed(plan->routes, plan->n_routes, &s->routes[i]))
			(void)netif_del_route(s->netif, &r);
	}
	for (size_t i = 0; i < s->n_addresses; i++)
		if (!listed(plan->addresses, plan->n_addresses, &s->addresses[i]))
			(void)netif_del_address(s->netif, s->tun.ifindex, &s->addresses[i]);
}

static int fail(char why[static 256], const char *what, const struct prefix *p, int err)
{
	char text[PREFIX_STRLEN];

	(void)snprintf(why, 256, "%s %s: %s", what, prefix_format(p, text), strerror(-err));
	return err;
}

/* Is one of our inside addresses in use on this host already, on another device? */
static int check_address(struct setup *s, const struct prefix *a, char why[static 256])
{
	char text[PREFIX_STRLEN];

	if (listed(s->addresses, s->n_addresses, a) || netif_has_address(s->netif, &a->addr) != 1)
		return 0;
	(void)snprintf(why, 256, "this host has the address %s already, on another device",
		prefix_format(a, text));
	return -EADDRINUSE;
}

static int add_new(struct setup *s, const struct plan *plan, char why[static 256])
{
	struct netif_rule rule = {
		.priority = s->conf->rule_priority,
		.table = s->conf->table,
		.fwmark = s->conf->fwmark,
	};
	char ifname[16];

	int r = netif_set_up(s->netif, s->tun.ifindex, plan->mtu, TXQUEUELEN);
	if (r < 0) {
		(void)snprintf(why, 256, "device %s: %s", s->tun.name, strerror(-r));
		return r;
	}
	for (size_t i = 0; i < plan->n_addresses; i++) {
		r = check_address(s, &plan->addresses[i], why);
		if (r < 0)
			return r;
		r = netif_add_address(s->netif, s->tun.ifindex, &plan->addresses[i]);
		if (r < 0)
			return fail(why, "address", &plan->addresses[i], r);
	}
	for (size_t i = 0; i < plan->n_routes; i++) {
		struct netif_route route = route_of(s, plan, &plan->routes[i]);
		if (source_for(plan, plan->routes[i].addr.family).family == 0)
			continue; /* No address of that family: nothing could use the route. */
		if (netif_overlap(s->netif, s->tun.ifindex, &plan->routes[i], ifname) == 1)
			log_warn("a network of the server overlaps with that of %s; the server's "
				 "wins",
				ifname);
		r = netif_add_route(s->netif, &route);
		if (r < 0)
			return fail(why, "route", &plan->routes[i], r);
	}
	r = netif_add_rules(s->netif, &rule);
	if (r < 0)
		(void)snprintf(why, 256, "routing rule for table %u: %s", rule.table, strerror(-r));
	return r;
}

/* The routing table of the data path: what comes from the server must have a source in there. */
static int fill_dataplane(
	const struct setup *s, const struct plan *plan, struct dataplane *dp, uint64_t handle)
{
	int r = 0;

	for (size_t i = 0; i < s->n_addresses; i++)
		(void)route_remove(dp->routes, &s->addresses[i]);
	for (size_t i = 0; i < s->n_routes; i++)
		(void)route_remove(dp->routes, &s->routes[i]);
	for (size_t i = 0; i < plan->n_routes && r == 0; i++)
		r = route_set(dp->routes, &plan->routes[i], handle);
	for (size_t i = 0; i < plan->n_addresses && r == 0; i++)
		r = route_set(dp->routes, &plan->addresses[i], DATAPLANE_LOCAL);
	dataplane_set_mtu(dp, plan->mtu);
	return r;
}

int setup_apply(struct setup *s, const struct ctrl_welcome *w, struct dataplane *dp,
	uint64_t handle, char why[static 256])
{
	struct plan plan;

	int r = make_plan(s, w, &plan, why);
	if (r < 0)
		return r;
	remove_old(s, &plan);
	r = add_new(s, &plan, why);
	if (r < 0)
		return r;
	r = fill_dataplane(s, &plan, dp, handle);
	if (r < 0) {
		(void)snprintf(why, 256, "too many routes");
		return r;
	}
	memcpy(s->addresses, plan.addresses, sizeof(s->addresses));
	s->n_addresses = plan.n_addresses;
	memcpy(s->routes, plan.routes, sizeof(s->routes));
	s->n_routes = plan.n_routes;
	s->mtu = plan.mtu;
	return 0;
}
