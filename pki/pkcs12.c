#include "pki/pkcs12.h"

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/settings.h>

#include <wolfssl/wolfcrypt/hmac.h>
#include <wolfssl/wolfcrypt/pwdbased.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/secret.h"
#include "base/util.h"
#include "pki/pbes2.h"

#define OID_DATA          "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"
#define OID_KEY_BAG       "\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x02" /* pkcs8ShroudedKeyBag */
#define OID_CERT_BAG      "\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x03"
#define OID_X509          "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x16\x01"
#define OID_FRIENDLY_NAME "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x14"
#define OID_LOCAL_KEY_ID  "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x15"
#define OID_SHA256        "\x60\x86\x48\x01\x65\x03\x04\x02\x01"

enum {
	EXPLICIT_0 = DER_CONTEXT + DER_CONSTRUCTED,
	VERSION = 3,
	ID_LEN = 20,
	SALT_LEN = 16,
	MAC_LEN = WC_SHA256_DIGEST_SIZE,
	MAC_KEY = 3, /* What the derived key is for (RFC 7292 B.3). */
	OVERHEAD = 4096,
	BMP_MAX = 2 * (PASS_MAX + 1),
};

/* UTF-8 to big-endian UTF-16.  The length, or -EINVAL. */
static int utf16(const char *text, size_t len, uint8_t out[static BMP_MAX])
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	const uint8_t *p = (const uint8_t *)text, *end = p + len;
	size_t n = 0;

	while (p < end) {
		size_t more = *p < 0x80   ? 0
			      : *p < 0xc2 ? 4
			      : *p < 0xe0 ? 1
			      : *p < 0xf0 ? 2
			      : *p < 0xf5 ? 3
					  : 4;
		if (more > 3 || more >= (size_t)(end - p) || n + 4 > BMP_MAX)
			return -EINVAL;
		uint32_t c = more == 0 ? *p : *p & (0x3fU >> more);
		for (size_t i = 1; i <= more; i++) {
			if ((p[i] & 0xc0) != 0x80)
				return -EINVAL;
			c = c << 6 | (p[i] & 0x3fU);
		}
		if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return -EINVAL;
		if (c >= 0x10000) {
			store_be16(out + n, (uint16_t)(0xd800 + ((c - 0x10000) >> 10)));
			n += 2;
			c = 0xdc00 + ((c - 0x10000) & 0x3ff);
		}
		store_be16(out + n, (uint16_t)c);
		n += 2;
		p += more + 1;
	}
	return (int)n;
}

static void put_oid(struct der_out *o, const char *oid)
{
	der_put(o, DER_OID, oid, strlen(oid));
}

/* What put one attribute's value since mark, made an attribute. */
static void wrap_attribute(struct der_out *o, size_t mark, const char *oid)
{
	der_wrap(o, DER_SET, mark);
	put_oid(o, oid);
	der_wrap(o, DER_SEQUENCE, mark);
}

static void put_attributes(struct der_out *o, const struct der *name, const struct der *id)
{
	size_t all = der_out_len(o), mark;

	der_put(o, DER_BMP_STRING, name->p, name->len);
	wrap_attribute(o, all, OID_FRIENDLY_NAME);
	mark = der_out_len(o);
	der_put(o, DER_OCTET_STRING, id->p, id->len);
	wrap_attribute(o, mark, OID_LOCAL_KEY_ID);
	der_wrap(o, DER_SET, all);
}

static void put_cert(
	struct der_out *o, const struct der *cert, const struct der *name, const struct der *id)
{
	size_t bag = der_out_len(o);

	if (name != NULL)
		put_attributes(o, name, id);
	size_t value = der_out_len(o);
	der_put(o, DER_OCTET_STRING, cert->p, cert->len);
	der_wrap(o, EXPLICIT_0, value);
	put_oid(o, OID_X509);
	der_wrap(o, DER_SEQUENCE, value);
	der_wrap(o, EXPLICIT_0, value);
	put_oid(o, OID_CERT_BAG);
	der_wrap(o, DER_SEQUENCE, bag);
}

/* ContentInfo of type data around what was put since mark. */
static void wrap_data(struct der_out *o, size_t mark)
{
	der_wrap(o, DER_OCTET_STRING, mark);
	der_wrap(o, EXPLICIT_0, mark);
	put_oid(o, OID_DATA);
	der_wrap(o, DER_SEQUENCE, mark);
}

