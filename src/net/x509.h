#ifndef NET_X509_H
#define NET_X509_H

#include "net/der.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reading certificates and CRLs (RFC 5280): parsing only, no signature is verified here.  Every struct
 * points into the caller's DER, which must outlive it.
 */

enum x509_key {
	X509_KEY_OTHER, /* Unknown, or too weak for PROTOCOL 2.3. */
	X509_KEY_P256,
	X509_KEY_P384,
	X509_KEY_ED25519,
	X509_KEY_RSA,
};

enum x509_sig {
	X509_SIG_OTHER, /* Unknown or forbidden (MD5, SHA-1, PSS). */
	X509_SIG_ECDSA_SHA256,
	X509_SIG_ECDSA_SHA384,
	X509_SIG_ECDSA_SHA512,
	X509_SIG_RSA_SHA256,
	X509_SIG_RSA_SHA384,
	X509_SIG_RSA_SHA512,
	X509_SIG_ED25519,
};

/* Bits of keyUsage (RFC 5280 4.2.1.3) and extendedKeyUsage. */
enum {
	X509_KU_DIGITAL_SIGNATURE = 1 << 0,
	X509_KU_KEY_ENCIPHERMENT = 1 << 2,
	X509_KU_KEY_CERT_SIGN = 1 << 5,
	X509_KU_CRL_SIGN = 1 << 6,
	X509_EKU_SERVER_AUTH = 1 << 0,
	X509_EKU_CLIENT_AUTH = 1 << 1,
	X509_EKU_OTHER = 1 << 2, /* Any other purpose, anyExtendedKeyUsage too. */
};

enum { X509_SERIAL_MAX = 20, X509_MAX_EXTENSIONS = 32 };

struct x509_ext {
	struct der oid, value; /* Content of OID, content of the OCTET STRING. */
	bool critical;
};

struct x509_spki {
	struct der all; /* SubjectPublicKeyInfo with its header. */
	struct der key; /* Content of its BIT STRING. */
	enum x509_key alg;
	unsigned bits; /* Also where an RSA key is too weak or too long; 0 when unknown. */
};

struct x509_cert {
	struct der all; /* The whole Certificate. */
	struct der tbs; /* TBSCertificate with its header: what is signed. */
	struct der sig; /* Content of the signature's BIT STRING. */
	enum x509_sig sig_alg;
	unsigned version;              /* 1, 2 or 3. */
	struct der serial;             /* Content of the INTEGER. */
	struct der issuer, subject;    /* Names with their headers. */
	int64_t not_before, not_after; /* Unix seconds. */
	struct der spki;               /* SubjectPublicKeyInfo with its header. */
	struct der key;                /* Content of its BIT STRING. */
	enum x509_key key_alg;
	unsigned key_bits;

	bool has_basic, is_ca, basic_critical;
	int path_len; /* -1: no limit. */
	bool has_ku, ku_critical;
	unsigned ku;
	bool has_eku;
	unsigned eku;
	struct der san; /* Content of GeneralNames; len 0 when absent. */
	bool san_critical;
	struct der skid, akid; /* Key identifiers; len 0 when absent. */
	struct der permitted,
		excluded;      /* Of nameConstraints: content of the subtrees; len 0: none. */
	bool unknown_critical; /* A critical extension this parser does not know. */
	struct x509_ext ext[X509_MAX_EXTENSIONS];
	size_t n_ext;
};

/* Parse one certificate that fills der exactly.  Returns 0 or -EBADMSG (also: an extension twice). */
int x509_parse(const uint8_t *der, size_t len, struct x509_cert *out);

/*
 * The parts that certificates share with CRLs and with certificate signing requests.  Each takes one element from *in and
 * returns 0 or -EBADMSG: a signature's AlgorithmIdentifier (*all with its header), a
 * SubjectPublicKeyInfo, an Extension.
 */
int x509_take_sig_alg(struct der *in, enum x509_sig *alg, struct der *all);
int x509_take_spki(struct der *in, struct x509_spki *out);
int x509_take_ext(struct der *in, struct x509_ext *out);

/* The key identifier in the value of an authorityKeyIdentifier (len 0: it has none).  0 or -EBADMSG. */
int x509_akid(const struct der *value, struct der *out);

/* Kinds of GeneralName (their context tags). */
enum x509_san {
	X509_SAN_EMAIL = 1,
	X509_SAN_DNS = 2,
	X509_SAN_URI = 6,
	X509_SAN_IP = 7,
};

/*
 * Walk the subject alternative names: start with *it = cert->san.  Returns 1 and sets *kind and *value, 0 at the end,
 * -EBADMSG when malformed.  Kinds other than those above are passed over.
 */
int x509_san_next(struct der *it, enum x509_san *kind, struct der *value);

/*
 * May ca, by its nameConstraints (RFC 5280 4.2.1.10), vouch for all alternative names of cert?  dNSName, iPAddress, URI
 * (its host) and rfc822Name are compared.  Returns 0; -EACCES: a name is outside; -EBADMSG: a constraint is malformed, or
 * of another kind of name, which nobody here could hold against cert.
 */
int x509_permits(const struct x509_cert *ca, const struct x509_cert *cert);

/* The first commonName of a Name, as text without control characters.  Returns 0 or -ENOENT. */
int x509_common_name(const struct der *name, char *out, size_t cap);

struct x509_crl {
	struct der all, tbs, sig;
	enum x509_sig sig_alg;
	struct der issuer; /* With its header. */
	int64_t this_update;
	int64_t next_update; /* INT64_MAX when absent. */
	struct der number;   /* Content of cRLNumber's INTEGER; len 0 when absent. */
	struct der akid;
	struct der entries;    /* Content of revokedCertificates. */
	bool unknown_critical; /* Such a CRL must not be used. */
};

/* Parse one CRL that fills der exactly, entries included.  Returns 0 or -EBADMSG. */
int x509_crl_parse(const uint8_t *der, size_t len, struct x509_crl *out);

struct x509_revoked {
	struct der serial;
	int64_t date;
	int reason; /* CRLReason, -1 when absent. */
};

/* Walk the entries: start with *it = crl->entries.  Returns 1, 0 at the end, -EBADMSG. */
int x509_crl_next(struct der *it, struct x509_revoked *out);

/*
 * Find the next PEM block (RFC 7468) of text[*pos..len) with this label ("CERTIFICATE"; NULL: any), decode it into out of cap
 * bytes and move *pos past it.  Returns its length, 0 when there is none, -EBADMSG (bad base64, no end line)
 * or -ENOBUFS.
 */
int x509_pem_next(
	const char *text, size_t len, size_t *pos, const char *label, uint8_t *out, size_t cap);

#endif
