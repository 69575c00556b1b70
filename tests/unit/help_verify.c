#include "help_verify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

struct help_verify hv;

int help_verify_start(void **state)
{
	struct help_spec r = help_ca("Root"), i = help_ca("Issuing CA");

	(void)state;
	hv.now = time(NULL);
	help_issue(&hv.root, &r, help_key(HELP_P256, 1), NULL);
	i.path_len = 0;
	help_issue(&hv.inter, &i, help_key(HELP_P256, 2), &hv.root);
	return 0;
}

void help_verify_trust(const char *pem)
{
	char why[256] = "";

	tls_trust_free(hv.trust);
	hv.trust = NULL;
	if (tls_trust_create(pem, &hv.trust, why) != 0)
		fail_msg("%s", why);
}

int help_verify_setup(void **state)
{
	(void)state;
	help_verify_trust(hv.root.pem);
	memset(hv.detail, 0, sizeof(hv.detail));
	return 0;
}

int help_verify_teardown(void **state)
{
	(void)state;
	tls_trust_free(hv.trust);
	hv.trust = NULL;
	return 0;
}

struct tls_verify_opts help_verify_opts(void)
{
	return (struct tls_verify_opts){
		.role = IDENT_CLIENT, .network = "net.example", .now = hv.now
	};
}

enum tls_reason help_verify_chain(
	const struct help_cert *const *certs, size_t n, const struct tls_verify_opts *opts)
{
	struct der chain[8] = { { 0 } };

	for (size_t i = 0; i < n; i++)
		chain[i] = (struct der){ certs[i]->der, certs[i]->len };
	enum tls_reason r = tls_verify_chain(hv.trust, chain, n, opts, &hv.id, hv.detail);
	/* A refusal says why, in printable words. */
	assert_int_equal(r == TLS_REASON_NONE, hv.detail[0] == '\0');
	return r;
}

enum tls_reason help_verify_one(const struct help_cert *cert, const struct tls_verify_opts *opts)
{
	const struct help_cert *const certs[] = { cert };

	return help_verify_chain(certs, 1, opts);
}

/* Issue a client's certificate as spec says and check it. */
enum tls_reason help_verify_client(const struct help_spec *spec, const struct help_cert *issuer)
{
	const struct tls_verify_opts opts = help_verify_opts();

	help_issue(&hv.leaf, spec, help_key(HELP_P256, 3), issuer);
	return help_verify_one(&hv.leaf, &opts);
}

enum tls_reason help_verify_host(const struct help_spec *spec, const char *host)
{
	struct tls_verify_opts opts = help_verify_opts();

	opts.role = IDENT_SERVER;
	opts.server_name = host;
	help_issue(&hv.leaf, spec, help_key(HELP_P256, 3), &hv.root);
	return help_verify_one(&hv.leaf, &opts);
}

enum tls_reason help_verify_two_tier(const struct help_cert *above)
{
	const struct tls_verify_opts opts = help_verify_opts();
	struct help_spec spec = help_client("alice");
	const struct help_cert *const certs[] = { &hv.leaf, above };

	help_issue(&hv.leaf, &spec, help_key(HELP_P256, 3), above);
	return help_verify_chain(certs, 2, &opts);
}