/* AuthenticatedSafe: the key, then the certificates. */
static void put_safe(struct der_out *o, const struct pkcs12_spec *s, const struct der *key,
	const struct der *name)
{
	uint8_t hash[WC_SHA256_DIGEST_SIZE];
	const struct der id = { hash, ID_LEN };
	size_t all = der_out_len(o), mark;

	if (wc_Sha256Hash(s->cert.p, (word32)s->cert.len, hash) != 0)
		o->failed = true;
	for (size_t i = s->n_cas; i > 0; i--)
		put_cert(o, &s->cas[i - 1], NULL, NULL);
	put_cert(o, &s->cert, name, &id);
	der_wrap(o, DER_SEQUENCE, all);
	wrap_data(o, all);

	mark = der_out_len(o);
	put_attributes(o, name, &id);
	size_t value = der_out_len(o);
	der_put_raw(o, key->p, key->len);
	der_wrap(o, EXPLICIT_0, value);
	put_oid(o, OID_KEY_BAG);
	der_wrap(o, DER_SEQUENCE, mark);
	der_wrap(o, DER_SEQUENCE, mark);
	wrap_data(o, mark);
	der_wrap(o, DER_SEQUENCE, all);
}

static int mac(const struct pass *pass, const uint8_t salt[static SALT_LEN], const uint8_t *data,
	size_t len, uint8_t out[static MAC_LEN])
{
	uint8_t password[BMP_MAX + 2], key[MAC_LEN];
	Hmac h;
	int n = utf16(pass->text, pass->len, password), r = -1;

	if (n < 0)
		return n;
	store_be16(password + n, 0);
	if (wc_PKCS12_PBKDF(key, password, n + 2, salt, SALT_LEN, PKCS12_ITERATIONS, MAC_LEN,
		    WC_SHA256, MAC_KEY) == 0 &&
		wc_HmacInit(&h, NULL, INVALID_DEVID) == 0) {
		r = wc_HmacSetKey(&h, WC_SHA256, key, sizeof(key));
		if (r == 0)
			r = wc_HmacUpdate(&h, data, (word32)len);
		if (r == 0)
			r = wc_HmacFinal(&h, out);
		wc_HmacFree(&h);
	}
	secret_wipe(password, sizeof(password));
	secret_wipe(key, sizeof(key));
	return r == 0 ? 0 : -EIO;
}

/* PFX around the safe that o holds. */
static int put_all(struct der_out *o, const struct pass *pass, uint8_t *scratch)
{
	uint8_t salt[SALT_LEN], seal[MAC_LEN];
	size_t len = der_out_len(o), cap = o->cap, mark, part;
	int r;

	if (o->failed || getrandom(salt, sizeof(salt), 0) != sizeof(salt))
		return -EIO;
	memcpy(scratch, der_out_bytes(o), len);
	r = mac(pass, salt, scratch, len, seal);
	if (r < 0)
		return r;
	der_out_init(o, o->buf, cap);
	der_put_uint(o, PKCS12_ITERATIONS);
	der_put(o, DER_OCTET_STRING, salt, sizeof(salt));
	part = der_out_len(o);
	der_put(o, DER_OCTET_STRING, seal, sizeof(seal));
	mark = der_out_len(o);
	der_put(o, DER_NULL, NULL, 0);
	put_oid(o, OID_SHA256);
	der_wrap(o, DER_SEQUENCE, mark);
	der_wrap(o, DER_SEQUENCE, part);
	der_wrap(o, DER_SEQUENCE, 0);
	mark = der_out_len(o);
	der_put_raw(o, scratch, len);
	wrap_data(o, mark);
	der_put_uint(o, VERSION);
	der_wrap(o, DER_SEQUENCE, 0);
	return o->failed ? -EIO : 0;
}

static int seal_key(const struct pkcs12_spec *s, uint8_t *out, size_t cap)
{
	uint8_t plain[KEY_PKCS8_MAX];
	int n = key_to_pkcs8(s->key, plain);

	if (n > 0)
		n = pbes2_encrypt(s->pass, plain, (size_t)n, out, cap);
	secret_wipe(plain, sizeof(plain));
	return n;
}

int pkcs12_make(const struct pkcs12_spec *spec, uint8_t **out)
{
	uint8_t sealed[KEY_PKCS8_MAX + PBES2_OVERHEAD], name[BMP_MAX];
	size_t cap = spec->cert.len + sizeof(sealed) + OVERHEAD;
	int n = seal_key(spec, sealed, sizeof(sealed)), m, r;
	uint8_t *buf, *scratch;
	struct der_out o;

	if (n < 0)
		return n;
	if (strlen(spec->name) > PKCS12_NAME_MAX || spec->n_cas > PKCS12_CAS_MAX ||
		(m = utf16(spec->name, strlen(spec->name), name)) < 0)
		return -EINVAL;
	for (size_t i = 0; i < spec->n_cas; i++)
		cap += spec->cas[i].len;
	buf = malloc(cap);
	scratch = malloc(cap);
	r = buf == NULL || scratch == NULL ? -ENOMEM : 0;
	if (r == 0) {
		const struct der key = { sealed, (size_t)n }, friendly = { name, (size_t)m };
		der_out_init(&o, buf, cap);
		put_safe(&o, spec, &key, &friendly);
		r = put_all(&o, spec->pass, scratch);
	}
	free(scratch);
	if (r < 0) {
		free(buf);
		return r;
	}
	r = (int)der_out_len(&o);
	memmove(buf, der_out_bytes(&o), (size_t)r);
	*out = buf;
	return r;
}
