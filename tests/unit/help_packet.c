#include "help_packet.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* assert() that is there in every build. */
static void check(bool ok)
{
	if (!ok)
		abort();
}

static void put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

uint16_t help_packet_sum(const uint8_t *bytes, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i++)
		sum += (uint32_t)(i % 2 == 0 ? bytes[i] << 8 : bytes[i]);
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint16_t pseudo_and_l4_sum(const uint8_t *bytes, size_t len, size_t l4_off, uint8_t proto)
{
	bool v4 = bytes[0] >> 4 == 4;
	uint32_t sum = help_packet_sum(bytes + (v4 ? 12 : 8), v4 ? 8 : 32, 0);
	uint32_t l4_len = (uint32_t)(len - l4_off);

	sum += proto + (l4_len >> 16) + (l4_len & 0xffff);
	return help_packet_sum(bytes + l4_off, l4_len, sum);
}

static size_t put_ip(uint8_t *out, const struct help_packet *h, size_t l4_len)
{
	if (strchr(h->src, ':') == NULL) {
		size_t hdr_len = 20 + h->ip_opts_len;
		memset(out, 0, 20);
		memset(out + 20, 1, h->ip_opts_len);
		out[0] = (uint8_t)(0x40 | hdr_len / 4);
		put16(out + 2, hdr_len + l4_len);
		put16(out + 4, 0xfffe);
		out[6] = 0x40;
		out[8] = 64;
		out[9] = h->proto;
		int ok =
			inet_pton(AF_INET, h->src, out + 12) + inet_pton(AF_INET, h->dst, out + 16);
		check(ok == 2);
		put16(out + 10, (uint16_t)~help_packet_sum(out, hdr_len, 0));
		return hdr_len;
	}
	memset(out, 0, 40);
	out[0] = 0x60;
	put16(out + 4, h->ext_len + l4_len);
	out[6] = h->ext_len > 0 ? h->ext_proto : h->proto;
	out[7] = 64;
	int ok = inet_pton(AF_INET6, h->src, out + 8) + inet_pton(AF_INET6, h->dst, out + 24);
	check(ok == 2);
	if (h->ext_len > 0)
		memcpy(out + 40, h->ext, h->ext_len);
	return 40 + h->ext_len;
}

size_t help_packet_make(uint8_t *out, size_t cap, const struct help_packet *h)
{
	bool tcp = h->proto == IPPROTO_TCP, udp = h->proto == IPPROTO_UDP;
	size_t l4_hdr_len = tcp ? 20 + h->tcp_opts_len : udp ? 8 : 0;
	size_t l4_len = l4_hdr_len + h->payload_len;

	check(cap >= 60 + h->ext_len + l4_len);
	size_t l4_off = put_ip(out, h, l4_len);
	uint8_t *l4 = out + l4_off;
	memset(l4, 0, l4_hdr_len);
	if (tcp || udp) {
		put16(l4, h->src_port);
		put16(l4 + 2, h->dst_port);
	}
	if (tcp) {
		put16(l4 + 4, 0xffff);
		put16(l4 + 6, 0xff00);
		l4[12] = (uint8_t)(l4_hdr_len / 4 << 4);
		l4[13] = h->tcp_flags;
		put16(l4 + 14, 512);
		if (h->tcp_opts_len > 0)
			memcpy(l4 + 20, h->tcp_opts, h->tcp_opts_len);
	} else if (udp) {
		put16(l4 + 4, l4_len);
	}
	for (size_t i = 0; i < h->payload_len; i++)
		l4[l4_hdr_len + i] = (uint8_t)(i % 251 + i / 251);
	if (tcp || udp) {
		uint16_t sum = pseudo_and_l4_sum(out, l4_off + l4_len, l4_off, h->proto);
		put16(l4 + (tcp ? 16 : 6), udp && sum == 0xffff ? 0xffff : (uint16_t)~sum);
	}
	return l4_off + l4_len;
}

bool help_packet_verify(const uint8_t *bytes, size_t len)
{
	bool v4 = bytes[0] >> 4 == 4;
	size_t l4_off = v4 ? (size_t)(bytes[0] & 15) * 4 : 40;
	uint8_t proto = bytes[v4 ? 9 : 6];

	if (v4 && help_packet_sum(bytes, l4_off, 0) != 0xffff)
		return false;
	if (proto == IPPROTO_UDP && bytes[l4_off + 6] == 0 && bytes[l4_off + 7] == 0)
		return false;
	if (proto != IPPROTO_TCP && proto != IPPROTO_UDP)
		return true;
	return pseudo_and_l4_sum(bytes, len, l4_off, proto) == 0xffff;
}
