/* A line of openssl's index that is taken has a status, a serial number that reads the same again, and dates as it must. */
#include "pki/index_txt.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *line = malloc(len + 1);
	struct index_line l;
	struct serial again;

	if (line == NULL)
		abort();
	memcpy(line, data, len);
	line[len] = '\0';
	if (index_txt_parse(line, &l) == 0) {
		if ((l.status != 'V' && l.status != 'R' && l.status != 'E') ||
			(l.status != 'R' && l.revoked != 0) || l.reason < 0 || l.reason > 10)
			abort();
		if (serial_parse(l.serial.text, &again) < 0 || l.serial.len == 0 ||
			strcmp(again.text, l.serial.text) != 0 || l.serial.bytes[0] >= 0x80)
			abort();
		if (l.subject < line || l.subject > line + len)
			abort();
	}
	free(line);
	return 0;
}
