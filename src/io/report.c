#include "io/report.h"

#include "base/util.h"
#include "sys/sock.h"

json_t *report_offload(unsigned can)
{
	static const char *const names[] = {
		[OFFLOAD_CSUM] = "csum",
		[OFFLOAD_TCP] = "tcp",
		[OFFLOAD_UDP] = "udp",
	};
	json_t *a = json_array();

	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if (can & (1U << i))
			(void)json_array_append_new(a, json_string(names[i]));
	return a;
}

json_t *report_device_offload(unsigned can, const char *why_not)
{
	return json_pack("{s:b, s:b, s:b, s:s}", "csum", (can & OFFLOAD_CAN_CSUM) != 0, "tcp",
		(can & OFFLOAD_CAN_TCP) != 0, "udp", (can & OFFLOAD_CAN_UDP) != 0, "reason",
		why_not);
}

static const char *offload_reason(const struct report_session *r)
{
	if (r->offload_why_not[0] != '\0')
		return r->offload_why_not;
	if (r->tunnel->session.peer_features != r->offload)
		return "the peer cannot take all kinds of super-packet";
	return "";
}

json_t *report_session(const struct report_session *r)
{
	const struct tunnel *t = r->tunnel;
	struct tls_info tls = tunnel_info(t);
	char peer[ENDPOINT_STRLEN], congestion[16] = "";

	if (t->conn != NULL)
		sock_congestion(tcp_conn_fd(t->conn), congestion);
	json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "identity", r->identity,
		"name", r->name, "session", r->session, "state",
		session_state_name(t->session.state), "peer", endpoint_format(&t->peer, peer),
		"since", (json_int_t)r->since, "certificate_expires", (json_int_t)r->expires);
	if (j == NULL)
		return NULL;
	json_t *more = json_pack("{s:I, s:I, s:I, s:I, s:s*, s:s*, s:s*, s:s, s:o*, s:s}",
		"rx_bytes", (json_int_t)t->rx_bytes, "tx_bytes", (json_int_t)t->tx_bytes,
		"rx_packets", (json_int_t)t->rx_packets, "tx_packets", (json_int_t)t->tx_packets,
		"version", tls.version, "suite", tls.suite, "group", tls.group, "congestion",
		congestion, "offload", report_offload(t->session.peer_features & r->offload),
		"offload_reason", offload_reason(r));
	if (t->session.rtt_us > 0)
		(void)json_object_set_new(j, "rtt_us", json_integer((json_int_t)t->session.rtt_us));
	(void)json_object_update_new(j, more);
	return j;
}

json_t *report_drops(const struct dataplane *d)
{
	json_t *j = json_object();

	for (unsigned i = 0; i < DROP_N; i++)
		(void)json_object_set_new(
			j, drop_name((enum drop)i), json_integer((json_int_t)d->drops[i]));
	return j;
}

int64_t report_days(int64_t t, int64_t now)
{
	int64_t s = t - now;

	return s >= 0 ? s / 86400 : -((-s + 86399) / 86400);
}

json_t *report_expiry(const struct tls_ctx *tls, int64_t now)
{
	struct tls_expiry e = tls_ctx_expiry(tls);
	json_t *j =
		json_pack("{s:I, s:I}", "certificate", (json_int_t)report_days(e.certificate, now),
			"ca", (json_int_t)report_days(e.ca, now));

	if (e.crl != INT64_MAX)
		(void)json_object_set_new(
			j, "crl", json_integer((json_int_t)report_days(e.crl, now)));
	return j;
}
