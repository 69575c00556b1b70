#ifndef TLS_TLS_REASON_H
#define TLS_TLS_REASON_H

/* Why a peer was refused or a connection failed. */
enum tls_reason {
	TLS_REASON_NONE,
	TLS_REASON_NO_CERTIFICATE,
	TLS_REASON_NO_POSSESSION,
	TLS_REASON_BAD_CERTIFICATE,
	TLS_REASON_UNKNOWN_CA,
	TLS_REASON_NOT_YET_VALID,
	TLS_REASON_EXPIRED,
	TLS_REASON_WRONG_USAGE,
	TLS_REASON_REVOKED,
	TLS_REASON_CRL_STALE,
	TLS_REASON_BAD_IDENTITY,
	TLS_REASON_WRONG_NAME,
	/* Not about a certificate: */
	TLS_REASON_ALERT,    /* The peer sent a fatal alert: it refuses us. */
	TLS_REASON_PROTOCOL, /* Not TLS 1.3, garbage, wrong ALPN, bad record. */
	TLS_REASON_CLOSED,   /* The peer ended the connection before the handshake did. */
	TLS_REASON_INTERNAL,
	TLS_N_REASONS,
};

/* As in PROTOCOL 2.2 and 4.8: "unknown-ca", "expired", ...; for the others "alert", "protocol", "closed", "internal". */
const char *tls_reason_name(enum tls_reason r);

#endif
