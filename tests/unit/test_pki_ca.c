#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pki/cas.h"
#include "pki/cert.h"
#include "pki/constraints.h"
#include "pki/csr.h"
#include "pki/lint.h"

/* CAs among each other: what bounds them, who signs whom, which is which in a directory; and requests of ours. */

static const int64_t now = 1800000000;

struct made {
	struct key *key;
	struct serial serial;
	uint8_t der[CERT_MAX], spki[KEY_SPKI_MAX];
	struct x509_cert cert;
};

static struct constraints limits;

/* A CA signed by up (NULL: by itself).  Returns what cert_make() does. */
static int make_ca(struct made *m, const struct made *up, struct cert_spec spec, char *why)
{
	int n;

	if (m->key == NULL)
		assert_int_equal(key_make(KEY_P256, &m->key), 0);
	assert_int_equal(serial_make(&m->serial), 0);
	n = key_spki(m->key, m->spki);
	spec.kind = CERT_CA;
	spec.serial = &m->serial;
	spec.not_before = now;
	spec.not_after = now + 1000;
	spec.spki = (struct der){ m->spki, (size_t)n };
	spec.issuer = up != NULL ? &up->cert : NULL;
	n = cert_make(&spec, up != NULL ? up->key : m->key, m->der, why);
	if (n > 0)
		assert_int_equal(x509_parse(m->der, (size_t)n, &m->cert), 0);
	return n;
}

static int make_leaf(const struct made *ca, const char *dns, const struct grant *g, char *why)
{
	struct made *m = calloc(1, sizeof(*m));
	struct san_list sans = { .n = 0 };
	int n;

	assert_non_null(m);
	assert_int_equal(key_make(KEY_ED25519, &m->key), 0);
	assert_int_equal(serial_make(&m->serial), 0);
	n = key_spki(m->key, m->spki);
	assert_int_equal(san_add_uri(&sans, "spiffe://vpn.example/client/a"), 0);
	assert_int_equal(san_add_dns(&sans, dns), 0);
	const struct cert_spec spec = {
		.kind = CERT_CLIENT,
		.serial = &m->serial,
		.common_name = "a",
		.not_before = now,
		.not_after = now + 10,
		.spki = { m->spki, (size_t)n },
		.sans = &sans,
		.issuer = &ca->cert,
		.grant = g,
	};
	n = cert_make(&spec, ca->key, m->der, why);
	key_free(m->key);
	free(m);
	return n;
}

static void test_path_length(void **state)
{
	static struct made root, lower, below;
	char why[256];

	(void)state;
	assert_true(make_ca(&root, NULL, (struct cert_spec){ .common_name = "R", .path_len = 1 },
			    why) > 0);
	assert_int_equal(root.cert.path_len, 1);
	assert_true(make_ca(&lower, &root, (struct cert_spec){ .common_name = "L" }, why) > 0);
	assert_int_equal(lower.cert.path_len, 0);
	assert_true(der_equal(&lower.cert.akid, &root.cert.skid));
	/* No room for what has as long a path as its issuer, or for anything below 0. */
	assert_int_equal(make_ca(&below, &root,
				 (struct cert_spec){ .common_name = "B", .path_len = 1 }, why),
		-EINVAL);
	assert_non_null(strstr(why, "path length"));
	assert_int_equal(
		make_ca(&below, &lower, (struct cert_spec){ .common_name = "B" }, why), -EINVAL);
	/* A name that is copied is the same to the byte. */
	assert_true(make_ca(&below, &root, (struct cert_spec){ .subject = lower.cert.subject },
			    why) > 0);
	assert_true(der_equal(&below.cert.subject, &lower.cert.subject));
	key_free(root.key);
	key_free(lower.key);
	key_free(below.key);
}

