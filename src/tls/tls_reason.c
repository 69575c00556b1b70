#include "tls/tls_reason.h"

#include "base/util.h"

#include <stddef.h>

const char *tls_reason_name(enum tls_reason r)
{
	static const char *const names[] = {
		[TLS_REASON_NONE] = "none",
		[TLS_REASON_NO_CERTIFICATE] = "no-certificate",
		[TLS_REASON_NO_POSSESSION] = "no-possession",
		[TLS_REASON_BAD_CERTIFICATE] = "bad-certificate",
		[TLS_REASON_UNKNOWN_CA] = "unknown-ca",
		[TLS_REASON_NOT_YET_VALID] = "not-yet-valid",
		[TLS_REASON_EXPIRED] = "expired",
		[TLS_REASON_WRONG_USAGE] = "wrong-usage",
		[TLS_REASON_REVOKED] = "revoked",
		[TLS_REASON_CRL_STALE] = "crl-stale",
		[TLS_REASON_BAD_IDENTITY] = "bad-identity",
		[TLS_REASON_WRONG_NAME] = "wrong-name",
		[TLS_REASON_ALERT] = "alert",
		[TLS_REASON_PROTOCOL] = "protocol",
		[TLS_REASON_CLOSED] = "closed",
		[TLS_REASON_INTERNAL] = "internal",
	};
	_Static_assert(ARRAY_LEN(names) == TLS_N_REASONS, "a name for each reason");

	return names[r];
}
