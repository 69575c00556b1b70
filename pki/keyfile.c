#include "pki/keyfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "pki/fs.h"
#include "pki/pbes2.h"
#include "pki/pem.h"

static const char plain_label[] = "PRIVATE KEY";
static const char encrypted_label[] = "ENCRYPTED PRIVATE KEY";

/* The PEM text of a key. */
static int encode(struct key *k, const struct pass *pass, char **text)
{
	uint8_t plain[KEY_PKCS8_MAX], sealed[KEY_PKCS8_MAX + PBES2_OVERHEAD];
	int n = key_to_pkcs8(k, plain);

	if (n > 0 && pass != NULL) {
		n = pbes2_encrypt(pass, plain, (size_t)n, sealed, sizeof(sealed));
		*text = n < 0 ? NULL : pem_encode(encrypted_label, sealed, (size_t)n);
	} else {
		*text = n < 0 ? NULL : pem_encode(plain_label, plain, (size_t)n);
	}
	secret_wipe(plain, sizeof(plain));
	return n < 0 ? n : *text == NULL ? -ENOMEM : 0;
}

static int decrypt(const char *text, size_t len, const struct pass *pass, struct key **out)
{
	uint8_t *sealed = NULL, *plain = NULL;
	size_t n = 0;
	int r = pem_decode(encrypted_label, text, len, &sealed, &n);

	if (r < 0)
		return r;
	plain = malloc(n);
	r = plain == NULL ? -ENOMEM : pbes2_decrypt(pass, sealed, n, plain, n);
	if (r >= 0) {
		r = key_from_pkcs8(plain, (size_t)r, out);
		r = r == -EBADMSG ? -EKEYREJECTED : r; /* It was padded right by chance. */
	}
	secret_free(plain, n);
	free(sealed);
	return r;
}

static int decode(const char *text, size_t len, struct key **out)
{
	uint8_t *plain = NULL;
	size_t n = 0;
	int r = pem_decode(plain_label, text, len, &plain, &n);

	if (r < 0)
		return r;
	r = key_from_pkcs8(plain, n, out);
	secret_free(plain, n);
	return r;
}

/* -ENOKEY: yes. */
static int is_encrypted(const char *text, size_t len)
{
	uint8_t *sealed = NULL;
	size_t n = 0;
	int r = pem_decode(encrypted_label, text, len, &sealed, &n);

	free(sealed);
	return r < 0 ? r : -ENOKEY;
}

static bool same_key(struct key *k, const struct der *spki)
{
	uint8_t own[KEY_SPKI_MAX];
	int n = key_spki(k, own);

	return spki == NULL || (n > 0 && der_is(spki, own, (size_t)n));
}

/* What has been written gives this key back, and only with its passphrase if it has one. */
static int check(int dir, const char *path, struct key *k, const struct pass *pass)
{
	uint8_t spki[KEY_SPKI_MAX];
	struct key *again = NULL;
	char *text = NULL;
	size_t len = 0;
	int n = key_spki(k, spki), r = fs_read_secret(dir, path, &text, &len);

	if (r == 0)
		r = pass != NULL ? decrypt(text, len, pass, &again) : decode(text, len, &again);
	if (r == 0) {
		struct der want = { spki, n > 0 ? (size_t)n : 0 };
		r = same_key(again, &want) ? 0 : -EIO;
	}
	key_free(again);
	secret_free(text, len);
	return r;
}

int keyfile_write(int dir, const char *path, struct key *k, const struct pass *pass)
{
	char *text = NULL;
	int r = encode(k, pass, &text);
	size_t len = r == 0 ? strlen(text) : 0;

	if (r == 0)
		r = fs_create(dir, path, FS_SECRET, text, len);
	secret_free(text, len);
	if (r < 0)
		return r;
	r = check(dir, path, k, pass);
	if (r < 0)
		(void)fs_remove(dir, path);
	return r;
}

int keyfile_load(int dir, const char *path, const struct der *spki, const struct pass *pass,
	struct key **out)
{
	struct key *k = NULL;
	char *text = NULL;
	size_t len = 0;
	int r = fs_read_secret(dir, path, &text, &len);

	if (r < 0)
		return r;
	r = decode(text, len, &k);
	if (r == 0) {
		r = same_key(k, spki) ? 0 : -EBADMSG;
	} else if (r == -ENOENT) {
		r = pass != NULL ? decrypt(text, len, pass, &k) : is_encrypted(text, len);
		if (r == 0 && !same_key(k, spki))
			r = -EKEYREJECTED;
	}
	secret_free(text, len);
	if (r < 0) {
		key_free(k);
		return r == -ENOENT ? -EBADMSG : r;
	}
	*out = k;
	return 0;
}

int keyfile_copy(int dir, const char *from, const char *to)
{
	char *text = NULL;
	size_t len = 0;
	int r = fs_read_secret(dir, from, &text, &len);

	if (r == 0)
		r = fs_create(dir, to, FS_SECRET, text, len);
	secret_free(text, len);
	return r;
}