static void test_bounds(void **state)
{
	static const char *const dns[] = { "example.net" }, *const ip[] = { "192.0.2.0/24",
		"fd00::/8" };
	static struct made root, lower;
	struct grant bounds = { .n_groups = 0 }, mine = bounds;
	const char *wrong = NULL;
	char why[256], text[CONSTRAINTS_TEXT_LEN];

	(void)state;
	assert_int_equal(constraints_make(dns, 1, ip, 2, &limits, &wrong), 0);
	assert_int_equal(grant_add_group(&bounds, "staff"), 0);
	struct cert_spec spec = {
		.common_name = "R", .path_len = 1, .constraints = limits.value, .grant = &bounds
	};
	assert_true(make_ca(&root, NULL, spec, why) > 0);
	assert_string_equal(
		constraints_text(&root.cert, text), "dns:example.net,ip:192.0.2.0/24,ip:fd00::/8");
	const struct der copied = cert_constraints(&root.cert);
	assert_true(der_equal(&copied, &limits.value));
	/* A CA below may not have fewer bounds. */
	assert_int_equal(
		make_ca(&lower, &root, (struct cert_spec){ .common_name = "L" }, why), -EINVAL);
	assert_non_null(strstr(why, "grant"));
	assert_true(make_ca(&lower, &root,
			    (struct cert_spec){ .common_name = "L", .grant = &bounds }, why) > 0);
	/* Nor may its certificates. */
	assert_true(make_leaf(&root, "a.example.net", &bounds, why) > 0);
	assert_true(make_leaf(&root, "a.example.net", NULL, why) > 0);
	assert_int_equal(make_leaf(&root, "a.example.org", NULL, why), -EINVAL);
	assert_non_null(strstr(why, "name constraints"));
	assert_int_equal(grant_add_group(&mine, "root"), 0);
	assert_int_equal(make_leaf(&lower, "a.example.net", &mine, why), -EINVAL);
	assert_non_null(strstr(why, "grant"));
	/* Addresses are for holders. */
	assert_int_equal(grant_add_address(&bounds, "10.0.0.1"), 0);
	assert_int_equal(make_ca(&lower, NULL,
				 (struct cert_spec){ .common_name = "L", .grant = &bounds }, why),
		-EINVAL);
	key_free(root.key);
	key_free(lower.key);
}

static void test_bad_constraints(void **state)
{
	static const char *const bad_dns[] = { "", ".example.net", "*.example.net", "10.0.0.1",
		"a b" };
	static const char *const bad_ip[] = { "", "x", "10.0.0.1/8", "10.0.0.0/33" };
	const char *wrong = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad_dns) / sizeof(bad_dns[0]); i++) {
		assert_int_equal(
			constraints_make(&bad_dns[i], 1, NULL, 0, &limits, &wrong), -EINVAL);
		assert_ptr_equal(wrong, bad_dns[i]);
	}
	for (size_t i = 0; i < sizeof(bad_ip) / sizeof(bad_ip[0]); i++) {
		assert_int_equal(
			constraints_make(NULL, 0, &bad_ip[i], 1, &limits, &wrong), -EINVAL);
		assert_ptr_equal(wrong, bad_ip[i]);
	}
	assert_int_equal(constraints_make(NULL, 0, NULL, 0, &limits, &wrong), 0);
	assert_int_equal(limits.value.len, 0);
}

static void test_requests(void **state)
{
	static uint8_t der[CSR_MAX];
	struct san_list sans = { .n = 0 };
	struct csr c;
	char why[256], name[80];

	(void)state;
	assert_int_equal(san_add_dns(&sans, "a.example"), 0);
	for (enum key_alg alg = KEY_P256; alg <= KEY_RSA3072; alg++) {
		const struct csr_spec spec = { .common_name = "a", .sans = &sans };
		struct key *k = NULL;
		assert_int_equal(key_make(alg, &k), 0);
		int n = csr_make(&spec, k, der, why);
		assert_true(n > 0);
		assert_int_equal(csr_parse(der, (size_t)n, &c), 0);
		assert_int_equal(csr_verify(&c, why), 0);
		assert_int_equal(x509_common_name(&c.subject, name, sizeof(name)), 0);
		assert_string_equal(name, "a");
		assert_int_equal(c.n_ext, 1);
		assert_true(c.san.len > 0);
		/* A name that is there already is taken as it is; nothing else is asked for. */
		const struct csr_spec again = { .subject = c.subject };
		static uint8_t second[CSR_MAX];
		struct csr d;
		n = csr_make(&again, k, second, why);
		assert_true(n > 0);
		assert_int_equal(csr_parse(second, (size_t)n, &d), 0);
		assert_true(der_equal(&c.subject, &d.subject));
		assert_int_equal(d.n_ext, 0);
		key_free(k);
	}
}

