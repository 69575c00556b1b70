#ifndef PKI_DOCTOR_H
#define PKI_DOCTOR_H

#include "pki/ca.h"
#include "pki/crlfile.h"
#include "pki/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Looking at a CA directory for everything that a crash, a full disk, a restored backup or a hand can leave, and putting it in
 * order.  doctor_look() names what it finds; what doctor_repair() can do something about is said there.
 */

/* What has to be done about the CRL. */
enum doctor_crl {
	DOCTOR_CRL_FINE,
	DOCTOR_CRL_RECORD, /* It is good, and the index does not know it yet. */
	DOCTOR_CRL_MAKE,   /* A new one is needed. */
};

struct doctor {
	const struct cli *cli;
	struct ca *ca;
	struct report *report; /* Where findings go; NULL while repairing. */
	bool repair;
	enum doctor_crl crl;
	size_t done; /* Repairs. */
};

/* Permissions: before the directory is opened as a CA.  A cli_exit code. */
int doctor_modes(struct doctor *d, int dir);

/* All the rest.  A cli_exit code; findings are no failure. */
int doctor_look(struct doctor *d);

/* The parts of it: certificates and keys; the CRL. */
int doctor_look_files(struct doctor *d);
int doctor_look_crl(struct doctor *d);

/* Within a transaction: say that something was repaired. */
int doctor_note(struct doctor *d, const char *action, const char *serial);

#endif
