#include "ctl/ctl_view.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char server[] =
	"{'program':'sallyport-server','version':'0.1.0','library':'wolfSSL 5.9.2','pid':77,"
	"'started':1000000,'now':1011045,'state':'running','network':'example.net',"
	"'identity':'spiffe://example.net/server/gw','device':'sally0','mtu':1400,"
	"'offload':{'csum':true,'tcp':true,'udp':false,'reason':'this kernel has no USO'},"
	"'workers':2,'listen':['[::]:4433'],'addresses':['10.86.0.1/24','fd86::1/64'],"
	"'days':{'certificate':396,'ca':3649,'crl':-2},'sessions':["
	"{'identity':'spiffe://example.net/client/"
	"alice','name':'alice','session':'00','state':'open',"
	"'peer':'192.0.2.1:40000','worker':0,'since':1010980,'addresses':['10.86.0.2','fd86::2'],"
	"'rx_bytes':1536,'tx_bytes':5368709120,'rx_packets':1,'tx_packets':2,'rtt_us':210,"
	"'version':'TLSv1.3','suite':'TLS_AES_256_GCM_SHA384','group':'X25519MLKEM768',"
	"'congestion':'bbr','offload':['csum','tcp'],'offload_reason':'','certificate_expires':1},"
	"{'name':'b\\u001b]0;x\\u0007ob','state':'closing','peer':'[2001:db8::1]:40001','since':"
	"1010000,"
	"'addresses':['10.86.0.3'],'rx_bytes':0,'tx_bytes':0,"
	"'suite':'TLS_CHACHA20_POLY1305_SHA256','group':'X25519','congestion':'cubic','offload':[],"
	"'offload_reason':'the peer lacks it'}],"
	"'counters':{'accepted':9,'established':3,'refused':{'expired':4,'unknown-ca':2},"
	"'drops':{'malformed':0,'spoofed':12}}}";

/* A JSON text with ' for ". */
static json_t *load(const char *text)
{
	json_error_t error;
	char *copy = strdup(text);

	assert_non_null(copy);
	for (char *c = strchr(copy, '\''); c != NULL; c = strchr(c, '\''))
		*c = '"';
	json_t *j = json_loads(copy, 0, &error);
	free(copy);
	assert_non_null(j);
	return j;
}

static char *view(const json_t *status, size_t width)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	assert_int_equal(ctl_view_status(status, width, f), 0);
	(void)fclose(f);
	return text;
}

static void test_server(void **state)
{
	json_t *status = load(server);
	char *text = view(status, 0);

	(void)state;
	assert_string_equal(text, "sallyport-server 0.1.0, running\n"
				  "  since       3h04m ago (pid 77, wolfSSL 5.9.2)\n"
				  "  identity    spiffe://example.net/server/gw\n"
				  "  listening   [::]:4433 (workers: 2)\n"
				  "  device      sally0, MTU 1400, 10.86.0.1/24 fd86::1/64\n"
				  "  offload     csum on, tcp on, udp off: this kernel has no USO\n"
				  "  days left   certificate 396, ca 3649, crl -2\n"
				  "\n"
				  "NAME                 ADDRESSES          PEER                  "
				  "SINCE  RECEIVED     SENT"
				  "      RTT  SUITE              GROUP           OFFLOAD\n"
				  "alice                10.86.0.2 fd86::2  192.0.2.1:40000       "
				  "1m05s   1.5 KiB  5.0 GiB"
				  "  0.21 ms  AES_256_GCM        X25519MLKEM768  csum tcp\n"
				  "b?]0;x?ob (closing)  10.86.0.3          [2001:db8::1]:40001  "
				  "17m25s       0 B      0 B"
				  "        -  CHACHA20_POLY1305  X25519          off\n"
				  "\n"
				  "  no offload  1 x the peer lacks it\n"
				  "  congestion  1 x bbr, 1 x cubic\n"
				  "  sessions    2 open, 3 established of 9 accepted\n"
				  "  refused     expired 4, unknown-ca 2\n"
				  "  dropped     spoofed 12\n");
	free(text);
	json_decref(status);
}

