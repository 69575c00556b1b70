#include "net/ctrl_codec.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MAX_SAFE_INTEGER ((INT64_C(1) << 53) - 1)

enum {
	MAX_FEATURES = 32,
	MAX_SECONDS = 3600,
	MAX_RETRY_S = 86400,
	MIN_MTU = 1280,
	MAX_NAME = 253,
};

__attribute__((format(printf, 3, 4))) static int bad(
	const struct ctrl_in *in, const char *member, const char *fmt, ...)
{
	int n = snprintf(in->why, CTRL_WHY_LEN, "%s%s: ", in->path, member);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(in->why + n, CTRL_WHY_LEN - (size_t)n, fmt, ap);
	va_end(ap);
	return -EBADMSG;
}

static bool has(const struct ctrl_in *in, const char *member)
{
	return json_object_get(in->object, member) != NULL;
}

static int get_int(
	const struct ctrl_in *in, const char *member, int64_t min, int64_t max, int64_t *out)
{
	const json_t *v = json_object_get(in->object, member);

	if (!json_is_integer(v) || json_integer_value(v) < min || json_integer_value(v) > max)
		return bad(in, member, "not an integer from %lld to %lld", (long long)min,
			(long long)max);
	*out = json_integer_value(v);
	return 0;
}

/* out has room for max bytes and a NUL. */
static int get_text(const struct ctrl_in *in, const char *member, size_t max, char *out)
{
	const json_t *v = json_object_get(in->object, member);

	if (!json_is_string(v) || json_string_length(v) > max)
		return bad(in, member, "not a string of at most %zu bytes", max);
	ctrl_copy_clean(out, json_string_value(v));
	return 0;
}

static int get_object(
	const struct ctrl_in *in, const char *member, const char *path, struct ctrl_in *out)
{
	const json_t *v = json_object_get(in->object, member);

	if (!json_is_object(v))
		return bad(in, member, "not an object");
	*out = (struct ctrl_in){ .object = v, .path = path, .why = in->why };
	return 0;
}

/* How the strings of an array are taken: into element i of `to`.  Returns 0 or an error. */
typedef int take_fn(const char *text, void *to, size_t i);

/* An array of at most max strings.  Returns how many. */
static int get_strings(
	const struct ctrl_in *in, const char *member, size_t max, take_fn *take, void *to)
{
	const json_t *v = json_object_get(in->object, member);
	size_t n = json_array_size(v);

	if (!json_is_array(v) || n > max)
		return bad(in, member, "not an array of at most %zu elements", max);
	for (size_t i = 0; i < n; i++) {
		const char *text = json_string_value(json_array_get(v, i));
		if (text == NULL || take(text, to, i) != 0)
			return bad(in, member, "element %zu is malformed", i);
	}
	return (int)n;
}

static int take_feature(const char *text, void *to, size_t i)
{
	unsigned *set = to;

	(void)i;
	for (size_t k = 0; k < CTRL_N_FEATURES; k++)
		if (strcmp(text, ctrl_features[k].name) == 0)
			*set |= ctrl_features[k].bit;
	return 0;
}

static int take_address(const char *text, void *to, size_t i)
{
	struct addr *addrs = to;

	return addr_parse(text, &addrs[i]);
}

static int take_iface(const char *text, void *to, size_t i)
{
	struct prefix *prefixes = to;

	/* With an explicit length: it is the tunnel's, which a client could not guess. */
	return strchr(text, '/') == NULL ? -EINVAL : prefix_parse_iface(text, &prefixes[i]);
}

static int take_route(const char *text, void *to, size_t i)
{
	struct prefix *prefixes = to;

	return prefix_parse(text, &prefixes[i]);
}

/* Letters, digits, '-', '_' and single dots between: it ends up in the resolver's configuration. */
static int take_domain(const char *text, void *to, size_t i)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.";
	char(*names)[MAX_NAME + 1] = to;
	size_t len = strspn(text, allowed);

	if (text[len] != '\0' || len == 0 || len > MAX_NAME || text[0] == '.' || text[0] == '-' ||
		strstr(text, "..") != NULL)
		return -EINVAL;
	memcpy(names[i], text, len + 1);
	return 0;
}

static int decode_common(const struct ctrl_in *in, struct ctrl_hello *h)
{
	int64_t version = 0;

	if (get_int(in, "version", CTRL_VERSION, CTRL_VERSION, &version) != 0 ||
		get_text(in, "software", CTRL_SOFTWARE_LEN, h->software) != 0 ||
		get_strings(in, "features", MAX_FEATURES, take_feature, &h->features) < 0)
		return -EBADMSG;
	h->version = (unsigned)version;
	return 0;
}

int ctrl_get_hello(const struct ctrl_in *in, struct ctrl_msg *msg)
{
	return decode_common(in, &msg->hello);
}