static void add_row(struct store *s, const char *serial, bool has_key)
{
	const struct store_cert c = {
		.serial = serial,
		.issuer = serial,
		.kind = "ca",
		.name = "ca",
		.sans = "",
		.has_key = has_key,
		.created = now,
	};

	assert_int_equal(store_begin(s), 0);
	assert_int_equal(store_reserve(s, &c), 0);
	assert_int_equal(store_set_issued(s, serial, now, now + 1), 0);
	assert_int_equal(store_commit(s), 0);
}

static void set(struct store *s, int (*fn)(struct store *s, const char *a, const char *b),
	const char *a, const char *b)
{
	assert_int_equal(store_begin(s), 0);
	assert_int_equal(fn(s, a, b), 0);
	assert_int_equal(store_commit(s), 0);
}

static void set_role(struct store *s, const char *id, enum cas_role role)
{
	assert_int_equal(store_begin(s), 0);
	assert_int_equal(cas_set_role(s, id, role), 0);
	assert_int_equal(store_commit(s), 0);
}

static void test_roles(void **state)
{
	char path[] = "/tmp/pki-cas-XXXXXX", db[64];
	struct store *s = NULL;
	struct cas all;

	(void)state;
	assert_non_null(mkdtemp(path));
	(void)snprintf(db, sizeof(db), "%s/index.db", path);
	assert_int_equal(store_open(db, STORE_CREATE, &s), 0);
	assert_int_equal(cas_load(s, &all), 0);
	assert_int_equal(all.n, 0);
	assert_null(cas_find(&all, CAS_ACTIVE));
	/* Of a directory that has never heard of roles, its one CA is active. */
	add_row(s, "41", true);
	add_row(s, "42", false);
	assert_int_equal(cas_load(s, &all), 0);
	assert_int_equal(all.n, 2);
	assert_string_equal(cas_find(&all, CAS_ACTIVE)->id, "41");
	assert_string_equal(cas_find(&all, CAS_FOREIGN)->id, "42");
	/* One more certificate of the same CA. */
	add_row(s, "43", false);
	set(s, cas_set_id, "43", "41");
	add_row(s, "44", true);
	set_role(s, "44", CAS_NEXT);
	assert_int_equal(cas_load(s, &all), 0);
	assert_int_equal(all.n, 3);
	assert_string_equal(all.ca[0].id, "41");
	assert_string_equal(all.ca[0].serial, "43");
	assert_string_equal(cas_find(&all, CAS_NEXT)->serial, "44");
	assert_true(cas_in_bundle(&all.ca[1]));
	assert_false(cas_signs_crls(&all.ca[1]));
	assert_false(cas_in_bundle(cas_find(&all, CAS_FOREIGN)));
	set_role(s, "41", CAS_OLD);
	set_role(s, "44", CAS_ACTIVE);
	assert_int_equal(cas_load(s, &all), 0);
	assert_string_equal(all.ca[0].id, "44");
	assert_true(cas_in_bundle(cas_find(&all, CAS_OLD)));
	assert_true(cas_signs_crls(cas_find(&all, CAS_OLD)));
	set_role(s, "41", CAS_RETIRED);
	assert_int_equal(cas_load(s, &all), 0);
	assert_false(cas_in_bundle(cas_find(&all, CAS_RETIRED)));
	assert_false(cas_signs_crls(cas_find(&all, CAS_RETIRED)));
	set(s, store_set_meta, "ca.role.44", "queen");
	assert_int_equal(cas_load(s, &all), -EBADMSG);
	store_close(s);
	(void)unlink(db);
	assert_int_equal(rmdir(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path_length),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_bad_constraints),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_roles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
