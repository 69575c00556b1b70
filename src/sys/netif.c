#include "sys/netif.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/util.h"

enum {
	REQUEST_LEN = 1024,  /* More than any request made here. */
	REPLY_LEN = 32768,   /* The kernel fills dumps up to this. */
	SWEEP_MAX = 1 << 24, /* Bytes of rules and routes one sweep takes. */
	DUMP_TRIES = 8,      /* A dump is taken again when the table changed under it. */
};

struct netif {
	struct mnl_socket *nl;
	unsigned seq;
};

/* A message under construction. */
union request {
	char bytes[REQUEST_LEN];
	struct nlmsghdr hdr;
};

static unsigned char kernel_family(const struct addr *a)
{
	return a->family == 4 ? AF_INET : AF_INET6;
}

int netif_open(struct netif **out)
{
	struct netif *n = calloc(1, sizeof(*n));
	int r;

	if (n == NULL)
		return -ENOMEM;
	n->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (n->nl == NULL || mnl_socket_bind(n->nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		r = -errno;
		netif_close(n);
		return r;
	}
	*out = n;
	return 0;
}

void netif_close(struct netif *n)
{
	if (n != NULL && n->nl != NULL)
		(void)mnl_socket_close(n->nl);
	free(n);
}

/* What a dump gives each message to: 0 goes on, a negative errno is the dump's result. */
typedef int message_fn(const struct nlmsghdr *hdr, void *arg);

struct answer {
	message_fn *each;
	void *arg;
	int result;
	bool complete;
};

/*
 * Take in one datagram.  An answer is read to its end even after an error: the kernel starts no other dump
 * before.
 */
static void take_datagram(const struct netif *n, const char *bytes, int len, struct answer *a)
{
	const struct nlmsghdr *hdr = (const struct nlmsghdr *)(const void *)bytes;

	for (; mnl_nlmsg_ok(hdr, len); hdr = mnl_nlmsg_next(hdr, &len)) {
		const int *code = mnl_nlmsg_get_payload(hdr); /* Of ERROR and DONE. */
		if (hdr->nlmsg_seq != n->seq)
			continue;
		if ((hdr->nlmsg_flags & NLM_F_DUMP_INTR) != 0)
			a->result = -EINTR;
		if (hdr->nlmsg_type == NLMSG_ERROR || hdr->nlmsg_type == NLMSG_DONE) {
			a->complete = true;
			if (a->result == 0 && mnl_nlmsg_get_payload_len(hdr) >= sizeof(*code))
				a->result = MIN(*code, 0);
		} else if (a->result == 0 && a->each != NULL) {
			a->result = a->each(hdr, a->arg);
		}
	}
}

/* Send hdr and wait for its answer.  Returns 0 or the kernel's negative errno. */
static int talk(struct netif *n, struct nlmsghdr *hdr, message_fn *each, void *arg)
{
	char reply[REPLY_LEN] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct answer a = { .each = each, .arg = arg };

	hdr->nlmsg_seq = ++n->seq;
	hdr->nlmsg_pid = 0;
	if (mnl_socket_sendto(n->nl, hdr, hdr->nlmsg_len) < 0)
		return -errno;
	while (!a.complete) {
		ssize_t len = mnl_socket_recvfrom(n->nl, reply, sizeof(reply));
		if (len >= 0)
			take_datagram(n, reply, (int)len, &a);
		else if (errno != EINTR)
			return -errno;
	}
	return a.result;
}

static struct nlmsghdr *start(union request *q, uint16_t type, unsigned flags)
{
	memset(q, 0, sizeof(*q));
	struct nlmsghdr *hdr = mnl_nlmsg_put_header(q->bytes);
	hdr->nlmsg_type = type;
	hdr->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	return hdr;
}

/* Ask for all of one kind (RTM_GET...) of a family.  A family the kernel does not have is empty. */
static int dump(struct netif *n, uint16_t type, unsigned char family, message_fn *each, void *arg)
{
	union request q;
	int r, tries = 0;

	do {
		struct nlmsghdr *hdr = start(&q, type, 0);
		hdr->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
		/* struct ifaddrmsg, fib_rule_hdr and rtmsg are no longer and all start with it. */
		struct rtmsg *m = mnl_nlmsg_put_extra_header(hdr, sizeof(*m));
		m->rtm_family = family;
		r = talk(n, hdr, each, arg);
	} while (r == -EINTR && ++tries < DUMP_TRIES);
	return r == -EAFNOSUPPORT || r == -EOPNOTSUPP ? 0 : r;
}

/*
 * No link-local address of the device's own: nothing could be sent with it through the tunnel.
 * A kernel without IPv6 refuses, and then there is nothing to keep off.
 */
static void refuse_link_local(struct netif *n, int ifindex)
{
	union request q;
	struct nlmsghdr *hdr = start(&q, RTM_NEWLINK, 0);
	struct ifinfomsg *m = mnl_nlmsg_put_extra_header(hdr, sizeof(*m));

	m->ifi_index = ifindex;
	struct nlattr *spec = mnl_attr_nest_start(hdr, IFLA_AF_SPEC);
	struct nlattr *inet6 = mnl_attr_nest_start(hdr, AF_INET6);
	mnl_attr_put_u8(hdr, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(hdr, inet6);
	mnl_attr_nest_end(hdr, spec);
	(void)talk(n, hdr, NULL, NULL);
}

int netif_set_up(struct netif *n, int ifindex, uint16_t mtu, uint32_t txqueuelen)
{
	union request q;

	refuse_link_local(n, ifindex);
	struct nlmsghdr *hdr = start(&q, RTM_NEWLINK, 0);
	struct ifinfomsg *m = mnl_nlmsg_put_extra_header(hdr, sizeof(*m));
	m->ifi_index = ifindex;
	m->ifi_flags = IFF_UP;
	m->ifi_change = IFF_UP;
	mnl_attr_put_u32(hdr, IFLA_MTU, mtu);
	mnl_attr_put_u32(hdr, IFLA_TXQLEN, txqueuelen);
	return talk(n, hdr, NULL, NULL);
}

static void put_address(struct nlmsghdr *hdr, int ifindex, const struct prefix *p)
{
	struct ifaddrmsg *m = mnl_nlmsg_put_extra_header(hdr, sizeof(*m));

	m->ifa_family = kernel_family(&p->addr);
	m->ifa_prefixlen = p->len;
	m->ifa_index = (unsigned)ifindex;
	m->ifa_scope = RT_SCOPE_UNIVERSE;
	if (p->addr.family == 6)
		m->ifa_flags = IFA_F_NODAD;
	mnl_attr_put(hdr, IFA_LOCAL, addr_len(&p->addr), p->addr.bytes);
	mnl_attr_put(hdr, IFA_ADDRESS, addr_len(&p->addr), p->addr.bytes);
}

int netif_add_address(struct netif *n, int ifindex, const struct prefix *p)
{
	union request q;
	struct nlmsghdr *hdr = start(&q, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);

	put_address(hdr, ifindex, p);
	int r = talk(n, hdr, NULL, NULL);
	return r == -EEXIST ? 0 : r;
}

int netif_del_address(struct netif *n, int ifindex, const struct prefix *p)
{
	union request q;
	struct nlmsghdr *hdr = start(&q, RTM_DELADDR, 0);

	put_address(hdr, ifindex, p);
	int r = talk(n, hdr, NULL, NULL);
	return r == -EADDRNOTAVAIL || r == -ENODEV || r == -ESRCH ? 0 : r;
}

static void put_route(struct nlmsghdr *hdr, const struct netif_route *r, unsigned char scope)
{
	struct rtmsg *m = mnl_nlmsg_put_extra_header(hdr, sizeof(*m));

	m->rtm_family = kernel_family(&r->dst.addr);
	m->rtm_dst_len = r->dst.len;
	m->rtm_protocol = NETIF_PROTO;
	m->rtm_scope = scope;
	m->rtm_type = RTN_UNICAST;
	mnl_attr_put(hdr, RTA_DST, addr_len(&r->dst.addr), r->dst.addr.bytes);
	mnl_attr_put_u32(hdr, RTA_TABLE, r->table);
	mnl_attr_put_u32(hdr, RTA_OIF, (uint32_t)r->ifindex);
	if (r->source.family != 0)
		mnl_attr_put(hdr, RTA_PREFSRC, addr_len(&r->source), r->source.bytes);
}

/* Attributes of a message by number, NULL where absent. */
struct attrs {
	const struct nlattr *at[32];
};

static int take_attr(const struct nlattr *attr, void *arg)
{
	struct attrs *a = arg;

	if (mnl_attr_get_type(attr) < ARRAY_LEN(a->at))
		a->at[mnl_attr_get_type(attr)] = attr;
	return MNL_CB_OK;
}

static void read_attrs(const struct nlmsghdr *hdr, size_t extra, struct attrs *out)
{
	*out = (struct attrs){ 0 };
	(void)mnl_attr_parse(hdr, (unsigned)extra, take_attr, out);
}

static uint32_t attr_u32(const struct nlattr *attr, uint32_t otherwise)
{
	return attr != NULL && mnl_attr_get_payload_len(attr) >= 4 ? mnl_attr_get_u32(attr)
								   : otherwise;
}

/* The address in attr; false when there is none of the family's length. */
static bool attr_addr(const struct nlattr *attr, unsigned char family, struct addr *out)
{
	struct addr a = { .family = family == AF_INET ? 4 : 6 };

	if (attr == NULL || mnl_attr_get_payload_len(attr) != addr_len(&a))
		return false;
	memcpy(a.bytes, mnl_attr_get_payload(attr), addr_len(&a));
	*out = a;
	return true;
}

struct route_search {
	const struct netif_route *r;
	bool found;
};

static int match_route(const struct nlmsghdr *hdr, void *arg)
{
	struct route_search *s = arg;
	const struct rtmsg *m = mnl_nlmsg_get_payload(hdr);
	struct addr dst = { .family = s->r->dst.addr.family };
	struct attrs a;

	if (m->rtm_family != kernel_family(&dst) || m->rtm_protocol != NETIF_PROTO)
		return 0;
	read_attrs(hdr, sizeof(*m), &a);
	(void)attr_addr(a.at[RTA_DST], m->rtm_family, &dst); /* A default route has none. */
	if (attr_u32(a.at[RTA_TABLE], m->rtm_table) == s->r->table &&
		attr_u32(a.at[RTA_OIF], 0) == (uint32_t)s->r->ifindex &&
		m->rtm_dst_len == s->r->dst.len && addr_equal(&dst, &s->r->dst.addr))
		s->found = true;
	return 0;
}

int netif_add_route(struct netif *n, const struct netif_route *r)
{
	const unsigned char scope = r->dst.addr.family == 4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	struct route_search search = { .r = r };
	union request q;
	struct nlmsghdr *hdr = start(&q, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);

	put_route(hdr, r, scope);
	int e = talk(n, hdr, NULL, NULL);
	if (e != -EEXIST)
		return e;
	/* Ours from before (with another source, perhaps), or somebody else's that must stay. */
	e = dump(n, RTM_GETROUTE, kernel_family(&r->dst.addr), match_route, &search);
	if (e < 0 || !search.found)
		return e < 0 ? e : -EEXIST;
	hdr = start(&q, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
	put_route(hdr, r, scope);
	return talk(n, hdr, NULL, NULL);
}

int netif_del_route(struct netif *n, const struct netif_route *r)
{
	union request q;
	struct nlmsghdr *hdr = start(&q, RTM_DELROUTE, 0);

	put_route(hdr, r, RT_SCOPE_NOWHERE); /* Stands for any scope. */
	int e = talk(n, hdr, NULL, NULL);
	return e == -ESRCH || e == -ENODEV ? 0 : e;
}

static int add_rule(struct netif *n, unsigned char family, const struct netif_rule *r)
{
	union request q;
	struct nlmsghdr *hdr = start(&q, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL);
	struct fib_rule_hdr *m = mnl_nlmsg_put_extra_header(hdr, sizeof(*m));

	m->family = family;
	m->action = FR_ACT_TO_TBL;
	m->flags = FIB_RULE_INVERT;
	mnl_attr_put_u32(hdr, FRA_PRIORITY, r->priority);
	mnl_attr_put_u32(hdr, FRA_TABLE, r->table);
	mnl_attr_put_u32(hdr, FRA_FWMARK, r->fwmark);
	mnl_attr_put_u32(hdr, FRA_FWMASK, UINT32_MAX);
	mnl_attr_put_u8(hdr, FRA_PROTOCOL, NETIF_PROTO);
	int e = talk(n, hdr, NULL, NULL);
	return e == -EEXIST ? 0 : e;
}

int netif_add_rules(struct netif *n, const struct netif_rule *r)
{
	int e = add_rule(n, AF_INET, r);

	if (e < 0)
		return e;
	e = add_rule(n, AF_INET6, r);
	return e == -EAFNOSUPPORT || e == -EOPNOTSUPP ? 0 : e; /* A kernel without IPv6. */
}

/* What a sweep has found: whole messages, one after the other. */
struct sweep {
	uint32_t table;
	struct buf found;
};

static int keep_message(struct sweep *s, const struct nlmsghdr *hdr)
{
	uint8_t *room = buf_room(&s->found, NLMSG_ALIGN(hdr->nlmsg_len));

	if (room == NULL)
		return -ENOBUFS;
	memset(room, 0, NLMSG_ALIGN(hdr->nlmsg_len));
	memcpy(room, hdr, hdr->nlmsg_len);
	buf_added(&s->found, NLMSG_ALIGN(hdr->nlmsg_len));
	return 0;
}

static int sweep_rule(const struct nlmsghdr *hdr, void *arg)
{
	const struct fib_rule_hdr *m = mnl_nlmsg_get_payload(hdr);
	struct sweep *s = arg;
	struct attrs a;

	read_attrs(hdr, sizeof(*m), &a);
	const struct nlattr *proto = a.at[FRA_PROTOCOL];
	if (proto == NULL || mnl_attr_get_payload_len(proto) < 1 ||
		mnl_attr_get_u8(proto) != NETIF_PROTO ||
		attr_u32(a.at[FRA_TABLE], m->table) != s->table)
		return 0;
	return keep_message(s, hdr);
}

static int sweep_route(const struct nlmsghdr *hdr, void *arg)
{
	const struct rtmsg *m = mnl_nlmsg_get_payload(hdr);
	struct sweep *s = arg;
	struct attrs a;

	read_attrs(hdr, sizeof(*m), &a);
	if (m->rtm_protocol != NETIF_PROTO || attr_u32(a.at[RTA_TABLE], m->rtm_table) != s->table)
		return 0;
	return keep_message(s, hdr);
}

/* Send each message found back with another type, which deletes what it describes. */
static int delete_found(struct netif *n, struct buf *found, uint16_t type)
{
	int result = 0;

	while (buf_len(found) > 0) {
		struct nlmsghdr *hdr = (struct nlmsghdr *)(void *)buf_bytes(found);
		const size_t len = NLMSG_ALIGN(hdr->nlmsg_len);
		hdr->nlmsg_type = type;
		hdr->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
		int r = talk(n, hdr, NULL, NULL);
		if (r < 0 && r != -ESRCH && r != -ENODEV && r != -ENOENT && result == 0)
			result = r;
		buf_consume(found, len);
	}
	return result;
}

static int sweep(struct netif *n, uint32_t table, unsigned char family, bool rules)
{
	struct sweep s = { .table = table, .found = { .max = SWEEP_MAX } };
	int r = rules ? dump(n, RTM_GETRULE, family, sweep_rule, &s)
		      : dump(n, RTM_GETROUTE, family, sweep_route, &s);

	if (r == 0)
		r = delete_found(n, &s.found, rules ? RTM_DELRULE : RTM_DELROUTE);
	buf_clear(&s.found);
	return r;
}

int netif_sweep(struct netif *n, uint32_t table)
{
	const unsigned char families[] = { AF_INET, AF_INET6 };
	int result = 0;

	/* Rules first: without them nothing looks into the table any more. */
	for (size_t i = 0; i < 2 * ARRAY_LEN(families); i++) {
		int r = sweep(n, table, families[i % 2], i < 2);
		if (r < 0 && result == 0)
			result = r;
	}
	return result;
}

struct address_search {
	const struct prefix *p;
	unsigned not_ifindex; /* 0: any interface counts. */
	bool exact;           /* p's address itself, not its network. */
	unsigned found;       /* The interface's index. */
};

static int match_address(const struct nlmsghdr *hdr, void *arg)
{
	struct address_search *s = arg;
	const struct ifaddrmsg *m = mnl_nlmsg_get_payload(hdr);
	struct addr network, local;
	struct attrs a;

	if (m->ifa_family != kernel_family(&s->p->addr) || s->found != 0 ||
		(s->not_ifindex != 0 && m->ifa_index == s->not_ifindex))
		return 0;
	read_attrs(hdr, sizeof(*m), &a);
	/* On a point-to-point link IFA_ADDRESS is the far end. */
	if (!attr_addr(a.at[IFA_ADDRESS], m->ifa_family, &network) &&
		!attr_addr(a.at[IFA_LOCAL], m->ifa_family, &network))
		return 0;
	if (!attr_addr(a.at[IFA_LOCAL], m->ifa_family, &local))
		local = network;
	const struct prefix around = prefix_of(&network, m->ifa_prefixlen);
	const struct prefix self = prefix_host(&local);
	if (s->exact ? addr_equal(&local, &s->p->addr)
		     : prefix_overlaps(&around, s->p) || prefix_overlaps(&self, s->p))
		s->found = m->ifa_index;
	return 0;
}

int netif_has_address(struct netif *n, const struct addr *a)
{
	const struct prefix p = prefix_host(a);
	struct address_search s = { .p = &p, .exact = true };
	int r = dump(n, RTM_GETADDR, kernel_family(a), match_address, &s);

	return r < 0 ? r : s.found != 0;
}

int netif_overlap(struct netif *n, int ifindex, const struct prefix *p, char ifname[static 16])
{
	struct address_search s = { .p = p, .not_ifindex = (unsigned)ifindex };
	int r = dump(n, RTM_GETADDR, kernel_family(&p->addr), match_address, &s);

	if (r < 0 || s.found == 0)
		return r;
	if (if_indextoname(s.found, ifname) == NULL)
		(void)snprintf(ifname, 16, "if%u", s.found);
	return 1;
}
