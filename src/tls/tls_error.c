#include "tls/tls_error.h"

#include "base/util.h"

#include <wolfssl/options.h>

#include <wolfssl/error-ssl.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include <stdio.h>
#include <string.h>

enum { DETAIL_CAP = 256 };

static const char *alert_name(int code)
{
	/* RFC 8446 6. */
	static const struct {
		int code;
		const char *name;
	} names[] = {
		{ 10, "unexpected_message" },
		{ 20, "bad_record_mac" },
		{ 22, "record_overflow" },
		{ 40, "handshake_failure" },
		{ 42, "bad_certificate" },
		{ 43, "unsupported_certificate" },
		{ 44, "certificate_revoked" },
		{ 45, "certificate_expired" },
		{ 46, "certificate_unknown" },
		{ 47, "illegal_parameter" },
		{ 48, "unknown_ca" },
		{ 49, "access_denied" },
		{ 50, "decode_error" },
		{ 51, "decrypt_error" },
		{ 70, "protocol_version" },
		{ 71, "insufficient_security" },
		{ 80, "internal_error" },
		{ 86, "inappropriate_fallback" },
		{ 90, "user_canceled" },
		{ 109, "missing_extension" },
		{ 110, "unsupported_extension" },
		{ 112, "unrecognized_name" },
		{ 113, "bad_certificate_status_response" },
		{ 115, "unknown_psk_identity" },
		{ 116, "certificate_required" },
		{ 120, "no_application_protocol" },
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (names[i].code == code)
			return names[i].name;
	}
	return "unknown";
}

static const struct {
	int err;
	enum tls_reason reason;
} known[] = {
	{ NO_PEER_CERT, TLS_REASON_NO_CERTIFICATE },
	{ NO_PEER_VERIFY, TLS_REASON_NO_POSSESSION },
	{ VERIFY_SIGN_ERROR, TLS_REASON_NO_POSSESSION },
	{ SIG_VERIFY_E, TLS_REASON_NO_POSSESSION },
	{ ASN_NO_SIGNER_E, TLS_REASON_UNKNOWN_CA },
	{ ASN_SELF_SIGNED_E, TLS_REASON_UNKNOWN_CA },
	{ ASN_SIG_CONFIRM_E, TLS_REASON_UNKNOWN_CA },
	{ ASN_PATHLEN_SIZE_E, TLS_REASON_UNKNOWN_CA },
	{ ASN_PATHLEN_INV_E, TLS_REASON_UNKNOWN_CA },
	{ ASN_NAME_INVALID_E, TLS_REASON_UNKNOWN_CA },
	{ NOT_CA_ERROR, TLS_REASON_UNKNOWN_CA },
	{ ASN_BEFORE_DATE_E, TLS_REASON_NOT_YET_VALID },
	{ ASN_AFTER_DATE_E, TLS_REASON_EXPIRED },
	{ EXTKEYUSE_AUTH_E, TLS_REASON_WRONG_USAGE },
	{ KEYUSE_SIGNATURE_E, TLS_REASON_BAD_CERTIFICATE },
	{ ASN_PARSE_E, TLS_REASON_BAD_CERTIFICATE },
	{ ASN_VERSION_E, TLS_REASON_BAD_CERTIFICATE },
	{ ASN_CRIT_EXT_E, TLS_REASON_BAD_CERTIFICATE },
	{ ASN_SIG_OID_E, TLS_REASON_BAD_CERTIFICATE },
	{ ASN_UNKNOWN_OID_E, TLS_REASON_BAD_CERTIFICATE },
	{ ASN_SIG_KEY_E, TLS_REASON_BAD_CERTIFICATE },
	{ ASN_DATE_SZ_E, TLS_REASON_BAD_CERTIFICATE },
	{ PEER_KEY_ERROR, TLS_REASON_BAD_CERTIFICATE },
	{ RSA_KEY_SIZE_E, TLS_REASON_BAD_CERTIFICATE },
	{ ECC_KEY_SIZE_E, TLS_REASON_BAD_CERTIFICATE },
	{ MAX_CHAIN_ERROR, TLS_REASON_BAD_CERTIFICATE },
	{ VERIFY_CERT_ERROR, TLS_REASON_BAD_CERTIFICATE },
	{ ZERO_RETURN, TLS_REASON_CLOSED },
	{ SOCKET_PEER_CLOSED_E, TLS_REASON_CLOSED },
	{ SOCKET_ERROR_E, TLS_REASON_INTERNAL }, /* Our output had no room. */
	{ MEMORY_E, TLS_REASON_INTERNAL },
	{ MEMORY_ERROR, TLS_REASON_INTERNAL },
	{ RNG_FAILURE_E, TLS_REASON_INTERNAL },
};

/* What the first bytes look like when they are no TLS record (RFC 8446 5.1). */
static const char *other_protocol(const struct tls_error *e)
{
	static const char *const http[] = { "GET ", "HEAD", "POST", "PUT ", "OPTI", "CONN", "HTTP",
		"PRI " };

	if (e->n_first < 4)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(http); i++) {
		if (memcmp(e->first, http[i], 4) == 0)
			return "this is HTTP, not TLS";
	}
	if (memcmp(e->first, "SSH-", 4) == 0)
		return "this is SSH, not TLS";
	if (e->first[0] < 20 || e->first[0] > 23 || e->first[1] != 3)
		return "this is not TLS";
	return NULL;
}

static const char *own_words(const struct tls_error *e)
{
	const char *other = other_protocol(e);

	if (other != NULL)
		return other;
	if (e->err == VERSION_ERROR || e->err == UNSUPPORTED_PROTO_VERSION)
		return "the peer does not speak TLS 1.3";
	if (e->err == UNKNOWN_ALPN_PROTOCOL_NAME_E)
		return "the peer wants another application protocol than sallyport/1";
	if (e->err == SOCKET_ERROR_E)
		return "the output buffer is full";
	if (e->err == NO_PEER_CERT)
		return "no certificate was sent";
	return NULL;
}

enum tls_reason tls_error_explain(const struct tls_error *e, char detail[static DETAIL_CAP])
{
	char text[WOLFSSL_MAX_ERROR_SZ];
	WOLFSSL_ALERT_HISTORY alerts = { 0 };

	(void)wolfSSL_get_alert_history(e->ssl, &alerts);
	if (alerts.last_rx.level == alert_fatal && e->err != ZERO_RETURN) {
		(void)snprintf(detail, DETAIL_CAP, "the peer refuses us with the TLS alert %s (%d)",
			alert_name(alerts.last_rx.code), alerts.last_rx.code);
		return TLS_REASON_ALERT;
	}
	const char *words = own_words(e);
	if (words == NULL)
		words = wolfSSL_ERR_error_string((unsigned long)e->err, text);
	(void)snprintf(detail, DETAIL_CAP, "%s (wolfSSL %d)", words, e->err);
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (known[i].err == e->err)
			return known[i].reason;
	}
	return TLS_REASON_PROTOCOL;
}
