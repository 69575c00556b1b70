#ifndef PKI_KEYFILE_H
#define PKI_KEYFILE_H

#include "net/der.h"
#include "pki/key.h"
#include "pki/pass.h"

/* Private keys as files of the CA's directory: PEM, PKCS#8, encrypted where a passphrase is given. */

/*
 * Write k to path below dir, encrypted with pass unless that is NULL, and read it back: it must be
 * encrypted when it should be and give the same key.  0 or -errno.
 */
int keyfile_write(int dir, const char *path, struct key *k, const struct pass *pass);

/* Give the file from a second name, to below dir, as it is: what is encrypted stays so.  0 or -errno. */
int keyfile_copy(int dir, const char *from, const char *to);

/*
 * Load the key in path below dir, which must be the one of spki (NULL: any).  pass may be NULL.  Returns 0; -ENOKEY: it is encrypted and
 * there is no pass; -EKEYREJECTED: wrong passphrase; -EPERM: others may touch the file; -EBADMSG: not that
 * key, or none; or an error of reading.
 */
int keyfile_load(int dir, const char *path, const struct der *spki, const struct pass *pass,
	struct key **out);

#endif