static size_t longest_line(const char *text)
{
	size_t longest = 0;

	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		longest = len > longest ? len : longest;
		text += len + (text[len] != '\0');
	}
	return longest;
}

/* Whatever finds no room as a column is told below the table. */
static void test_narrow(void **state)
{
	json_t *status = load(server);

	(void)state;
	for (size_t width = 40; width < 160; width++) {
		char *text = view(status, width);
		assert_true(longest_line(text) <= width);
		assert_non_null(strstr(text, "alice"));
		assert_non_null(strstr(text, "10.86.0.2"));
		assert_non_null(strstr(text, "X25519MLKEM768"));
		assert_non_null(strstr(text, "CHACHA20_POLY1305"));
		assert_non_null(strstr(text, "csum tcp"));
		free(text);
	}
	free(view(status, 1));
	json_decref(status);
}

static void test_client(void **state)
{
	json_t *status = load("{'program':'sallyport-client','version':'0.1.0','state':'waiting','"
			      "remote':'gw.example.net:4433',"
			      "'retry_in_s':7,'device':'sally0','mtu':1400,'routes':['10.0.0.0/"
			      "8'],'sessions':[]}");
	char *text = view(status, 80);

	(void)state;
	assert_string_equal(text, "sallyport-client 0.1.0, waiting\n"
				  "  identity    -\n"
				  "  remote      gw.example.net:4433\n"
				  "  next try    in 7 s\n"
				  "  device      sally0, MTU 1400, -\n"
				  "  routes      10.0.0.0/8\n"
				  "\n"
				  "No session.\n");
	free(text);
	json_decref(status);
}

/* A newer, older or broken daemon: nothing that is there may be relied on. */
static void test_odd_members(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{'sessions':[null,1,[],{}],'counters':[],'offload':3,'days':'x','listen':{}}",
		"{'program':7,'now':'x','started':{},'sessions':[{'name':{},'addresses':'x','since'"
		":null,"
		"'rtt_us':'x','offload':{},'offload_reason':[],'rx_bytes':-1}],"
		"'counters':{'accepted':null,'refused':[],'drops':{'x':'y','z':-3}}}",
		"{'sessions':[{'name':'a','addresses':[1,null,'10.0.0.1'],'since':"
		"9223372036854775807}],"
		"'now':-9223372036854775807,'started':9223372036854775807}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_t *status = load(texts[i]);
		char *text = view(status, 80);
		assert_non_null(strchr(text, '-'));
		free(text);
		json_decref(status);
	}
}

static void test_many_sessions(void **state)
{
	enum { N = 10000 };
	json_t *status = load(server), *sessions = json_object_get(status, "sessions");
	size_t lines = 0;

	(void)state;
	json_t *one = json_array_get(sessions, 0);
	for (int i = 2; i < N; i++) {
		json_t *s = json_deep_copy(one);
		assert_int_equal(json_object_set_new(s, "name", json_sprintf("client-%d", i)), 0);
		/* More kinds than are told apart one by one. */
		assert_int_equal(
			json_object_set_new(s, "group", json_sprintf("group-%d", i % 100)), 0);
		assert_int_equal(json_array_append_new(sessions, s), 0);
	}
	char *text = view(status, 80);
	for (const char *c = text; *c != '\0'; c++)
		lines += *c == '\n';
	assert_true(lines > N && lines < N + 60);
	assert_true(longest_line(text) <= 80);
	assert_non_null(strstr(text, "client-9999"));
	assert_non_null(strstr(text, " other\n"));
	free(text);
	json_decref(status);
}

static int use_c(void **state)
{
	(void)state;
	return setlocale(LC_CTYPE, "C") == NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_server),
		cmocka_unit_test(test_narrow),
		cmocka_unit_test(test_client),
		cmocka_unit_test(test_odd_members),
		cmocka_unit_test(test_many_sessions),
	};

	return cmocka_run_group_tests(tests, use_c, NULL);
}
