#include "net/ctrl_codec.h"

#include <assert.h>
#include <string.h>

/* value is NULL when memory was out, which makes the whole fail. */
static int put(json_t *object, const char *member, json_t *value)
{
	return json_object_set_new(object, member, value);
}

static json_t *new_text(const char *text)
{
	char clean[512]; /* More than any text of a message. */

	assert(strlen(text) < sizeof(clean));
	ctrl_copy_clean(clean, text);
	json_t *v = json_string(clean);
	if (v != NULL)
		return v;
	/* Not UTF-8, as when it was cut within a character. */
	for (char *c = clean; *c != '\0'; c++)
		if ((uint8_t)*c >= 0x80)
			*c = '?';
	return json_string(clean);
}

static json_t *new_prefixes(const struct prefix *prefixes, size_t n)
{
	json_t *array = json_array();
	char text[PREFIX_STRLEN];

	for (size_t i = 0; i < n; i++)
		if (json_array_append_new(array, json_string(prefix_format(&prefixes[i], text))) !=
			0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *new_features(unsigned set)
{
	json_t *array = json_array();

	for (size_t i = 0; i < CTRL_N_FEATURES; i++)
		if ((set & ctrl_features[i].bit) != 0 &&
			json_array_append_new(array, json_string(ctrl_features[i].name)) != 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *new_dns(const struct ctrl_dns *dns)
{
	json_t *object = json_object(), *servers = json_array(), *domains = json_array();
	char text[ADDR_STRLEN];
	int err = put(object, "servers", servers);

	err |= put(object, "domains", domains);
	for (size_t i = 0; err == 0 && i < dns->n_servers; i++)
		err = json_array_append_new(
			servers, json_string(addr_format(&dns->servers[i], text)));
	for (size_t i = 0; err == 0 && i < dns->n_domains; i++)
		err = json_array_append_new(domains, new_text(dns->domains[i]));
	if (err != 0) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static int put_days(json_t *object, const char *member, int32_t days)
{
	return days == CTRL_DAYS_UNKNOWN ? 0 : put(object, member, json_integer(days));
}

static json_t *new_days(const struct ctrl_welcome *w)
{
	json_t *object = json_object();

	if (put_days(object, "certificate", w->days_certificate) != 0 ||
		put_days(object, "ca", w->days_ca) != 0 ||
		put_days(object, "crl", w->days_crl) != 0) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static int encode_common(json_t *o, const struct ctrl_hello *h)
{
	int err = put(o, "version", json_integer(h->version));

	err |= put(o, "software", new_text(h->software));
	err |= put(o, "features", new_features(h->features));
	return err;
}

int ctrl_put_hello(json_t *o, const struct ctrl_msg *msg)
{
	return encode_common(o, &msg->hello);
}

int ctrl_put_welcome(json_t *o, const struct ctrl_msg *msg)
{
	const struct ctrl_welcome *w = &msg->welcome;
	bool days = w->days_certificate != CTRL_DAYS_UNKNOWN || w->days_ca != CTRL_DAYS_UNKNOWN ||
		    w->days_crl != CTRL_DAYS_UNKNOWN;
	int err = encode_common(o, &w->hello);

	err |= put(o, "session", new_text(w->session));
	err |= put(o, "addresses", new_prefixes(w->addresses, w->n_addresses));
	err |= put(o, "routes", new_prefixes(w->routes, w->n_routes));
	err |= put(o, "mtu", json_integer(w->mtu));
	err |= put(o, "keepalive", json_integer(w->keepalive_s));
	err |= put(o, "dead_after", json_integer(w->dead_after_s));
	err |= put(o, "time", json_integer(w->time));
	if (w->dns.n_servers > 0 || w->dns.n_domains > 0)
		err |= put(o, "dns", new_dns(&w->dns));
	if (days)
		err |= put(o, "days", new_days(w));
	return err;
}

int ctrl_put_ready(json_t *o, const struct ctrl_msg *msg)
{
	(void)o;
	(void)msg;
	return 0;
}

int ctrl_put_ping(json_t *o, const struct ctrl_msg *msg)
{
	return put(o, "id", json_integer((json_int_t)msg->ping.id));
}

int ctrl_put_bye(json_t *o, const struct ctrl_msg *msg)
{
	const struct ctrl_bye *b = &msg->bye;
	char text[ENDPOINT_STRLEN];
	int err = put(o, "code", new_text(b->code));

	if (b->text[0] != '\0')
		err |= put(o, "text", new_text(b->text));
	if (b->retry_after_s != 0)
		err |= put(o, "retry_after", json_integer(b->retry_after_s));
	if (b->move_to.port != 0)
		err |= put(o, "move_to", new_text(endpoint_format(&b->move_to, text)));
	return err;
}
