#ifndef PKI_NOTIFY_H
#define PKI_NOTIFY_H

#include <stdbool.h>

/* Telling a process that a file has changed: a process id, or an executable's path. */

/* Is target one of the two?  A path must hold a slash: nothing is looked for in $PATH. */
bool notify_valid(const char *target);

/*
 * SIGHUP to the process, or run the executable: no shell, no arguments, only PATH in its environment, and stdin
 * from /dev/null.  A cli_exit code: CLI_FAILED also when its own exit status is not 0.
 */
int notify_send(const char *target);

#endif
