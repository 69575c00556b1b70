#include "pki/csr.h"

#include <errno.h>
#include <stdio.h>

#include "tls/tls_verify.h"

/* extensionRequest, RFC 2985 5.4.2. */
static const uint8_t oid_extension_request[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 14 };
static const uint8_t oid_san[] = { 0x55, 0x1d, 0x11 };

static int take_san(const struct x509_ext *e, struct csr *c)
{
	struct der value = e->value, it, name;
	enum x509_san kind;
	int n;

	if (der_take(&value, DER_SEQUENCE, &c->san) < 0 || value.len != 0)
		return -EBADMSG;
	it = c->san;
	while ((n = x509_san_next(&it, &kind, &name)) == 1)
		continue;
	return n;
}

static int take_extensions(struct der set, struct csr *c)
{
	struct der list;

	if (der_take(&set, DER_SEQUENCE, &list) < 0 || set.len != 0)
		return -EBADMSG;
	while (list.len > 0) {
		struct x509_ext e;
		if (c->n_ext == CSR_EXTENSIONS_MAX || x509_take_ext(&list, &e) < 0)
			return -EBADMSG;
		for (size_t i = 0; i < c->n_ext; i++) {
			if (der_equal(&c->ext[i].oid, &e.oid))
				return -EBADMSG;
		}
		c->ext[c->n_ext++] = e;
		if (der_is(&e.oid, oid_san, sizeof(oid_san)) && take_san(&e, c) < 0)
			return -EBADMSG;
	}
	return 0;
}

static int take_attributes(struct der list, struct csr *c)
{
	bool seen = false;

	while (list.len > 0) {
		struct der attribute, oid, values;
		if (der_take(&list, DER_SEQUENCE, &attribute) < 0 ||
			der_take(&attribute, DER_OID, &oid) < 0 ||
			der_take(&attribute, DER_SET, &values) < 0 || attribute.len != 0)
			return -EBADMSG;
		if (!der_is(&oid, oid_extension_request, sizeof(oid_extension_request)))
			continue;
		if (seen || take_extensions(values, c) < 0)
			return -EBADMSG;
		seen = true;
	}
	return 0;
}

static int take_info(struct der info, struct csr *c)
{
	struct der body, attributes;
	uint32_t version;
	uint8_t tag;

	if (der_take_uint(&info, &version) < 0 || version != 0 ||
		der_next(&info, &tag, &body, &c->subject) < 0 || tag != DER_SEQUENCE ||
		x509_take_spki(&info, &c->spki) < 0)
		return -EBADMSG;
	/* Without attributes the field should be empty; some writers leave it out. */
	if (der_take_if(&info, DER_CONTEXT + DER_CONSTRUCTED, &attributes) == 1 &&
		take_attributes(attributes, c) < 0)
		return -EBADMSG;
	return info.len == 0 ? 0 : -EBADMSG;
}

int csr_parse(const uint8_t *der, size_t len, struct csr *out)
{
	struct der in = { der, len }, all, info, alg;
	struct csr c = { .n_ext = 0 };
	uint8_t tag;

	if (der_take(&in, DER_SEQUENCE, &all) < 0 || in.len != 0 ||
		der_next(&all, &tag, &info, &c.tbs) < 0 || tag != DER_SEQUENCE ||
		x509_take_sig_alg(&all, &c.sig_alg, &alg) < 0 || der_take_bits(&all, &c.sig) < 0 ||
		all.len != 0 || take_info(info, &c) < 0)
		return -EBADMSG;
	*out = c;
	return 0;
}

int csr_verify(const struct csr *c, char why[static 256])
{
	const char *wrong = NULL;

	if (c->spki.alg == X509_KEY_OTHER)
		wrong = "its key is too weak, or of a kind not supported (ECDSA P-256 or P-384, "
			"Ed25519, RSA of 2048 to 8192 bits)";
	else if (c->sig_alg == X509_SIG_OTHER)
		wrong = "it is signed with an algorithm too weak or not supported (SHA-1, MD5, "
			"PSS)";
	else if (tls_verify_signature(&c->spki.all, c->sig_alg, &c->tbs, &c->sig) != 0)
		wrong = "its signature does not verify: it does not come from the holder of the "
			"key, "
			"or was changed";
	if (wrong == NULL)
		return 0;
	(void)snprintf(why, 256, "%s", wrong);
	return -EKEYREJECTED;
}
