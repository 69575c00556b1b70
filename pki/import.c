#include "pki/import.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/util.h"
#include "net/ident.h"
#include "pki/fs.h"
#include "pki/key.h"
#include "pki/pbes2.h"
#include "pki/pem.h"

int import_read_cert(int dir, const char *path, uint8_t **der, struct x509_cert *cert)
{
	char *text = NULL;
	size_t len = 0, n = 0;
	int r = fs_read(dir, path, &text, &len);

	/* Text stands before the block. */
	if (r == 0 && pem_decode("CERTIFICATE", text, len, der, &n) < 0)
		r = -EBADMSG;
	free(text);
	if (r == 0 && x509_parse(*der, n, cert) < 0) {
		free(*der);
		*der = NULL;
		r = -EBADMSG;
	}
	return r;
}

void import_read_leaf(const struct x509_cert *cert, struct import_leaf *out)
{
	struct san_list list = { .n = 0 };
	struct der it = cert->san, value;
	enum x509_san kind;
	struct ident id;

	while (x509_san_next(&it, &kind, &value) == 1)
		(void)san_add(&list, kind, &value);
	san_text(&list, out->sans);
	out->kind = (cert->eku & X509_EKU_SERVER_AUTH) != 0 ? "server" : "client";
	if (ident_of_cert(cert, &id) == 0)
		(void)snprintf(out->name, sizeof(out->name), "%s", id.name);
	else if (x509_common_name(&cert->subject, out->name, sizeof(out->name)) < 0)
		(void)snprintf(out->name, sizeof(out->name), "unknown");
}

/* Write a file; an import that was cut short has perhaps done so before. */
static int put(const struct ca *ca, const char *path, unsigned mode, const char *text)
{
	char *there = NULL;
	size_t len = 0;
	int r = fs_create(ca->dir, path, mode, text, strlen(text));

	if (r != -EEXIST)
		return r;
	r = fs_read(ca->dir, path, &there, &len);
	if (r == 0 && (len != strlen(text) || memcmp(there, text, len) != 0))
		r = -EEXIST;
	secret_free(there, len);
	return r;
}

int import_put_cert(const struct ca *ca, const char *kind, const struct x509_cert *cert)
{
	char path[CA_PATH_LEN], *text;
	struct serial serial;
	int r;

	if (serial_of(&cert->serial, &serial) < 0)
		return -EINVAL;
	text = pem_encode("CERTIFICATE", cert->all.p, cert->all.len);
	r = text == NULL ? -ENOMEM
			 : put(ca, ca_cert_path(kind, serial.text, path), FS_PUBLIC, text);
	free(text);
	return r;
}

/* A key in the form of its algorithm (RFC 8017, RFC 5915) as PKCS #8, whose algorithm is that of the certificate. */
static int wrap(const struct x509_cert *cert, const uint8_t *der, size_t len,
	uint8_t out[static KEY_PKCS8_MAX])
{
	struct der in = cert->spki, spki, body, alg;
	struct der_out o;
	uint8_t tag;

	if (der_take(&in, DER_SEQUENCE, &spki) < 0 || der_next(&spki, &tag, &body, &alg) < 0)
		return -EBADMSG;
	der_out_init(&o, out, KEY_PKCS8_MAX);
	der_put(&o, DER_OCTET_STRING, der, len);
	der_put_raw(&o, alg.p, alg.len);
	der_put_uint(&o, 0);
	der_wrap(&o, DER_SEQUENCE, 0);
	if (o.failed)
		return -EBADMSG;
	memmove(out, der_out_bytes(&o), der_out_len(&o));
	return (int)der_out_len(&o);
}

static bool fits(const uint8_t *pkcs8, size_t len, const struct x509_cert *cert)
{
	uint8_t spki[KEY_SPKI_MAX];
	struct key *key = NULL;
	int n = key_from_pkcs8(pkcs8, len, &key) == 0 ? key_spki(key, spki) : -1;

	key_free(key);
	return n > 0 && der_is(&cert->spki, spki, (size_t)n);
}

/* A key in clear, as the PEM text that we write. */
static int convert_clear(const char *text, size_t len, const struct x509_cert *cert, char **out)
{
	static const char *const labels[] = { "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY" };
	uint8_t pkcs8[KEY_PKCS8_MAX], *der = NULL;
	size_t n = 0, i = 0;
	int r = -ENOENT, m = 0;

	for (; r == -ENOENT && i < ARRAY_LEN(labels); i++)
		r = pem_decode(labels[i], text, len, &der, &n);
	if (r < 0)
		return -EBADMSG;
	if (i == 1 && n <= sizeof(pkcs8)) {
		memcpy(pkcs8, der, n);
		m = (int)n;
	} else if (i > 1) {
		m = wrap(cert, der, n, pkcs8);
	}
	r = m > 0 && fits(pkcs8, (size_t)m, cert) ? 0 : -EBADMSG;
	if (r == 0) {
		*out = pem_encode("PRIVATE KEY", pkcs8, (size_t)m);
		r = *out == NULL ? -ENOMEM : 0;
	}
	secret_wipe(pkcs8, sizeof(pkcs8));
	secret_free(der, n);
	return r;
}

/* One that is encrypted in our way stays as it is: only its holder can say more. */
static int convert_encrypted(const uint8_t *der, size_t len, char **out)
{
	const struct pass none = { .text = "x", .len = 1 };
	uint8_t plain[KEY_PKCS8_MAX + PBES2_OVERHEAD];
	int r = len > sizeof(plain) ? -EBADMSG
				    : pbes2_decrypt(&none, der, len, plain, sizeof(plain));

	secret_wipe(plain, sizeof(plain));
	if (r == -EBADMSG)
		return -ENOTSUP;
	*out = pem_encode("ENCRYPTED PRIVATE KEY", der, len);
	return *out == NULL ? -ENOMEM : 0;
}

int import_put_key(const struct ca *ca, const char *kind, const char *serial,
	const struct x509_cert *cert, int from, const char *path)
{
	char to[CA_PATH_LEN], *text = NULL, *out = NULL;
	uint8_t *der = NULL;
	size_t len = 0, n = 0;
	int r = fs_read(from, path, &text, &len);

	if (r < 0)
		return r;
	if (strstr(text, "Proc-Type: 4,ENCRYPTED") != NULL)
		r = -ENOTSUP;
	else if (pem_decode("ENCRYPTED PRIVATE KEY", text, len, &der, &n) == 0)
		r = convert_encrypted(der, n, &out);
	else
		r = convert_clear(text, len, cert, &out);
	if (r == 0)
		r = put(ca, ca_key_path(kind, serial, to), FS_SECRET, out);
	secret_free(out, out != NULL ? strlen(out) : 0);
	secret_free(text, len);
	free(der);
	return r;
}
