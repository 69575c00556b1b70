#ifndef CTL_CTL_VIEW_H
#define CTL_CTL_VIEW_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

/*
 * A daemon's answer to "status" as text, at most width columns wide where that can be done (0: any).  Members that are missing
 * or of another type show as "-".  Returns 0 or -ENOMEM.
 */
int ctl_view_status(const json_t *status, size_t width, FILE *out);

#endif
