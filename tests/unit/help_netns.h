#ifndef HELP_NETNS_H
#define HELP_NETNS_H

#include <stdbool.h>

/*
 * Move the test program into a network namespace of its own, with its loopback up.  Needs root; ends the
 * program with a message and status 1 without: such a test must not pass by not running.
 */
void help_netns_enter(void);

/* Run a shell command and return its output (static, until the next call).  Fails the test when it fails. */
const char *help_run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Run check in a child, for what cannot be undone; true when it returned true. */
bool help_in_child(bool (*check)(void));

#endif