static int decode_dns(const struct ctrl_in *in, struct ctrl_dns *dns)
{
	int n_servers = 0, n_domains = 0;

	if (has(in, "servers"))
		n_servers = get_strings(
			in, "servers", CTRL_MAX_DNS_SERVERS, take_address, dns->servers);
	if (n_servers >= 0 && has(in, "domains"))
		n_domains =
			get_strings(in, "domains", CTRL_MAX_DNS_DOMAINS, take_domain, dns->domains);
	if (n_servers < 0 || n_domains < 0)
		return -EBADMSG;
	dns->n_servers = (size_t)n_servers;
	dns->n_domains = (size_t)n_domains;
	return 0;
}

static int decode_days(const struct ctrl_in *in, const char *member, int32_t *out)
{
	int64_t v = 0;

	if (!has(in, member))
		return 0;
	if (get_int(in, member, -INT32_MAX, INT32_MAX, &v) != 0)
		return -EBADMSG;
	*out = (int32_t)v;
	return 0;
}

static int decode_optional(const struct ctrl_in *in, struct ctrl_welcome *w)
{
	struct ctrl_in sub = *in;

	w->days_certificate = w->days_ca = w->days_crl = CTRL_DAYS_UNKNOWN;
	if (has(in, "dns") &&
		(get_object(in, "dns", "dns.", &sub) != 0 || decode_dns(&sub, &w->dns) != 0))
		return -EBADMSG;
	if (has(in, "days") &&
		(get_object(in, "days", "days.", &sub) != 0 ||
			decode_days(&sub, "certificate", &w->days_certificate) != 0 ||
			decode_days(&sub, "ca", &w->days_ca) != 0 ||
			decode_days(&sub, "crl", &w->days_crl) != 0))
		return -EBADMSG;
	return 0;
}

int ctrl_get_welcome(const struct ctrl_in *in, struct ctrl_msg *msg)
{
	struct ctrl_welcome *w = &msg->welcome;
	int64_t mtu = 0, keepalive = 0, dead_after = 0;

	if (decode_common(in, &w->hello) != 0 ||
		get_text(in, "session", CTRL_SESSION_LEN, w->session) != 0)
		return -EBADMSG;
	if (strspn(w->session, "0123456789abcdefABCDEF") != CTRL_SESSION_LEN)
		return bad(in, "session", "not %d hexadecimal digits", CTRL_SESSION_LEN);
	int n_addresses = get_strings(in, "addresses", CTRL_MAX_ADDRS, take_iface, w->addresses);
	if (n_addresses < 0)
		return -EBADMSG;
	if (n_addresses == 0)
		return bad(in, "addresses", "empty");
	int n_routes = get_strings(in, "routes", CTRL_MAX_ROUTES, take_route, w->routes);
	if (n_routes < 0 || get_int(in, "mtu", MIN_MTU, UINT16_MAX, &mtu) != 0 ||
		get_int(in, "keepalive", 1, MAX_SECONDS, &keepalive) != 0 ||
		get_int(in, "dead_after", 1, MAX_SECONDS, &dead_after) != 0 ||
		get_int(in, "time", 0, MAX_SAFE_INTEGER, &w->time) != 0)
		return -EBADMSG;
	w->n_addresses = (size_t)n_addresses;
	w->n_routes = (size_t)n_routes;
	w->mtu = (uint16_t)mtu;
	w->keepalive_s = (uint16_t)keepalive;
	w->dead_after_s = (uint16_t)dead_after;
	return decode_optional(in, w);
}

int ctrl_get_ready(const struct ctrl_in *in, struct ctrl_msg *msg)
{
	(void)in;
	(void)msg;
	return 0;
}

int ctrl_get_ping(const struct ctrl_in *in, struct ctrl_msg *msg)
{
	int64_t id = 0;

	if (get_int(in, "id", 0, MAX_SAFE_INTEGER, &id) != 0)
		return -EBADMSG;
	msg->ping.id = (uint64_t)id;
	return 0;
}

int ctrl_get_bye(const struct ctrl_in *in, struct ctrl_msg *msg)
{
	struct ctrl_bye *b = &msg->bye;
	int64_t retry_after = 0;

	if (get_text(in, "code", CTRL_CODE_LEN, b->code) != 0 ||
		(has(in, "text") && get_text(in, "text", CTRL_TEXT_LEN, b->text) != 0) ||
		(has(in, "retry_after") &&
			get_int(in, "retry_after", 0, MAX_RETRY_S, &retry_after) != 0))
		return -EBADMSG;
	b->retry_after_s = (uint32_t)retry_after;
	if (has(in, "move_to")) {
		const char *text = json_string_value(json_object_get(in->object, "move_to"));
		struct endpoint e;
		if (text == NULL || endpoint_parse(text, 0, &e) != 0)
			return bad(in, "move_to", "not \"host:port\"");
		/* Not what stands behind the host's end. */
		memcpy(b->move_to.host, e.host, strlen(e.host));
		b->move_to.port = e.port;
	}
	return 0;
}
